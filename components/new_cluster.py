"""A cluster made with pulumi-eks: API access entries, no default node group, nothing that waits for nodes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks

from .pure import iam

if TYPE_CHECKING:
    from .cluster import ClusterCreation

ADMIN_POLICY = "AmazonEKSClusterAdminPolicy"


def new_cluster(
    name: str, cluster_name: pulumi.Input[str], create: "ClusterCreation", opts: pulumi.ResourceOptions
) -> pulumi.Output[aws.eks.Cluster]:
    """Register a cluster.

    Args:
        name: Name of the Pulumi resource.
        cluster_name: Name of the cluster.
        create: What it is to be.
        opts: Options of the Pulumi resource.
    """
    public_cidrs = create.get("public_access_cidrs", [])
    made = eks.Cluster(
        name,
        name=cluster_name,
        version=create["kubernetes_version"],
        vpc_id=create["vpc_id"],
        private_subnet_ids=create["private_subnet_ids"],
        public_subnet_ids=create.get("public_subnet_ids") or None,
        endpoint_private_access=True,
        endpoint_public_access=bool(public_cidrs),
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
        opts=opts,
    )
    return made.eks_cluster


def _entry_names(principal_arns: Sequence[str]) -> dict[str, str]:
    """ARN by the name of its access entry: the principal's own, or all of the ARN's end where two have the same."""
    short = [iam.role_name(arn) for arn in principal_arns]
    return {
        f"admin-{name if short.count(name) == 1 else arn.split(':', 4)[-1]}": arn
        for name, arn in zip(short, principal_arns, strict=True)
    }


def _administrator(principal_arn: str) -> eks.AccessEntryArgs:
    partition = principal_arn.split(":")[1]
    return eks.AccessEntryArgs(
        principal_arn=principal_arn,
        access_policies={
            "admin": eks.AccessPolicyAssociationArgs(
                policy_arn=f"arn:{partition}:eks::aws:cluster-access-policy/{ADMIN_POLICY}",
                access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
            )
        },
    )
