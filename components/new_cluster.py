"""A cluster made with pulumi-eks: API access entries, no default node group, nothing that waits for nodes."""

import json
from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks

from . import node_role
from .invoking import find
from .node_role import RoleArgs
from .pure import cluster_changes, compatibility, iam, ip_family, validation
from .pure.faults import Fault

ADMIN_POLICY = "AmazonEKSClusterAdminPolicy"


class ClusterCreation(TypedDict):
    """How to create a cluster. It has no nodes at first: add them with ManagedNodeGroup."""

    kubernetes_version: str
    """Kubernetes version, such as `1.35`."""
    vpc_id: pulumi.Input[str]
    """VPC of the subnets."""
    private_subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]]
    """Subnets of the control plane's network interfaces, in at least two zones."""
    public_subnet_ids: NotRequired[pulumi.Input[Sequence[pulumi.Input[str]]]]
    """Subnets for internet-facing load balancers. Defaults to none."""
    public_access_cidrs: NotRequired[pulumi.Input[Sequence[pulumi.Input[str]]]]
    """Networks that may reach the API server from the internet; with `ipv6` also IPv6 networks. Defaults to none: the
    API server is private."""
    admin_principal_arns: NotRequired[list[pulumi.Input[str]]]
    """Additional cluster admins: ARNs of IAM roles or users. Do not list the creator: EKS already made it an admin.

    Defaults to none.
    """
    role: NotRequired[RoleArgs]
    """Boundary, path and name prefix of the role of the cluster. Give it when you create the cluster: another path or
    prefix replaces the cluster and is refused. Defaults to a role that pulumi-eks creates without any of them."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """AWS tags of the cluster. Defaults to none."""


def faults(create: ClusterCreation, family: str) -> list[Fault]:
    """Check the arguments, as far as they are plain values.

    Args:
        create: The arguments.
        family: IP family of the cluster.
    """
    public = create.get("public_subnet_ids")
    return [
        *_version_faults("kubernetesVersion", create["kubernetes_version"]),
        *validation.vpc_id("vpcId", create["vpc_id"]),
        *validation.subnet_ids("privateSubnetIds", create["private_subnet_ids"], in_two_zones=True),
        *(validation.subnet_ids("publicSubnetIds", public) if public else []),
        *_access_faults(create.get("public_access_cidrs", []), family),
        *validation.tags("tags", create.get("tags", {})),
        *(fault.under("role") for fault in node_role.faults(create.get("role", {}))),
        *(
            fault
            for index, arn in enumerate(create.get("admin_principal_arns", []))
            for fault in _principal_faults(f"adminPrincipalArns[{index}]", arn)
        ),
    ]


def register(
    name: str, cluster_name: pulumi.Input[str], create: ClusterCreation, family: str, opts: pulumi.ResourceOptions
) -> pulumi.Output[aws.eks.Cluster]:
    """Register a cluster.

    Args:
        name: Name of the Pulumi resource.
        cluster_name: Name of the cluster.
        create: What it is to be.
        family: IP family of its pods and services.
        opts: Options of the Pulumi resource.
    """
    public_cidrs = create.get("public_access_cidrs", [])
    role, attachment = _role(name, create["role"], opts) if "role" in create else (None, None)
    made = eks.Cluster(
        name,
        name=cluster_name,
        service_role=role,
        version=create["kubernetes_version"],
        # With a family pulumi-eks sends a network configuration, which clusters of earlier versions do not have.
        ip_family=family if family == ip_family.IPV6 else None,
        vpc_id=create["vpc_id"],
        private_subnet_ids=create["private_subnet_ids"],
        public_subnet_ids=create.get("public_subnet_ids") or None,
        endpoint_private_access=True,
        endpoint_public_access=pulumi.Output.from_input(public_cidrs).apply(bool),
        public_access_cidrs=public_cidrs or None,
        authentication_mode=eks.AuthenticationMode.API,
        access_entries={
            name: _administrator(arn) for name, arn in _entry_names(create.get("admin_principal_arns", [])).items()
        },
        skip_default_node_group=True,
        skip_default_security_groups=True,
        # EKS brings its own CNI, CoreDNS and kube-proxy; add-ons that wait for nodes would block an empty cluster.
        use_default_vpc_cni=True,
        coredns_addon_options=eks.CoreDnsAddonOptionsArgs(enabled=False),
        kube_proxy_addon_options=eks.KubeProxyAddonOptionsArgs(enabled=False),
        create_oidc_provider=False,
        tags=create.get("tags"),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[attachment] if attachment else [])),
    )
    return made.eks_cluster


async def live_faults(owner: pulumi.Resource, name: str, create: ClusterCreation, family: str) -> list[Fault]:
    """Return what EKS refuses to make of the cluster of this name, if it exists already.

    Args:
        owner: Component whose AWS provider is asked.
        name: Name of the cluster.
        create: What the program wants it to be.
        family: IP family that the program wants.
    """
    unless = "Cannot check whether the cluster can get this Kubernetes version: allow eks:DescribeCluster."
    live = await find(owner, "aws:eks/getCluster:getCluster", unless, name=name)
    if live is None:
        return []
    found = cluster_changes.version_faults("kubernetesVersion", live["version"], create["kubernetes_version"])
    if "role" in create:
        path, prefix = create["role"].get("path", "/"), _role_prefix(create["role"])
        found += cluster_changes.role_faults("role", live["roleArn"], path, prefix)
    found = [fault.under("create") for fault in found]
    return [*found, *ip_family.live_faults("ipFamily", ip_family.of_cluster(live), family)]


def _role(name: str, args: RoleArgs, opts: pulumi.ResourceOptions) -> tuple[aws.iam.Role, aws.iam.RolePolicyAttachment]:
    """Register the role of the cluster, and the attachment that it needs before the cluster is created."""
    role = aws.iam.Role(
        f"{name}-role",
        name_prefix=_role_prefix(args),
        description="EKS control plane",
        path=args.get("path"),
        assume_role_policy=json.dumps(iam.cluster_trust()),
        permissions_boundary=args.get("permissions_boundary_arn"),
        tags=args.get("tags"),
        opts=opts,
    )
    policy_arn = role.arn.apply(lambda arn: iam.managed_policy_arn(arn.split(":")[1], iam.CLUSTER_MANAGED_POLICY))
    return role, aws.iam.RolePolicyAttachment(f"{name}-role", role=role.name, policy_arn=policy_arn, opts=opts)


def _role_prefix(args: RoleArgs) -> str:
    return iam.role_prefix(args.get("name_prefix", ""), iam.CLUSTER_ROLE_NAME)


def _entry_names(principals: Sequence[pulumi.Input[str]]) -> dict[str, pulumi.Input[str]]:
    """Map the names of access entries to principals.

    An entry is named after its role or user; where two share a name, by the end of the ARN; an Output by its place.
    """
    short = [iam.role_name(arn) if isinstance(arn, str) else str(index) for index, arn in enumerate(principals)]
    return {
        f"admin-{arn.split(':', 4)[-1] if isinstance(arn, str) and short.count(name) > 1 else name}": arn
        for name, arn in zip(short, principals, strict=True)
    }


def _administrator(principal_arn: pulumi.Input[str]) -> eks.AccessEntryArgs:
    partition = pulumi.Output.from_input(principal_arn).apply(lambda arn: arn.split(":")[1])
    return eks.AccessEntryArgs(
        principal_arn=principal_arn,
        access_policies={
            "admin": eks.AccessPolicyAssociationArgs(
                policy_arn=pulumi.Output.format("arn:{0}:eks::aws:cluster-access-policy/{1}", partition, ADMIN_POLICY),
                access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
            )
        },
    )


def _version_faults(path: str, version: str) -> list[Fault]:
    misspelt = validation.kubernetes_version(path, version)
    return misspelt or [fault.under(path) for fault in compatibility.kubernetes_faults(version)]


def _access_faults(cidrs: object, family: str) -> list[Fault]:
    """Find what is no network from which EKS lets clients in.

    Only an IPv6 cluster made after October 2024 accepts IPv6 networks ("publicAccessCidrs" of VpcConfigRequest in the
    EKS API reference); an older one is refused by EKS.
    """
    found = []
    for index, cidr in enumerate(cidrs if isinstance(cidrs, list) else []):
        if not isinstance(cidr, str):
            continue
        path = f"publicAccessCidrs[{index}]"
        wrong = validation.cidr(path, cidr, ipv6=True)
        if not wrong and ":" in cidr and family != ip_family.IPV6:
            expected = "an IPv4 network: EKS accepts an IPv6 network only for a cluster with ipFamily ipv6"
            wrong = [Fault(path, repr(cidr), expected)]
        found += wrong
        if cidr.endswith("/0"):
            found.append(Fault(path, repr(cidr), "the networks you work from: the whole internet is refused"))
    return found


def _principal_faults(path: str, arn: object) -> list[Fault]:
    role, user = (validation.iam_arn(path, arn, kind) for kind in ("role", "user"))
    return [Fault(path, repr(arn), "the ARN of an IAM role or user")] if role and user else []
