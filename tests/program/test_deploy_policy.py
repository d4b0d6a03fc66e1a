"""The policies of `scripts.deploy_policy` admit what the program registers and looks up, in each partition.

The program runs against a recorded cloud. Requests are evaluated by ministack, the IAM of the sandbox, and each type of
resource and each function has its requests here, so that a new one without any ends the test.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pytest
import yaml
from ministack.core import iam_evaluator

from components.autoscaler_role import CREDENTIALS
from components.pure import iam
from scripts.deploy_policy.document import CLUSTER_ROLE, document
from scripts.deploy_policy.reading import read
from settings import Settings
from tests.cloud import ACCOUNT, REGION, Graph, Registration
from tests.program.test_every_setting import ENVIRONMENTS, FOLDER
from tests.program.test_partitions import PARTITIONS, Elsewhere
from tests.program.test_program import PROJECT, ROOT, STACKS, run_program

READS = ("Describe", "Get", "List")


class Call(NamedTuple):
    """A request as IAM sees it."""

    action: str
    resource: str = "*"
    context: Mapping[str, str] = {}


class Place(NamedTuple):
    """Where a stack is, with the ARNs of its roles by name."""

    partition: str
    region: str
    roles: Mapping[str, str]

    def arn(self, service: str, rest: str) -> str:
        region = "" if service == "iam" else self.region
        return f"arn:{self.partition}:{service}:{region}:{ACCOUNT}:{rest}"

    def managed(self, name: str) -> str:
        return iam.managed_policy_arn(self.partition, name)


Calls = Callable[[Registration, Place], Iterator[Call]]


def named(found: Registration, given: str = "name") -> str:
    """The name that the provider or Pulumi makes, with random characters at the end."""
    prefix = found.inputs.get(f"{given}Prefix")
    return str(found.inputs.get(given) or f"{prefix or f'{found.name}-'}a1b2c3d")


def role_arn(found: Registration, place: Place) -> str:
    return place.arn("iam", f"role{found.inputs.get('path', '/')}{named(found)}")


def role(found: Registration, place: Place) -> Iterator[Call]:
    arn, boundary = role_arn(found, place), found.inputs.get("permissionsBoundary")
    yield Call("iam:CreateRole", arn, {"iam:PermissionsBoundary": boundary} if boundary else {})
    for action in ("GetRole", "DeleteRole", "TagRole", "UpdateAssumeRolePolicy", "ListAttachedRolePolicies"):
        yield Call(f"iam:{action}", arn)


def attachment(found: Registration, place: Place) -> Iterator[Call]:
    arn, context = place.roles[found.inputs["role"]], {"iam:PolicyARN": found.inputs["policyArn"]}
    yield from (Call(f"iam:{action}", arn, context) for action in ("AttachRolePolicy", "DetachRolePolicy"))
    yield Call("iam:ListAttachedRolePolicies", arn)


def inline(found: Registration, place: Place) -> Iterator[Call]:
    arn = place.roles[found.inputs["role"]]
    yield from (Call(f"iam:{action}", arn) for action in ("PutRolePolicy", "GetRolePolicy", "DeleteRolePolicy"))


def passed(arn: str, *services: str) -> Iterator[Call]:
    yield from (Call("iam:PassRole", arn, {"iam:PassedToService": service}) for service in services)


def cluster(found: Registration, place: Place) -> Iterator[Call]:
    """A cluster by pulumi-eks, which makes the role unless it is given (nodejs/eks/cluster/cluster.ts, createCore)."""
    arn = place.arn("eks", f"cluster/{found.inputs['name']}")
    for action in ("DescribeCluster", "DeleteCluster", "UpdateClusterConfig", "UpdateClusterVersion", "TagResource"):
        yield Call(f"eks:{action}", arn)
    yield Call("eks:CreateCluster")
    yield Call("iam:CreateServiceLinkedRole", place.arn("iam", "role/aws-service-role/eks.amazonaws.com/x"))
    own = found.inputs.get("serviceRole")
    made = place.arn("iam", f"role/{CLUSTER_ROLE}a1b2c3d")
    if own is None:
        policy = {"iam:PolicyARN": place.managed(iam.CLUSTER_MANAGED_POLICY)}
        yield Call("iam:CreateRole", made)
        yield Call("iam:AttachRolePolicy", made, policy)
        yield Call("iam:DetachRolePolicy", made, policy)
    else:
        made = next(arn for name, arn in place.roles.items() if name == "cluster-role")
    yield from passed(made, "eks.amazonaws.com")
    for entry in found.inputs.get("accessEntries", {}):
        yield from access_entry(found._replace(inputs={"clusterName": found.inputs["name"], "name": entry}), place)
        for action in ("AssociateAccessPolicy", "DisassociateAccessPolicy", "ListAssociatedAccessPolicies"):
            yield Call(f"eks:{action}", place.arn("eks", f"access-entry/{found.inputs['name']}/role/{ACCOUNT}/x/y"))


def part(kind: str, create: str, *others: str) -> Calls:
    """Something in a cluster: created on the cluster, otherwise by its own ARN."""

    def calls(found: Registration, place: Place) -> Iterator[Call]:
        name = found.inputs["clusterName"]
        yield Call(f"eks:{create}", place.arn("eks", f"cluster/{name}"))
        for action in (*others, "TagResource", "UntagResource"):
            yield Call(f"eks:{action}", place.arn("eks", f"{kind}/{name}/x/y"))

    return calls


access_entry = part("access-entry", "CreateAccessEntry", "DescribeAccessEntry", "DeleteAccessEntry")
node_group_itself = part(
    "nodegroup",
    "CreateNodegroup",
    "DescribeNodegroup",
    "DeleteNodegroup",
    "UpdateNodegroupConfig",
    "UpdateNodegroupVersion",
)
association_itself = part(
    "podidentityassociation",
    "CreatePodIdentityAssociation",
    "DescribePodIdentityAssociation",
    "UpdatePodIdentityAssociation",
    "DeletePodIdentityAssociation",
)


def node_group(found: Registration, place: Place) -> Iterator[Call]:
    """EKS checks the rights to pass the role, to launch, and to see and make its service-linked role."""
    yield from node_group_itself(found, place)
    yield from passed(place.roles[iam.role_name(found.inputs["nodeRoleArn"])], "eks.amazonaws.com")
    yield from launched(place)
    linked = place.arn("iam", "role/aws-service-role/eks-nodegroup.amazonaws.com/AWSServiceRoleForAmazonEKSNodegroup")
    yield from (Call(f"iam:{action}", linked) for action in ("GetRole", "CreateServiceLinkedRole"))


def launched(place: Place) -> Iterator[Call]:
    """What RunInstances is checked on; an image has no account (service authorization reference of EC2)."""
    kinds = ("instance", "volume", "network-interface", "subnet", "security-group", "launch-template", "key-pair")
    for kind in (*kinds, "capacity-reservation"):
        yield Call("ec2:RunInstances", place.arn("ec2", f"{kind}/x"))
    yield Call("ec2:RunInstances", f"arn:{place.partition}:ec2:{place.region}::image/ami-1")
    yield from (Call("ec2:CreateTags", place.arn("ec2", f"{kind}/*")) for kind in ("instance", "volume"))


def scaling_group(found: Registration, place: Place) -> Iterator[Call]:
    """Auto Scaling passes the role of the launch template's instance profile to EC2."""
    for action in ("Create", "Update", "Delete"):
        yield Call(f"autoscaling:{action}AutoScalingGroup", group_arn(named(found), place))
    for action in ("SuspendProcesses", "SetInstanceProtection", "CreateOrUpdateTags", "DeleteTags"):
        yield Call(f"autoscaling:{action}", group_arn(named(found), place))
    yield Call("autoscaling:DescribeAutoScalingGroups")
    yield from passed(place.roles[f"{found.name}-node"], *iam.ec2_services(place.partition))
    yield from launched(place)
    for service in ("autoscaling", "spot"):
        linked = place.arn("iam", f"role/aws-service-role/{service}.amazonaws.com/AWSServiceRole")
        yield Call("iam:CreateServiceLinkedRole", linked)


