"""ClusterAutoscaler: role and release together, owner of the one (namespace, service account) pair that ties them."""

from typing import Any, NotRequired, Optional, TypedDict

import pulumi

from . import autoscaler_release, autoscaler_role
from .autoscaler_release import AutoscalerRelease, AutoscalerReleaseArgs, ChartSource, ImageSource
from .autoscaler_role import IRSA, AutoscalerRole, AutoscalerRoleArgs
from .errors import checked
from .pure import iam
from .pure.faults import Fault
from .values import AutoscalerSettings

TOKEN = "eks-cluster-autoscaler:index:ClusterAutoscaler"


class ClusterAutoscalerArgs(TypedDict):
    """The cluster, how the autoscaler gets its credentials, from where it comes, and how it behaves."""

    cluster_arn: pulumi.Input[str]
    """ARN of the EKS cluster."""
    cluster_name: pulumi.Input[str]
    """Name of the EKS cluster."""
    kubernetes_version: pulumi.Input[str]
    """Kubernetes version of the cluster; chart and image are fitted to it."""
    credentials: NotRequired[str]
    """`irsa`, `podIdentity` or `nodeRole`. Defaults to `irsa`."""
    oidc_provider_arn: NotRequired[pulumi.Input[str]]
    """ARN of the IAM OIDC provider of the cluster. Required by `irsa`."""
    oidc_issuer: NotRequired[pulumi.Input[str]]
    """URL of the cluster's OIDC issuer. Required by `irsa`."""
    install_agent: NotRequired[bool]
    """Whether `podIdentity` installs the EKS add-on that it needs; false where it is there. Defaults to true."""
    node_role_names: NotRequired[dict[str, pulumi.Input[str]]]
    """Names of the nodes' roles by a name of one's own. Required by `nodeRole`."""
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
    """Behaviour of Cluster Autoscaler and of its pods. Defaults to what each of its keys says."""
    values: NotRequired[dict[str, Any]]
    """Further values of the chart, merged last. Defaults to none."""
    timeout_seconds: NotRequired[int]
    """How long Helm waits for the pods before it takes the release back. Defaults to 300."""
    tainted_from_zero: NotRequired[bool]
    """Whether a managed node group has taints and may be empty. Defaults to false."""


def faults(args: ClusterAutoscalerArgs) -> list[Fault]:
    """Faults of the arguments, as far as they are plain values: those of the role and those of the release."""
    arn = args["cluster_arn"]
    if isinstance(arn, str) and not iam.is_cluster_arn(arn):
        return [Fault("clusterArn", repr(arn), "the ARN of an EKS cluster: arn:aws:eks:REGION:ACCOUNT:cluster/NAME")]
    # The role is still to be made, so what is said of its ARN says nothing.
    release = autoscaler_release.faults(_release_args(args, "", _planned_region(args)))
    role = autoscaler_role.faults(_role_args(args))
    return list(dict.fromkeys([*role, *(fault for fault in release if fault.path != "roleArn")]))


class ClusterAutoscaler(pulumi.ComponentResource):
    """Cluster Autoscaler on one EKS cluster: permissions first, then the release that uses them.

    Namespace and service account are given once; the trust policy or association, the chart's service account and its
    annotation all follow. Needs an AWS and a Kubernetes provider.
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
        role = AutoscalerRole(name, _role_args(args), pulumi.ResourceOptions(parent=self))
        region = pulumi.Output.from_input(args["cluster_arn"]).apply(
            lambda arn: iam.ClusterIdentity.from_arn(arn).region
        )
        role_arn = role.role_arn.apply(lambda arn: arn or "")
        release = AutoscalerRelease(
            name,
            _release_args(args, role_arn, region),
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


def _planned_region(args: ClusterAutoscalerArgs) -> pulumi.Input[str]:
    """The region as far as it is known before anything is made; an Output where it is not."""
    arn = args["cluster_arn"]
    return iam.ClusterIdentity.from_arn(arn).region if isinstance(arn, str) else pulumi.Output.from_input(arn)
