"""AutoscalerRole: what lets Cluster Autoscaler, and nothing else, scale the groups of one cluster."""

import json
from typing import NotRequired, Optional, TypedDict

import pulumi
import pulumi_aws as aws

from . import addon, node_role, pod_identity
from .errors import checked
from .pure import arguments, arns, iam, validation
from .pure.faults import Fault

TOKEN = "eks-cluster-autoscaler:index:AutoscalerRole"

IRSA = "irsa"
POD_IDENTITY = "podIdentity"
NODE_ROLE = "nodeRole"
CREDENTIALS = (IRSA, POD_IDENTITY, NODE_ROLE)
"""The three ways in which Cluster Autoscaler gets AWS credentials."""


class AutoscalerRoleArgs(TypedDict):
    """Who gets the permissions, and for which cluster."""

    cluster_arn: pulumi.Input[str]
    """ARN of the EKS cluster; partition, region, account and name are read from it."""
    credentials: NotRequired[str]
    """`irsa`, `podIdentity` or `nodeRole`. Defaults to `irsa`."""
    namespace: NotRequired[str]
    """Namespace of the service account. Defaults to `kube-system`."""
    service_account: NotRequired[str]
    """Name of the service account. Defaults to `cluster-autoscaler`."""
    oidc_provider_arn: NotRequired[pulumi.Input[str]]
    """ARN of the IAM OIDC provider of the cluster. Required by `irsa`."""
    oidc_issuer: NotRequired[pulumi.Input[str]]
    """URL of the cluster's OIDC issuer. Required by `irsa`."""
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
    kubernetes_version: NotRequired[pulumi.Input[str]]
    """Kubernetes version of the cluster. Required by the agent version `default`, else not used."""
    node_role_names: NotRequired[dict[str, pulumi.Input[str]]]
    """Names of the nodes' roles by a key of your choice, such as the node group's name. Required by `nodeRole`."""
    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """Permissions boundary of the role. Defaults to none."""
    path: NotRequired[str]
    """IAM path of role and policy. Defaults to `/`."""
    name_prefix: NotRequired[str]
    """Prefix of the names of role and policy. Defaults to none."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """AWS tags of role, policy and add-on. Defaults to none."""


DEFAULT_NAMESPACE = "kube-system"
DEFAULT_SERVICE_ACCOUNT = "cluster-autoscaler"


def faults(args: AutoscalerRoleArgs) -> list[Fault]:
    """Check the arguments, as far as they are plain values."""
    credentials = args.get("credentials", IRSA)
    found = [
        *validation.choice("credentials", credentials, CREDENTIALS),
        *validation.dns_label("namespace", args.get("namespace", DEFAULT_NAMESPACE)),
        *validation.dns_subdomain("serviceAccount", args.get("service_account", DEFAULT_SERVICE_ACCOUNT)),
        *validation.iam_arn("oidcProviderArn", args.get("oidc_provider_arn"), "oidc-provider"),
        *validation.addon_version("agentVersion", args.get("agent_version"), [addon.DEFAULT]),
        *validation.pod_identity_association("associationId", args.get("association_id")),
        *node_role.faults(args),
        *_place_faults(args),
    ]
    if not args.get("install_agent", True):
        found += [
            Fault(arguments.camel_case(key), "a value with installAgent false", "no value, or installAgent true")
            for key in ("agent_version", "retain_agent")
            if key in args
        ]
    if args.get("agent_version") == addon.DEFAULT and "kubernetes_version" not in args:
        expected = "the Kubernetes version of the cluster, for the agent version default"
        found.append(Fault("kubernetesVersion", "nothing", expected))
    if credentials == IRSA:
        if "oidc_provider_arn" not in args:
            found.append(Fault("oidcProviderArn", "nothing", "the ARN of the cluster's IAM OIDC provider, for irsa"))
        if "oidc_issuer" not in args:
            found.append(Fault("oidcIssuer", "nothing", "the URL of the cluster's OIDC issuer, for irsa"))
    if credentials == NODE_ROLE and not args.get("node_role_names"):
        found.append(
            Fault("nodeRoleNames", "no role", "the role of the nodes that run Cluster Autoscaler, for nodeRole")
        )
    return found


def _place_faults(args: AutoscalerRoleArgs) -> list[Fault]:
    arn = args["cluster_arn"]
    if not isinstance(arn, str) or not iam.is_cluster_arn(arn):
        return []
    return arns.place_faults(AutoscalerRoleArgs, args, iam.ClusterIdentity.from_arn(arn).region)


class AutoscalerRole(pulumi.ComponentResource):
    """The least-privilege policy of Cluster Autoscaler and who holds it.

    `irsa`: a role that only the one service account of the one cluster can assume, by its web-identity token.
    `podIdentity`: a role that EKS Pod Identity gives to the one service account of the one cluster, with the
    association and the agent's add-on, which stays when the program no longer has it. `nodeRole`: the policy is
    attached to the nodes' roles, so every pod on those nodes has it.

    The policy changes nothing but the size of groups tagged as this cluster's, so several clusters of one account never
    reach into each other. Needs an AWS provider.
    """

    role_arn: pulumi.Output[Optional[str]]  # noqa: UP045 -- the plugin's schema knows this spelling only
    """ARN of the role; none with `nodeRole`."""
    policy_arn: pulumi.Output[str]
    """ARN of the customer-managed policy."""
    policy_document: pulumi.Output[str]
    """The policy, as JSON."""
    trust_document: pulumi.Output[Optional[str]]  # noqa: UP045
    """The role's trust policy, as JSON; none with `nodeRole`."""

    def __init__(self, name: str, args: AutoscalerRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(AutoscalerRole, name, args, AutoscalerRoleArgs, faults)
        super().__init__(TOKEN, name, dict(args), opts)
        cluster = pulumi.Output.from_input(args["cluster_arn"]).apply(iam.ClusterIdentity.from_arn)
        self.policy_document = cluster.apply(lambda known: json.dumps(iam.autoscaler_policy(known)))
        policy = aws.iam.Policy(
            name,
            name=cluster.apply(
                lambda known: iam.autoscaler_policy_name(known, args.get("name_prefix", ""), args.get("path", "/"))
            ),
            # Another description would replace the policy under its old name, which IAM rejects: see the options.
            description="What Kubernetes Cluster Autoscaler calls, on the groups of one cluster",
            path=args.get("path"),
            policy=self.policy_document,
            tags=args.get("tags"),
            # The provider deletes a policy before its successor is made if the program gives its name
            # (pulumi-terraform-bridge pkg/tfbridge/schema.go, nameRequiresDeleteBeforeReplace). The running autoscaler
            # would lose its permissions until role, attachment and release are through. Another prefix or path is
            # another name, so the successor never collides.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=False),
        )
        self.policy_arn = policy.arn
        # What must exist before the autoscaler's pod starts (Python only).
        self.grants: list[pulumi.Resource] = []
        if args.get("credentials", IRSA) == NODE_ROLE:
            self._grant_nodes(name, args)
        else:
            self._grant_service_account(name, args, cluster)
        self.register_outputs(
            {
                "roleArn": self.role_arn,
                "policyArn": self.policy_arn,
                "policyDocument": self.policy_document,
                "trustDocument": self.trust_document,
            }
        )

    def _grant_nodes(self, name: str, args: AutoscalerRoleArgs) -> None:
        self.role_arn = pulumi.Output.from_input(None)
        self.trust_document = pulumi.Output.from_input(None)
        # As below: the provider would take the old policy from the nodes first.
        opts = pulumi.ResourceOptions(parent=self, delete_before_replace=False)
        self.grants += [
            aws.iam.RolePolicyAttachment(f"{name}-{nodes}", role=role, policy_arn=self.policy_arn, opts=opts)
            for nodes, role in sorted(args["node_role_names"].items())
        ]

    def _grant_service_account(
        self, name: str, args: AutoscalerRoleArgs, cluster: pulumi.Output[iam.ClusterIdentity]
    ) -> None:
        trust = _trust(args)
        prefix = args.get("name_prefix")
        role = aws.iam.Role(
            name,
            name_prefix=iam.role_prefix(prefix, iam.AUTOSCALER_ROLE_NAME) if prefix else None,
            description="Kubernetes Cluster Autoscaler",
            path=args.get("path"),
            assume_role_policy=trust,
            permissions_boundary=args.get("permissions_boundary_arn"),
            tags=args.get("tags"),
            # The old pods, which the old document trusts, still run while the new pods start, so the old role must stay
            # until they are gone: another trust is another role, created before and deleted after the release's update.
            opts=pulumi.ResourceOptions(parent=self, replace_on_changes=["assumeRolePolicy"]),
        )
        attachment = aws.iam.RolePolicyAttachment(
            name,
            role=role.name,
            policy_arn=self.policy_arn,
            # The provider would take the policy from the old role first.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=False),
        )
        self.role_arn = role.arn.apply(_optional)
        self.trust_document = trust.apply(_optional)
        self.grants.append(attachment)
        if args.get("credentials", IRSA) == POD_IDENTITY:
            self.grants += _pod_identity(name, args, cluster.apply(lambda known: known.name), role, self)


def _pod_identity(
    name: str,
    args: AutoscalerRoleArgs,
    cluster_name: pulumi.Output[str],
    role: aws.iam.Role,
    owner: pulumi.ComponentResource,
) -> list[pulumi.Resource]:
    """The association, and the agent's add-on unless another owner installs it."""
    account = pod_identity.Account(
        cluster_name, args.get("namespace", DEFAULT_NAMESPACE), args.get("service_account", DEFAULT_SERVICE_ACCOUNT)
    )
    grants: list[pulumi.Resource] = []
    if args.get("install_agent", True):
        version: pulumi.Input[str] | None = args.get("agent_version")
        if version == addon.DEFAULT:
            version = addon.default_version(
                owner, name, AutoscalerRoleArgs, "agentVersion", pod_identity.AGENT_ADDON, args["kubernetes_version"]
            )
        grants.append(
            pod_identity.register_agent(
                f"{name}-agent",
                account,
                owner=owner,
                version=version,
                retain=args.get("retain_agent", True),
                tags=args.get("tags"),
            )
        )
    association = pod_identity.register_association(
        name,
        account,
        owner=owner,
        role_arn=role.arn,
        association_id=args.get("association_id"),
        tags=args.get("tags"),
    )
    return [*grants, association]


def _trust(args: AutoscalerRoleArgs) -> pulumi.Output[str]:
    namespace = args.get("namespace", DEFAULT_NAMESPACE)
    service_account = args.get("service_account", DEFAULT_SERVICE_ACCOUNT)
    if args.get("credentials", IRSA) == POD_IDENTITY:
        return pulumi.Output.from_input(args["cluster_arn"]).apply(
            lambda arn: json.dumps(iam.pod_identity_trust(arn, namespace, service_account))
        )
    return pulumi.Output.all(args["oidc_provider_arn"], args["oidc_issuer"]).apply(
        lambda known: json.dumps(iam.irsa_trust(known[0], known[1], namespace, service_account))
    )


def _optional(value: str) -> str | None:
    """Outputs are invariant in their type, so a string that is always there must be widened explicitly."""
    return value
