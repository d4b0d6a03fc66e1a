"""SelfManagedNodeGroup: an Auto Scaling group of nodes without EKS's help, which can mix on-demand and spot."""

import base64
from collections.abc import Sequence
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from . import asg_tags, self_managed_args
from .errors import FaultsError, checked
from .instance_types import fitting
from .invoking import Refused, ask, describe_cluster, described
from .launch_template import disks, metadata_options
from .node_role import NodeRole
from .pure import ami, arns, bootstrap, discovery, iam, instances, sizes, startup_taints, validation
from .pure.bootstrap import ClusterDetails, Kubelet
from .pure.faults import Fault
from .pure.instances import InstanceType
from .pure.ip_family import IPV6
from .self_managed_args import (
    DEFAULT_ON_DEMAND_PERCENTAGE,
    DEFAULT_SPOT_STRATEGY,
    LOWEST_PRICE,
    SPOT_POOLS,
    SelfManagedNodeGroupArgs,
    ami_type,
    disk_size_gib,
    hop_limit,
    instance_types,
)

TOKEN = "eks-cluster-autoscaler:index:SelfManagedNodeGroup"

DESIRED_CAPACITY = "desiredCapacity"
"""Path of the number of nodes for ``ignore_changes``. Nothing else must be ignored.

That is enough here, unlike for a managed node group (docs/decisions/0007): the AWS provider sends the desired capacity
only if it changes itself (``resourceGroupUpdate`` in internal/service/autoscaling/group.go of
hashicorp/terraform-provider-aws), and Auto Scaling moves the live one only as far as a new minimum or maximum demands
(UpdateAutoScalingGroup in the EC2 Auto Scaling API reference). No argument of this component replaces the group.
"""

NO_WAIT = "0"
"""The provider's waiting for capacity, off: after a change of the minimum it waits for exactly the number of nodes in
its state, which Cluster Autoscaler has changed since (``waitGroupCapacitySatisfied`` in ``resourceGroupUpdate``)."""

REBALANCING = "AZRebalance"
"""Auto Scaling's process that terminates nodes to even out zones, without draining their pods."""

GROUPS = "aws:autoscaling/getAmiIds:getAmiIds"
"""The AWS provider's function for names of Auto Scaling groups; Pulumi's token for it has another name."""

GROUP = "aws:autoscaling/getGroup:getGroup"


class _Known(NamedTuple):
    """What is looked up: the cluster, the instance types that fit together, and how many pods a node runs."""

    cluster: pulumi.Output[aws.eks.GetClusterResult]
    types: pulumi.Output[list[InstanceType]]
    max_pods: pulumi.Output[int | None]