def group_arn(name: str, place: Place) -> str:
    return place.arn("autoscaling", f"autoScalingGroup:0000:autoScalingGroupName/{name}")


def profile(found: Registration, place: Place) -> Iterator[Call]:
    arn = place.arn("iam", f"instance-profile{found.inputs.get('path', '/')}{named(found)}")
    for action in ("Create", "Get", "Delete", "Tag"):
        yield Call(f"iam:{action}InstanceProfile", arn)
    yield from (Call(f"iam:{action}InstanceProfile", arn) for action in ("AddRoleTo", "RemoveRoleFrom"))
    yield from passed(place.roles[found.inputs["role"]], *iam.ec2_services(place.partition))


def association(found: Registration, place: Place) -> Iterator[Call]:
    yield from association_itself(found, place)
    yield from passed(place.roles[iam.role_name(found.inputs["roleArn"])], "pods.eks.amazonaws.com")


def policy(found: Registration, place: Place) -> Iterator[Call]:
    arn = place.arn("iam", f"policy{found.inputs.get('path', '/')}{found.inputs['name']}")
    for action in ("CreatePolicy", "GetPolicy", "GetPolicyVersion", "ListPolicyVersions", "CreatePolicyVersion"):
        yield Call(f"iam:{action}", arn)
    yield from (Call(f"iam:{action}", arn) for action in ("DeletePolicyVersion", "DeletePolicy", "TagPolicy"))


