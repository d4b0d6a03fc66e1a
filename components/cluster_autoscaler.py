"""ClusterAutoscaler: role and release together, owner of the one (namespace, service account) pair that ties them."""

from collections.abc import Sequence
from typing import Any, NotRequired, Optional, TypedDict, cast

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks

from . import autoscaler_release, autoscaler_role
from .autoscaler_release import AutoscalerRelease, AutoscalerReleaseArgs, ChartSource, ImageSource
from .autoscaler_role import IRSA, AutoscalerRole, AutoscalerRoleArgs
from .capacity_buffers import CapacityBuffers
from .cluster import EksCluster
from .errors import FaultsError, checked
from .invoking import describe_cluster
from .oidc_provider import ClusterOidcProvider, ClusterOidcProviderArgs
from .pure import iam
from .pure.faults import Fault
from .values import AutoscalerSettings

TOKEN = "eks-cluster-autoscaler:index:ClusterAutoscaler"


class ClusterAutoscalerArgs(TypedDict):
    """The cluster, how the autoscaler gets its credentials, from where it comes, and how it behaves."""

    cluster_name: pulumi.Input[str]
    """Name of the EKS cluster. What is not given of the cluster is looked up by it."""
    cluster_arn: NotRequired[pulumi.Input[str]]
    """ARN of the EKS cluster. Defaults to that of the cluster of this name."""
    kubernetes_version: NotRequired[pulumi.Input[str]]
    """Kubernetes version of the cluster; chart and image are fitted to it. Defaults to the version that it has."""
    credentials: NotRequired[str]
    """`irsa`, `podIdentity` or `nodeRole`. Defaults to `irsa`."""
    oidc_provider_arn: NotRequired[pulumi.Input[str]]
    """For `irsa`, ARN of an IAM OIDC provider of the cluster. Defaults to one created here."""
    create_oidc_provider: NotRequired[bool]
    """Whether the IAM OIDC provider of the cluster is part of your stack: created, or adopted if the account has it. If
    you set true it is, whatever `credentials` are; false only reads the one that exists. Not used if `oidcProviderArn`
    is given. Defaults to true for `irsa`."""
    retain_oidc_provider: NotRequired[bool]
    """Whether the IAM OIDC provider stays in the account when your program no longer has it, because other workloads of
    the cluster may use it. Set false and run `pulumi up` before you remove it. Defaults to true."""
    oidc_issuer: NotRequired[pulumi.Input[str]]
    """For `irsa`, URL of the cluster's OIDC issuer. Defaults to that of the cluster."""
    install_agent: NotRequired[bool]
    """Whether the EKS add-on that `podIdentity` needs is part of your stack: installed, or adopted if the cluster has
    it. Set false if the agent is installed in another way. Defaults to true."""
    agent_version: NotRequired[str]
    """Version of the agent's add-on; `default` follows the default version of EKS for the Kubernetes version of the
    cluster. Defaults to the version that the add-on has, for a new one to the default version of EKS."""
    retain_agent: NotRequired[bool]
    """Whether the agent's add-on stays on the cluster when your program no longer has it, because other workloads may
    use it. Set false and run `pulumi up` before you remove it. Defaults to true."""
    association_id: NotRequired[str]
    """ID of a Pod Identity association that another tool gave the service account, to adopt. Not for one that your
    stack created, which would be replaced. Defaults to none."""
    node_role_names: NotRequired[dict[str, pulumi.Input[str]]]
    """Names of the nodes' roles by a key of your choice. Required by `nodeRole`."""
    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """Permissions boundary of the role. Defaults to none."""
    path: NotRequired[str]
    """IAM path of role and policy. Defaults to `/`."""
    name_prefix: NotRequired[str]
    """Prefix of the names of role and policy. Defaults to none."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """AWS tags of role, policy and add-on. Defaults to none."""
    namespace: NotRequired[str]
    """Namespace of release and service account. Defaults to `kube-system`."""
    service_account: NotRequired[str]
    """Name of the service account. Defaults to `cluster-autoscaler`."""
    chart: NotRequired[ChartSource]
    """Source of the chart. Defaults to the newest known one of the public repository."""
    image: NotRequired[ImageSource]
    """Source of the image. Defaults to the newest known patch that fits, from the public registry."""
    settings: NotRequired[AutoscalerSettings]
    """Behaviour of Cluster Autoscaler and of its pods. Each key has its own default."""
    startup_taints: NotRequired[pulumi.Input[Sequence[pulumi.Input[str]]]]
    """Keys of taints that agents remove from new nodes, for `--startup-taint`: the output `startupTaints` of each node
    group. Defaults to those in `settings.flags`."""
    capacity_buffers: NotRequired[CapacityBuffers]
    """Lets Cluster Autoscaler 1.34 and later work on CapacityBuffers: sets the flags and grants the rights. `{}` if the
    cluster has their CustomResourceDefinition. Defaults to none."""
    values: NotRequired[dict[str, Any]]
    """Further values of the chart, merged last. Defaults to none."""
    timeout_seconds: NotRequired[int]
    """Seconds that Helm waits for ready pods before it rolls back. Defaults to 300."""


_LATER: Any = object()
"""Stands for what is looked up or made later; the rules pass over what is not plain."""


def faults(args: ClusterAutoscalerArgs) -> list[Fault]:
    """Check the arguments, as far as they are plain values: those of the role and those of the release."""
    if found := _identity_faults(args.get("cluster_arn"), args["cluster_name"]):
        return found
    arn = args.get("cluster_arn", _LATER)
    later = {"cluster_arn": arn, "kubernetes_version": _LATER, "oidc_provider_arn": _LATER, "oidc_issuer": _LATER}
    planned = cast(ClusterAutoscalerArgs, {**later, **args})
    region = iam.ClusterIdentity.from_arn(arn).region if isinstance(arn, str) else _LATER
    role = autoscaler_role.faults(_role_args(planned))
    return list(dict.fromkeys([*role, *autoscaler_release.faults(_release_args(planned, _LATER, region))]))


def cluster_arguments(
    cluster: EksCluster | aws.eks.Cluster | eks.Cluster, *, create_oidc_provider: bool | None = None
) -> ClusterAutoscalerArgs:
    """Return the arguments of ``ClusterAutoscaler`` that describe a cluster of the same program.

    Args:
        cluster: A cluster of this package, of pulumi_aws or of pulumi_eks.
        create_oidc_provider: Whether the IAM OIDC provider is part of the stack; False only reads the one that exists.
            Defaults to True, but for a cluster of pulumi_eks to the provider that this cluster made by its own
            `create_oidc_provider=True`.

    The OIDC provider of a cluster that the program creates is part of the stack whatever `credentials` are, and goes
    with the cluster.
    """
    if isinstance(cluster, eks.Cluster):
        made, issuer = cluster.eks_cluster, cluster.oidc_provider_url
        arguments: ClusterAutoscalerArgs = {
            "cluster_name": made.name,
            "cluster_arn": made.arn,
            "kubernetes_version": made.version,
            "oidc_issuer": issuer,
        }
        if create_oidc_provider is None:
            arguments["oidc_provider_arn"] = cluster.oidc_provider_arn.apply(_own_provider)
    else:
        arguments = {
            "cluster_name": cluster.name,
            "cluster_arn": cluster.arn,
            "kubernetes_version": cluster.version,
            "oidc_issuer": cluster.oidc_issuer
            if isinstance(cluster, EksCluster)
            else cluster.identities.apply(_issuer),
        }
    created = not isinstance(cluster, EksCluster) or cluster.is_created
    if created and create_oidc_provider is None and "oidc_provider_arn" not in arguments:
        create_oidc_provider = True
    if create_oidc_provider is not None:
        arguments["create_oidc_provider"] = create_oidc_provider
    if created and create_oidc_provider:
        arguments["retain_oidc_provider"] = False
    return arguments


class ClusterAutoscaler(pulumi.ComponentResource):
    """Cluster Autoscaler on one EKS cluster: permissions first, then the release that uses them.

    The name of the cluster is enough: its ARN, version and OIDC issuer are looked up, and the IAM OIDC provider is
    created. `cluster_arguments` describes a cluster of the same program. Namespace and service account are given once;
    the trust policy or association, the chart's service account and its annotation all follow. Needs an AWS and a
    Kubernetes provider.
    """

    role_arn: pulumi.Output[Optional[str]]  # noqa: UP045 -- the plugin's schema knows this spelling only
    """ARN of the role; none with `nodeRole`."""
    policy_arn: pulumi.Output[str]
    """ARN of the customer-managed policy."""
    policy_document: pulumi.Output[str]
    """The policy, as JSON."""
    trust_document: pulumi.Output[Optional[str]]  # noqa: UP045
    """The role's trust policy, as JSON; none with `nodeRole`."""
    release_name: pulumi.Output[str]
    """Name of the Helm release."""
    release_status: pulumi.Output[str]
    """Status of the Helm release."""
    chart_version: pulumi.Output[str]
    """Version of the chart."""
    image_tag: pulumi.Output[str]
    """Tag of the image."""
    discovery_flag: pulumi.Output[str]
    """The flag by which the groups are discovered."""

    def __init__(self, name: str, args: ClusterAutoscalerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(ClusterAutoscaler, name, args, ClusterAutoscalerArgs, faults)
        super().__init__(TOKEN, name, dict(args), opts)
        known = self._complete(name, args)
        role = AutoscalerRole(name, _role_args(known), pulumi.ResourceOptions(parent=self))
        region = pulumi.Output.all(known["cluster_arn"], known["cluster_name"]).apply(lambda both: _region(name, *both))
        role_arn = role.role_arn.apply(lambda arn: arn or "")
        release = AutoscalerRelease(
            name,
            _release_args(known, role_arn, region),
            # Without its permissions the first loop of the autoscaler fails; on destroy they outlive it.
            pulumi.ResourceOptions(parent=self, depends_on=[role, *role.grants]),
        )
        self.role_arn = role.role_arn
        self.policy_arn = role.policy_arn
        self.policy_document = role.policy_document
        self.trust_document = role.trust_document
        self.release_name = release.release_name
        self.release_status = release.release_status
        self.chart_version = release.chart_version
        self.image_tag = release.image_tag
        self.discovery_flag = release.discovery_flag
        self.register_outputs(
            {
                "roleArn": self.role_arn,
                "policyArn": self.policy_arn,
                "policyDocument": self.policy_document,
                "trustDocument": self.trust_document,
                "releaseName": self.release_name,
                "releaseStatus": self.release_status,
                "chartVersion": self.chart_version,
                "imageTag": self.image_tag,
                "discoveryFlag": self.discovery_flag,
            }
        )

    def _complete(self, name: str, args: ClusterAutoscalerArgs) -> ClusterAutoscalerArgs:
        """The arguments with what they leave out of the cluster, by one look-up, and with its OIDC provider."""
        irsa = args.get("credentials", IRSA) == IRSA
        provided = "oidc_provider_arn" not in args and (irsa or args.get("create_oidc_provider", False))
        needed = {"cluster_arn", "kubernetes_version", *(["oidc_issuer"] if irsa or provided else [])}
        known: ClusterAutoscalerArgs = {**args}
        if not needed <= args.keys():
            found = describe_cluster(self, name, ClusterAutoscalerArgs, "clusterName", args["cluster_name"])
            known.setdefault("cluster_arn", found.arn)
            known.setdefault("kubernetes_version", found.version)
            known.setdefault("oidc_issuer", found.identities.apply(_issuer))
        if provided:
            provider: ClusterOidcProviderArgs = {
                "issuer": known["oidc_issuer"],
                "create": args.get("create_oidc_provider", True),
                "retain": args.get("retain_oidc_provider", True),
            }
            if "tags" in args:
                provider["tags"] = args["tags"]
            made = ClusterOidcProvider(name, provider, pulumi.ResourceOptions(parent=self))
            known["oidc_provider_arn"] = made.arn
        return known


def _role_args(args: ClusterAutoscalerArgs) -> AutoscalerRoleArgs:
    return {key: args[key] for key in AutoscalerRoleArgs.__annotations__ if key in args}  # type: ignore[return-value, literal-required]


def _release_args(
    args: ClusterAutoscalerArgs, role_arn: pulumi.Input[str], region: pulumi.Input[str]
) -> AutoscalerReleaseArgs:
    shared = {key: args[key] for key in AutoscalerReleaseArgs.__annotations__ if key in args}  # type: ignore[literal-required]
    shared["region"] = region
    if args.get("credentials", IRSA) == IRSA:
        shared["role_arn"] = role_arn
    return shared  # type: ignore[return-value]


def _identity_faults(arn: object, cluster_name: object) -> list[Fault]:
    if not isinstance(arn, str):
        return []
    if not iam.is_cluster_arn(arn):
        return [Fault("clusterArn", repr(arn), "the ARN of an EKS cluster: arn:aws:eks:REGION:ACCOUNT:cluster/NAME")]
    named = iam.ClusterIdentity.from_arn(arn).name
    if isinstance(cluster_name, str) and cluster_name != named:
        expected = f"{named!r}, the name in clusterArn, or no clusterArn: it is looked up"
        return [Fault("clusterName", repr(cluster_name), expected)]
    return []


def _region(name: str, arn: str, cluster_name: str) -> str:
    """The region of the cluster, which must be the one that the arguments name."""
    if found := _identity_faults(arn, cluster_name):
        raise FaultsError.of(ClusterAutoscaler, name, ClusterAutoscalerArgs, found)
    return iam.ClusterIdentity.from_arn(arn).region


def _issuer(identities: Any) -> str:
    return str(identities[0].oidcs[0].issuer)


def _own_provider(arn: str | None) -> str:
    """The OIDC provider of a cluster of pulumi_eks, which gives an empty ARN if it made none."""
    if not arn:
        raise pulumi.RunError(
            "The pulumi_eks cluster has no OIDC provider, which irsa needs. Set create_oidc_provider=True on the "
            "cluster, or call cluster_arguments(cluster, create_oidc_provider=True); False if the account has one."
        )
    return arn