class SelfManagedNodeGroup(pulumi.ComponentResource):
    """A self-managed Auto Scaling group: node role, access entry, launch template, group and the tags on it.

    On-demand and spot nodes can be mixed. IMDSv2 is required and the volumes are encrypted. The number of nodes belongs
    to Cluster Autoscaler. A change of the image, the disks or the user data reaches new nodes only: drain old ones.

    Needs an AWS provider, with `eks:DescribeCluster` and `ssm:GetParameter` at preview.
    """

    asg_name: pulumi.Output[str]
    """Name of the Auto Scaling group."""
    node_role_arn: pulumi.Output[str]
    """ARN of the nodes' role."""
    node_role_name: pulumi.Output[str]
    """Name of the nodes' role."""
    min_size: pulumi.Output[int]
    """Minimum number of nodes."""
    max_size: pulumi.Output[int]
    """Maximum number of nodes."""
    startup_taints: pulumi.Output[list[str]]
    """Keys of its startup taints, for `startupTaints` of ClusterAutoscaler."""
    tags: pulumi.Output[dict[str, str]]
    """Tags for Cluster Autoscaler on the group, value by key."""

    def __init__(self, name: str, args: SelfManagedNodeGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:

        def rules(given: SelfManagedNodeGroupArgs) -> list[Fault]:
            return [*self_managed_args.name_faults(name), *self_managed_args.faults(given)]

        args = checked(SelfManagedNodeGroup, name, args, SelfManagedNodeGroupArgs, rules)
        super().__init__(TOKEN, name, dict(args), opts)
        child = pulumi.ResourceOptions(parent=self)
        looked_up = describe_cluster(self, name, SelfManagedNodeGroupArgs, "clusterName", args["cluster_name"])
        types: pulumi.Output[list[InstanceType]] = pulumi.Output.from_input(instance_types(args)).apply(
            lambda names: fitting(self, name, args, SelfManagedNodeGroupArgs, names)
        )
        pods = types.apply(lambda found: _max_pods(args, found))
        known = _Known(looked_up.apply(lambda found: self._fit(name, args, found)), types, pods)

        policies, ipv6 = args.get("node_role_policies", []), args.get("ip_family") == IPV6
        role = NodeRole.make(name, args, policies, child, kind="self-managed group", ipv6=ipv6)
        prefix = args.get("name_prefix")
        profile = aws.iam.InstanceProfile(
            name,
            name_prefix=iam.role_prefix(prefix, f"{name}-node") if prefix else None,
            role=role.name,
            path=args.get("path"),
            tags=args.get("tags"),
            opts=child,
        )
        # EKS creates the entry of a managed node group's role, and of no other.
        entry = aws.eks.AccessEntry(
            name,
            cluster_name=args["cluster_name"],
            principal_arn=role.arn,
            type="EC2_LINUX",
            tags=args.get("tags"),
            opts=child,
        )
        template = self._launch_template(name, args, known, profile)
        tags = asg_tags.pairs(self_managed_args.template(args, pods.apply(instances.advertised_pods)))
        group = aws.autoscaling.Group(
            name,
            min_size=args["min_size"],
            max_size=args["max_size"],
            desired_capacity=args.get("desired_size"),
            vpc_zone_identifiers=args["subnet_ids"],
            suspended_processes=[REBALANCING],
            wait_for_capacity_timeout=NO_WAIT,
            tags=[*_own_tags(args), *(_tag(key, value) for key, value in tags)],
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[*role.attachments, entry], ignore_changes=[DESIRED_CAPACITY]
            ),
            **_launch(args, template, types),
        )

        # Only a group that exists has a launch template whose ID is known at preview.
        limits = pulumi.Output.all(args["cluster_name"], template.id, args["max_size"])
        self.lost: pulumi.Output[int] = limits.apply(lambda values: self._warn_of_loss(name, *values))
        """Number of nodes that Auto Scaling terminates because of a new maximum (Python only)."""
        self.asg_name = group.name
        self.node_role_arn = role.arn
        self.node_role_name = role.name
        self.min_size = group.min_size
        self.max_size = group.max_size
        self.startup_taints = pulumi.Output.from_input(startup_taints.flag_keys(args.get("taints", [])))
        self.tags = pulumi.Output.all(*(pulumi.Output.all(*pair) for pair in tags)).apply(
            lambda put: {str(key): str(value) for key, value in put}
        )
        self.register_outputs(
            {
                "asgName": self.asg_name,
                "nodeRoleArn": self.node_role_arn,
                "nodeRoleName": self.node_role_name,
                "minSize": self.min_size,
                "maxSize": self.max_size,
                "startupTaints": self.startup_taints,
                "tags": self.tags,
            }
        )

    def _fit(
        self, name: str, args: SelfManagedNodeGroupArgs, cluster: aws.eks.GetClusterResult
    ) -> aws.eks.GetClusterResult:
        """Return the cluster, once it is known that the nodes can join it with what the arguments name."""
        region = iam.ClusterIdentity.from_arn(cluster.arn).region
        found = arns.place_faults(SelfManagedNodeGroupArgs, args, region)
        mode = cluster.access_configs[0].authentication_mode
        if mode == "CONFIG_MAP":
            expected = (
                "API_AND_CONFIG_MAP or API, for the access entry of the nodes: aws eks update-cluster-config --name "
                f"{cluster.name} --access-config authenticationMode=API_AND_CONFIG_MAP"
            )
            found.append(Fault("clusterName", f"{cluster.name} with authenticationMode {mode}", expected))
        if found:
            raise FaultsError.of(SelfManagedNodeGroup, name, SelfManagedNodeGroupArgs, found)
        return cluster

    def _launch_template(
        self, name: str, args: SelfManagedNodeGroupArgs, known: _Known, profile: aws.iam.InstanceProfile
    ) -> aws.ec2.LaunchTemplate:
        tags = {"Name": name, **args.get("tags", {})}
        return aws.ec2.LaunchTemplate(
            name,
            description=f"Nodes of the self-managed group {name}",
            image_id=self._image(name, args, known),
            instance_type=None if _is_mixed(args) else known.types.apply(lambda _: instance_types(args)[0]),
            iam_instance_profile={"arn": profile.arn},
            metadata_options=metadata_options(hop_limit(args)),
            block_device_mappings=disks(
                ami_type(args), disk_size_gib(args), args.get("iops"), args.get("throughput"), args.get("kms_key_arn")
            ),
            key_name=args.get("key_pair"),
            vpc_security_group_ids=args.get(
                "security_group_ids", known.cluster.apply(lambda found: [found.vpc_config.cluster_security_group_id])
            ),
            user_data=self._user_data(name, args, known),
            tag_specifications=[{"resource_type": kind, "tags": tags} for kind in ("instance", "volume")],
            tags=args.get("tags"),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _image(self, name: str, args: SelfManagedNodeGroupArgs, known: _Known) -> pulumi.Input[str]:
        if "image_id" in args:
            return args["image_id"]
        version = known.cluster.apply(lambda found: found.version)
        if "kubernetes_version" in args:
            version = pulumi.Output.all(args["kubernetes_version"], args.get("cluster_version")).apply(
                lambda both: _checked_version(name, *both)
            )
        fitted = known.types.apply(
            lambda found: args.get("ami_type") or (instances.default_ami_type(found) if found else ami_type(args))
        )
        parameter = pulumi.Output.all(fitted, version).apply(lambda both: ami.image_parameter(*both))
        answer = aws.ssm.get_parameter_output(name=parameter, opts=pulumi.InvokeOutputOptions(parent=self))
        path = "kubernetesVersion" if "kubernetes_version" in args else "amiType"
        expected = (
            "an amiType and a kubernetesVersion for which AWS publishes an image (aws ssm get-parameter --name NAME), "
            "with permission for ssm:GetParameter, or imageId"
        )
        found = described(self, name, SelfManagedNodeGroupArgs, path, parameter, answer, expected)
        # Public parameters are no secrets, as which `value` would be treated.
        return found.insecure_value

    def _user_data(self, name: str, args: SelfManagedNodeGroupArgs, known: _Known) -> pulumi.Output[str]:
        def encoded(values: Sequence[Any]) -> str:
            found, labels, pods, text = values
            # What was an Output is checked here, before it becomes a part of the document.
            faults = [*validation.labels("labels", labels), *bootstrap.faults("userData", ami_type(args), text)]
            kubelet = Kubelet(labels, args.get("taints", []), pods)
            whole = "" if faults else bootstrap.document(ami_type(args), _details(found), kubelet, text)
            if faults := faults or bootstrap.size_faults("userData", whole):
                raise FaultsError.of(SelfManagedNodeGroup, name, SelfManagedNodeGroupArgs, faults)
            return base64.b64encode(whole.encode()).decode()

        labels = pulumi.Output.from_input(args.get("labels", {}))
        return pulumi.Output.all(known.cluster, labels, known.max_pods, args.get("user_data")).apply(encoded)

    async def _warn_of_loss(self, name: str, cluster: str, template: str, maximum: int) -> int:
        """Return how many nodes Auto Scaling terminates because of a new maximum, after a warning about them."""
        owned = [{"name": f"tag:{discovery.owner_key(cluster)}", "values": ["owned"]}]
        try:
            names = (await ask(self, GROUPS, filters=owned))["names"]
            found = [await ask(self, GROUP, name=each) for each in names if sizes.may_be_of(name, each)]
        except Refused as error:
            pulumi.log.warn(
                f"Cannot read the live size of group {name}, so a maxSize below it is not reported. Allow "
                f"autoscaling:DescribeAutoScalingGroups. {error}",
                self,
            )
            return 0
        lost = 0
        for group in found:
            if template not in _templates(group):
                continue
            lost = max(0, int(group["desiredCapacity"]) - int(maximum))
            if lost:
                pulumi.log.warn(
                    f"Group {group['name']} has {int(group['desiredCapacity'])} nodes and maxSize is now "
                    f"{int(maximum)}: Auto Scaling terminates {lost} of them.",
                    self,
                )
        return lost


def _checked_version(name: str, version: str, of_cluster: str | None) -> str:
    """Return the Kubernetes version of the image, once it is known that it is not newer than the cluster's."""
    if found := ami.newer_faults("kubernetesVersion", version, of_cluster):
        raise FaultsError.of(SelfManagedNodeGroup, name, SelfManagedNodeGroupArgs, found)
    return version


def _is_mixed(args: SelfManagedNodeGroupArgs) -> bool:
    return len(instance_types(args)) > 1 or "instances_distribution" in args


def _launch(
    args: SelfManagedNodeGroupArgs, template: aws.ec2.LaunchTemplate, types: pulumi.Output[list[InstanceType]]
) -> dict[str, Any]:
    """Return from what the group launches its nodes: the template alone, or with instance types and distribution."""
    version = template.latest_version.apply(lambda number: str(int(number)))
    if not _is_mixed(args):
        return {"launch_template": {"id": template.id, "version": version}}
    given = args.get("instances_distribution", {})
    strategy = given.get("spot_allocation_strategy", DEFAULT_SPOT_STRATEGY)
    names = instance_types(args)
    return {
        "mixed_instances_policy": {
            # All of it, because the provider keeps the last setting if a program gives none (Optional and Computed).
            "instances_distribution": {
                # The first type is the one by which the autoscaler sizes the group.
                "on_demand_allocation_strategy": "prioritized",
                "on_demand_base_capacity": given.get("on_demand_base_capacity", 0),
                "on_demand_percentage_above_base_capacity": given.get(
                    "on_demand_percentage_above_base_capacity", DEFAULT_ON_DEMAND_PERCENTAGE
                ),
                "spot_allocation_strategy": strategy,
                # Auto Scaling rejects a number with another strategy, and 0 makes the provider send none
                # (hashicorp/terraform-provider-aws 13495).
                "spot_instance_pools": SPOT_POOLS if strategy == LOWEST_PRICE else 0,
            },
            "launch_template": {
                "launch_template_specification": {"launch_template_id": template.id, "version": version},
                # Sent once they are checked.
                "overrides": types.apply(lambda _: [{"instance_type": each} for each in names]),
            },
        }
    }


def _details(cluster: aws.eks.GetClusterResult) -> ClusterDetails:
    network = cluster.kubernetes_network_configs[0]
    ipv6 = network.ip_family == IPV6
    return ClusterDetails(
        cluster.name,
        cluster.endpoint,
        cluster.certificate_authorities[0].data,
        network.service_ipv6_cidr if ipv6 else network.service_ipv4_cidr,
    )


def _max_pods(args: SelfManagedNodeGroupArgs, types: Sequence[InstanceType]) -> int | None:
    """Return the number of pods that the kubelet accepts and that the tags advertise."""
    calculated = instances.max_pods(
        types, prefix_delegation=args.get("prefix_delegation", False), ipv6=args.get("ip_family") == IPV6
    )
    return args.get("max_pods", calculated)


def _own_tags(args: SelfManagedNodeGroupArgs) -> list[aws.autoscaling.GroupTagArgs]:
    """Return the tag by which AWS's controllers know nodes of the cluster, and the user's.

    Instances get the user's from the launch template, which tags their volumes too.
    """
    owner = pulumi.Output.from_input(args["cluster_name"]).apply(discovery.owner_key)
    return [
        aws.autoscaling.GroupTagArgs(key=owner, value="owned", propagate_at_launch=True),
        *(_tag(key, value) for key, value in args.get("tags", {}).items()),
    ]


def _tag(key: pulumi.Input[str], value: pulumi.Input[str]) -> aws.autoscaling.GroupTagArgs:
    return aws.autoscaling.GroupTagArgs(key=key, value=value, propagate_at_launch=False)


def _templates(group: Any) -> set[str]:
    """Return the launch templates of a group, as ``getGroup`` describes it, which spells blocks in the plural."""
    policies = [each for policy in group.get("mixedInstancesPolicies") or () for each in policy["launchTemplates"]]
    specifications = [each for template in policies for each in template["launchTemplateSpecifications"]]
    return {
        *(each["id"] for each in group.get("launchTemplates") or ()),
        *(each["launchTemplateId"] for each in specifications),
    }