def provider(found: Registration, place: Place) -> Iterator[Call]:
    arn = place.arn("iam", f"oidc-provider/oidc.eks.{place.region}.amazonaws.com/id/EXAMPLE")
    actions = ["Create", "Get", "Tag", *([] if found.retain_on_delete else ["Delete"])]
    yield from (Call(f"iam:{action}OpenIDConnectProvider", arn) for action in actions)


def in_ec2(kind: str, *actions: str) -> Calls:
    """Resources of EC2; what is only described has no ARN."""

    def calls(_: Registration, place: Place) -> Iterator[Call]:
        for action in actions:
            yield Call(f"ec2:{action}", "*" if action.startswith("Describe") else place.arn("ec2", f"{kind}/x"))

    return calls


def tag(found: Registration, place: Place) -> Iterator[Call]:
    arn = group_arn(found.inputs["autoscalingGroupName"], place)
    yield from (Call(f"autoscaling:{action}", arn) for action in ("CreateOrUpdateTags", "DeleteTags"))
    yield Call("autoscaling:DescribeTags")


RESOURCES: Mapping[str, Calls] = {
    "aws:autoscaling/group:Group": scaling_group,
    "aws:autoscaling/tag:Tag": tag,
    "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway": in_ec2(
        "egress-only-internet-gateway",
        "CreateEgressOnlyInternetGateway",
        "DescribeEgressOnlyInternetGateways",
        "DeleteEgressOnlyInternetGateway",
        "CreateTags",
    ),
    "aws:ec2/eip:Eip": in_ec2("elastic-ip", "AllocateAddress", "DescribeAddresses", "ReleaseAddress", "CreateTags"),
    "aws:ec2/internetGateway:InternetGateway": in_ec2(
        "internet-gateway",
        "CreateInternetGateway",
        "AttachInternetGateway",
        "DescribeInternetGateways",
        "DetachInternetGateway",
        "DeleteInternetGateway",
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": in_ec2(
        "launch-template",
        "CreateLaunchTemplate",
        "CreateLaunchTemplateVersion",
        "ModifyLaunchTemplate",
        "DescribeLaunchTemplates",
        "DescribeLaunchTemplateVersions",
        "DeleteLaunchTemplate",
        "CreateTags",
        "DeleteTags",
    ),
    "aws:ec2/natGateway:NatGateway": in_ec2(
        "natgateway", "CreateNatGateway", "DescribeNatGateways", "DeleteNatGateway", "CreateTags"
    ),
    "aws:ec2/routeTable:RouteTable": in_ec2(
        "route-table",
        "CreateRouteTable",
        "CreateRoute",
        "ReplaceRoute",
        "DeleteRoute",
        "DescribeRouteTables",
        "DeleteRouteTable",
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": in_ec2(
        "route-table", "AssociateRouteTable", "ReplaceRouteTableAssociation", "DisassociateRouteTable"
    ),
    "aws:ec2/securityGroup:SecurityGroup": in_ec2(
        "security-group",
        "CreateSecurityGroup",
        "AuthorizeSecurityGroupIngress",
        "RevokeSecurityGroupIngress",
        "RevokeSecurityGroupEgress",
        "DescribeSecurityGroups",
        "DeleteSecurityGroup",
    ),
    "aws:ec2/subnet:Subnet": in_ec2(
        "subnet", "CreateSubnet", "ModifySubnetAttribute", "DescribeSubnets", "DeleteSubnet"
    ),
    "aws:ec2/vpc:Vpc": in_ec2(
        "vpc", "CreateVpc", "ModifyVpcAttribute", "DescribeVpcs", "DescribeVpcAttribute", "DeleteVpc", "CreateTags"
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": in_ec2(
        "vpc-endpoint", "CreateVpcEndpoint", "ModifyVpcEndpoint", "DescribeVpcEndpoints", "DeleteVpcEndpoints"
    ),
    "aws:eks/accessEntry:AccessEntry": access_entry,
    "aws:eks/addon:Addon": part("addon", "CreateAddon", "DescribeAddon", "UpdateAddon"),
    "aws:eks/nodeGroup:NodeGroup": node_group,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": association,
    "aws:iam/instanceProfile:InstanceProfile": profile,
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": provider,
    "aws:iam/policy:Policy": policy,
    "aws:iam/role:Role": role,
    "aws:iam/rolePolicy:RolePolicy": inline,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": attachment,
    "eks:index:Cluster": cluster,
}

