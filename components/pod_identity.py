"""EKS Pod Identity for one service account: the association and the agent's add-on."""

import re
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import monitor_supports_feature

from . import addon
from .adoption import Adoption, Existing

AGENT_ADDON = "eks-pod-identity-agent"

_EXISTS = re.compile(r"Association already exists: (a-[0-9a-z]+)")
"""How EKS refuses a second association of a service account (ResourceInUseException, awslabs/crossplane-on-eks#168)."""


class Account(NamedTuple):
    """A service account of a cluster."""

    cluster_name: pulumi.Output[str]
    namespace: str
    name: str


def register_agent(
    name: str,
    account: Account,
    *,
    owner: pulumi.Resource,
    version: pulumi.Input[str] | None,
    retain: bool,
    tags: Mapping[str, pulumi.Input[str]] | None,
) -> aws.eks.Addon:
    """Register the agent's add-on, which all workloads with Pod Identity share.

    Args:
        name: Name of the Pulumi resource.
        account: Service account that needs it.
        owner: Component that the resource belongs to.
        version: Version of the add-on; None for the one that it has, or for a new one EKS's default.
        retain: Whether the add-on stays on the cluster when the program no longer has it.
        tags: AWS tags of a new add-on.
    """
    opts = pulumi.ResourceOptions(retain_on_delete=retain)
    return addon.register(name, AGENT_ADDON, account.cluster_name, owner=owner, version=version, tags=tags, opts=opts)


def register_association(
    name: str,
    account: Account,
    *,
    owner: pulumi.Resource,
    role_arn: pulumi.Input[str],
    association_id: str | None,
    tags: Mapping[str, pulumi.Input[str]] | None,
) -> aws.eks.PodIdentityAssociation:
    """Register the association of a service account with a role.

    Args:
        name: Name of the Pulumi resource.
        account: The service account.
        owner: Component that the resource belongs to.
        role_arn: Role that the service account gets.
        association_id: Association that the service account has already, to adopt; None if it has none.
        tags: AWS tags of the association.
    """

    async def existing(requested: Mapping[str, Any]) -> Existing | None:
        cluster = requested["clusterName"]
        if association_id is None or pulumi.contains_unknowns(cluster):
            return None
        # ImportState in terraform-provider-aws internal/service/eks/pod_identity_association.go.
        return Existing(f"{cluster},{association_id}")

    opts = pulumi.ResourceOptions(parent=owner, transforms=[Adoption(existing)])
    # An older CLI, and Pulumi's mocks, refuse a resource with a hook that they do not know.
    if monitor_supports_feature(resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS):
        # The engine wants a name that no other hook of the program has, whatever component it belongs to.
        hook = pulumi.ErrorHook(f"{name}-{uuid.uuid4().hex}", _explain)
        opts.hooks = pulumi.ResourceHookBinding(on_error=[hook])
    return aws.eks.PodIdentityAssociation(
        name,
        cluster_name=account.cluster_name,
        namespace=account.namespace,
        service_account=account.name,
        role_arn=role_arn,
        # The role trusts the session tags of EKS, which another tool may have disabled.
        disable_session_tags=False if association_id else None,
        tags=tags,
        opts=opts,
    )


def explanation(error: str) -> str | None:
    """Return what to do about an error of EKS, or None if the error explains itself.

    The AWS provider has no function that finds an association by its service account, so one that exists shows at
    `pulumi up` only.
    """
    if not (found := _EXISTS.search(error)):
        return None
    return (
        f"The service account has the Pod Identity association {found[1]}, which Pulumi did not create. "
        f"Set podIdentity.associationId (associationId of ClusterAutoscaler) to {found[1]} and run `pulumi up` again: "
        "the association then belongs to your stack and gives the autoscaler's role to the service account."
    )


def _explain(args: pulumi.ErrorHookArgs) -> bool:
    """Report what to do about the newest error of an association; the error stays an error."""
    if text := explanation(args.errors[0] if args.errors else ""):
        pulumi.log.error(text)
    return False
