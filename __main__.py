"""Composition root: settings, providers, components, outputs. Rules are in the components, values in the settings."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

import outputs
import settings as stack_settings
from components import (
    AutoscalerMonitoring,
    ClusterAddons,
    ClusterAutoscaler,
    ClusterNetwork,
    ClusterOidcProvider,
    EksCluster,
    EksClusterArgs,
    ExistingNodeGroup,
    ExistingScalingGroup,
    Headroom,
    ManagedNodeGroup,
    ManagedNodeGroupArgs,
    SelfManagedNodeGroup,
    errors,
)
from components.autoscaler_role import IRSA, NODE_ROLE
from components.invoking import undescribed
from components.pure.iam import role_name


def make_network(settings: stack_settings.Settings, opts: pulumi.ResourceOptions) -> ClusterNetwork | None:
    """The VPC of a cluster that is created with one."""
    cluster = settings["cluster"]
    if not (plan := cluster.get("create", {}).get("network")):
        return None
    arguments = stack_settings.network_arguments(settings, plan, cluster_name=cluster["name"])
    return ClusterNetwork("network", arguments, opts)


def cluster_name_of(
    owner: pulumi.StackReference, settings: stack_settings.Settings, deployed: Mapping[str, Any]
) -> pulumi.Output[str]:
    """The output of another stack that names the cluster, or an error with the outputs that the stack has."""
    cluster = settings["cluster"]

    def named(value: object) -> Any:
        if isinstance(value, str):
            for warning in stack_settings.other_cluster(deployed, settings, value):
                pulumi.log.warn(warning)
            return value
        # Read only now: one secret output makes all of them secret.
        return owner.outputs.apply(lambda outputs: stack_settings.refuse_output(cluster, value, outputs))

    return owner.get_output(cluster.get("stack_output", "clusterName")).apply(named)


def cluster_arguments(
    settings: stack_settings.Settings,
    deployed: Mapping[str, Any],
    owner: pulumi.StackReference | None,
    network: ClusterNetwork | None,
) -> EksClusterArgs:
    """The cluster by its own name or by another stack's output, with its subnets if it is created."""
    cluster = settings["cluster"]
    arguments: Any = stack_settings.ip_family_of(settings)
    arguments["name"] = cluster_name_of(owner, settings, deployed) if owner else cluster["name"]
    if owner or "create" not in cluster:
        return arguments  # type: ignore[no-any-return]
    create: Any = {key: value for key, value in cluster["create"].items() if key not in ("network", "addons")}
    if network:
        create["vpc_id"] = network.vpc_id
        create["private_subnet_ids"] = list(network.private_subnets.values())
        create["public_subnet_ids"] = list(network.public_subnets.values())
    arguments["create"] = create
    return arguments  # type: ignore[no-any-return]


def node_subnets(owner: pulumi.StackReference | None, network: ClusterNetwork | None, cluster: EksCluster) -> Any:
    """The subnets of nodes that are given none: private ones, of the network, the owner's stack or the cluster."""
    if network:
        return list(network.private_subnets.values())
    if owner:
        # An owner of an older version has no such output.
        return owner.get_output("privateSubnetIds").apply(lambda known: known or cluster.node_subnet_ids)
    return cluster.node_subnet_ids


def subnets_by_zone(
    group: stack_settings.NodeGroup, network: ClusterNetwork | None, provider: aws.Provider
) -> dict[str, list[Any]]:
    """The subnets of one group per zone: its own, else the network's."""
    own: Any = group.get("subnet_ids")
    if own is None and network:
        return {zone: [subnet] for zone, subnet in network.private_subnets.items()}
    by_zone: dict[str, list[str]] = {}
    unread = []
    for index, subnet_id in enumerate(own):
        try:
            # A plain look-up, not an Output: the number of groups must be known at preview.
            found = aws.ec2.get_subnet(id=subnet_id, opts=pulumi.InvokeOptions(provider=provider))
        except Exception as error:  # the SDK has no narrower type
            expected = "a subnet in the account and the region, and permission for ec2:DescribeSubnets: aws ec2 "
            unread.append(undescribed(f"subnetIds[{index}]", subnet_id, error, f"{expected}describe-subnets"))
        else:
            by_zone.setdefault(found.availability_zone, []).append(subnet_id)
    if unread:
        raise errors.FaultsError.of(ManagedNodeGroup, group["name"], ManagedNodeGroupArgs, unread)
    return by_zone


def attachment_names(groups: list[stack_settings.NodeGroup]) -> dict[str, str]:
    """Name of the policy's attachment to each group's role: groups that share a given role share one attachment."""
    given = {group["name"]: role_name(str(group["node_role_arn"])) for group in groups if "node_role_arn" in group}
    made = {group["name"]: group["name"] for group in groups if group["name"] not in given}
    return made | {name: f"given/{role}" if role in made else role for name, role in given.items()}


def other_attachment_names(groups: Iterable[str], taken: Collection[str]) -> dict[str, str]:
    """Name of the policy's attachment to the role of each group that exists; no name of a group has a slash."""
    return {name: f"existing/{name}" if f"{name}-existing" in taken else f"{name}-existing" for name in groups}


settings = stack_settings.load()
errors.naming = stack_settings.naming(settings)
deployed = outputs.deployed()
for warning in [*stack_settings.warnings(settings), *stack_settings.move_warnings(deployed, settings)]:
    pulumi.log.warn(warning)