OF_CLUSTER = {"getCluster": "DescribeCluster", "getNodeGroups": "ListNodegroups"}
IN_CLUSTER = {"getNodeGroup": ("nodegroup", "DescribeNodegroup"), "getAddon": ("addon", "DescribeAddon")}
WITHOUT_RESOURCE = {
    "getAmiIds": "autoscaling:DescribeAutoScalingGroups",
    "getGroup": "autoscaling:DescribeAutoScalingGroups",
    "getInstanceType": "ec2:DescribeInstanceTypes",
    "getRouteTable": "ec2:DescribeRouteTables",
    "getRouteTables": "ec2:DescribeRouteTables",
    "getSubnet": "ec2:DescribeSubnets",
    "getSubnets": "ec2:DescribeSubnets",
    "getVpcEndpointService": "ec2:DescribeVpcEndpointServices",
    "getAddonVersion": "eks:DescribeAddonVersions",
    "getOpenIdConnectProvider": "iam:ListOpenIDConnectProviders",
}
NO_RIGHT = {"getCallerIdentity", "getPartition", "getRegion"}


def looked_up(token: str, args: Mapping[str, Any], place: Place) -> Iterator[Call]:
    name = token.rpartition(":")[2]
    if name in OF_CLUSTER:
        arn = place.arn("eks", f"cluster/{args.get('name', args.get('clusterName'))}")
        yield Call(f"eks:{OF_CLUSTER[name]}", arn)
    elif name in IN_CLUSTER:
        kind, action = IN_CLUSTER[name]
        yield Call(f"eks:{action}", place.arn("eks", f"{kind}/{args['clusterName']}/x/y"))
    elif name == "getParameter":
        for account in (ACCOUNT, ""):
            prefix = f"arn:{place.partition}:ssm:{place.region}:{account}"
            yield Call("ssm:GetParameter", f"{prefix}:parameter{args['name']}")
    elif name not in NO_RIGHT:
        yield Call(WITHOUT_RESOURCE[name])


def requests(graph: Graph, partition: str, region: str) -> Iterator[Call]:
    """What AWS is asked for a graph."""
    place = Place(partition, region, {})
    given = [found.inputs["nodeRoleArn"] for found in graph.of("aws:eks/nodeGroup:NodeGroup")]
    existing = [args["nodeGroupName"] for token, args, _ in graph.invokes if token.endswith(":getNodeGroup")]
    given += [place.arn("iam", f"role/eksctl/{name}-NodeInstanceRole") for name in existing]
    roles = {iam.role_name(arn): arn for arn in given}
    # The recorded cloud names roles after their resources.
    roles |= {found.name: role_arn(found, place) for found in graph.of("aws:iam/role:Role")}
    place = place._replace(roles=roles)
    for found in graph.registrations:
        if found.type.startswith(("aws:", "eks:")):
            yield from RESOURCES[found.type](found, place)
    for token, args, _ in graph.invokes:
        if token.startswith("aws:"):
            yield from looked_up(token, args, place)


def denied(call: Call, policy: dict[str, Any]) -> bool:
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:iam::{ACCOUNT}:role/deployer",
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=call.action,
        resource_arn=call.resource,
        region=REGION,
        service_context={key.lower(): value for key, value in call.context.items()},
    )
    return iam_evaluator.evaluate(context, [iam_evaluator.parse_policy_document(policy)]).decision != "Allow"


def assert_admitted(settings: Settings, graph: Graph, partition: str, region: str) -> None:
    calls = list(requests(graph, partition, region))
    deploy, preview = (document(settings, ACCOUNT, write=write) for write in (True, False))
    assert [call for call in calls if denied(call, deploy)] == []
    reads = [call for call in calls if call.action.split(":")[1].startswith(READS)]
    # EKS reads its service-linked role when it creates a node group only.
    assert [call for call in reads if denied(call, preview) and "aws-service-role" not in call.resource] == []


AS_WRITTEN = [*((ROOT, stack) for stack in STACKS), *((FOLDER, environment) for environment in ENVIRONMENTS)]
CASES = [
    *((ROOT, stack, {"credentials": mode}, REGION, "aws") for stack in STACKS for mode in CREDENTIALS),
    *((FOLDER, environment, {}, REGION, "aws") for environment in ENVIRONMENTS),
    *((folder, stack, {}, region, partition) for folder, stack in AS_WRITTEN for region, partition in PARTITIONS),
]


@pytest.mark.parametrize(
    ("folder", "stack", "changes", "region", "partition"),
    CASES,
    ids=[f"{stack} {changes.get('credentials', '')} {region}" for _, stack, changes, region, _ in CASES],
)
def test_the_policies_admit_what_the_program_requests(folder, stack, changes, region, partition, tmp_path):
    text = (folder / f"Pulumi.{stack}.yaml").read_text().replace("arn:aws:", f"arn:{partition}:")
    config = yaml.safe_load(text.replace(REGION, region))["config"]
    if partition == iam.CHINA:
        # EKS has neither there, and the settings refuse both.
        for group in config.get(f"{PROJECT['name']}:nodeGroups", []):
            group.pop("warmPool", None)
        config[f"{PROJECT['name']}:cluster"].pop("ipFamily", None)
    config |= {f"{PROJECT['name']}:{key}": value for key, value in changes.items()}
    file = tmp_path / f"Pulumi.{stack}.yaml"
    file.write_text(yaml.safe_dump({"config": config}))
    graph = run_program(stack, folder=tmp_path, cloud=Elsewhere(region, partition))
    assert_admitted(read(file), graph, partition, region)