aws_provider = aws.Provider(
    "aws",
    region=settings["region"],
    allowed_account_ids=[settings["account_id"]] if settings["account_id"] else None,
    default_tags={"tags": settings["tags"]} if settings["tags"] else None,
)
on_aws = pulumi.ResourceOptions(providers=[aws_provider])

network = make_network(settings, on_aws)
owner = pulumi.StackReference(settings["cluster"]["stack"]) if "stack" in settings["cluster"] else None
cluster = EksCluster(
    "cluster",
    cluster_arguments(settings, deployed, owner, network),
    on_aws,
    has_new_node_roles=stack_settings.has_new_node_roles(settings),
)

# The settings have the version of a created cluster; a look-up at preview has the one before an upgrade.
of_cluster: Any = {} if cluster.is_created else {"cluster_version": cluster.version}

node_groups = {
    group["name"]: ManagedNodeGroup(
        group["name"],
        stack_settings.node_group_arguments(
            settings,
            group,
            cluster_name=cluster.name,
            kubernetes_version=cluster.version,
            **of_cluster,
            **(
                {"subnet_ids_by_zone": subnets_by_zone(group, network, aws_provider)}
                if group.get("one_per_zone")
                else {"subnet_ids": group.get("subnet_ids") or node_subnets(owner, network, cluster)}
            ),
        ),
        on_aws,
    )
    for group in settings["node_groups"]
}
existing_groups = {
    group["name"]: ExistingNodeGroup(
        stack_settings.existing_resource(group["name"]),
        stack_settings.existing_arguments(group, cluster_name=cluster.name),
        on_aws,
    )
    for group in settings["existing_node_groups"]
}
scaling_groups = {
    group["name"]: ExistingScalingGroup(
        stack_settings.scaling_resource(group["name"]),
        stack_settings.scaling_group_arguments(group, cluster_name=cluster.name),
        on_aws,
    )
    for group in settings["auto_scaling_groups"]
    if "create" not in group
}
self_managed_groups = {
    group["name"]: SelfManagedNodeGroup(
        group["name"],
        stack_settings.self_managed_arguments(
            settings,
            group,
            cluster_name=cluster.name,
            subnet_ids=group["create"].get("subnet_ids") or node_subnets(owner, network, cluster),
            **of_cluster,
        ),
        on_aws,
    )
    for group in settings["auto_scaling_groups"]
    if "create" in group
}
created_groups = [*node_groups.values(), *self_managed_groups.values()]

if (versions := settings["cluster"].get("create", {}).get("addons")) is not None:
    addons: Any = {**versions, "cluster_name": cluster.name, "kubernetes_version": cluster.version}
    # CoreDNS needs nodes.
    on_nodes = pulumi.ResourceOptions(providers=[aws_provider], depends_on=created_groups)
    ClusterAddons("addons", addons, on_nodes)

credentials: dict[str, Any] = {}
oidc_provider: ClusterOidcProvider | None = None
# All workloads of a cluster share its provider. That of a created cluster goes with the cluster, so it is part of the
# stack whatever the credentials are; that of another cluster stays.
if settings["credentials"] == IRSA or (cluster.is_created and settings["oidc_provider"].get("create", True)):
    oidc_provider = ClusterOidcProvider(
        "oidc-provider",
        {"retain": not cluster.is_created, **settings["oidc_provider"], "issuer": cluster.oidc_issuer},
        on_aws,
    )
if settings["credentials"] == IRSA and oidc_provider:
    credentials = {"oidc_provider_arn": oidc_provider.arn, "oidc_issuer": oidc_provider.issuer}
elif settings["credentials"] == NODE_ROLE:
    pulumi.log.warn(
        "credentials: nodeRole gives the autoscaler's permissions to every pod on the nodes; "
        "irsa or podIdentity give them to its service account alone."
    )
    attachments = attachment_names(settings["node_groups"])
    others = other_attachment_names(existing_groups, attachments.values())
    credentials["node_role_names"] = {
        **{attachment: node_groups[name].node_role_name for name, attachment in attachments.items()},
        **{others[name]: group.node_role_name for name, group in existing_groups.items()},
        **{f"asg/{name}": group.node_role_name for name, group in self_managed_groups.items()},
    }

kubernetes_provider = kubernetes.Provider("kubernetes", kubeconfig=cluster.kubeconfig)
autoscaler = ClusterAutoscaler(
    "cluster-autoscaler",
    stack_settings.autoscaler_arguments(
        settings, cluster_arn=cluster.arn, cluster_name=cluster.name, kubernetes_version=cluster.version, **credentials
    ),
    pulumi.ResourceOptions(
        providers=[aws_provider, kubernetes_provider],
        # Its pods need nodes, and on destroy it must stop before its groups and their tags go.
        depends_on=[*created_groups, *existing_groups.values(), *scaling_groups.values()],
    ),
)

for each in settings["headroom"]:
    Headroom(
        each["name"],
        stack_settings.headroom_arguments(settings, each),
        # The autoscaler adds the nodes, and its release may create the namespace.
        pulumi.ResourceOptions(providers=[kubernetes_provider], depends_on=[autoscaler]),
    )

if settings["monitoring"]:
    AutoscalerMonitoring(
        "monitoring",
        settings["monitoring"],
        pulumi.ResourceOptions(providers=[kubernetes_provider], depends_on=[autoscaler]),
    )

outputs.export(
    settings,
    cluster,
    node_groups,
    [*existing_groups.items(), *scaling_groups.items(), *self_managed_groups.items()],
    oidc_provider,
    autoscaler,
)
