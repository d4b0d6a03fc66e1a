"""Whom roles and permission documents are for: the autoscaler, other pods, or holders outside the cluster."""

from collections.abc import Iterator

from pulumi_policy import PolicyResource
from pulumi_policy.proxy import UnknownValueError

from . import stack as types
from .autoscaler import AUTOSCALER_TYPES, ROLE_ANNOTATION, HelmAutoscaler, autoscaler_in
from .iam import DOCUMENT_TYPES, SCALING_ACTIONS, permissions, trust
from .properties import dig, has, peek
from .stack import Stack, used_by

# Hosts of the issuers that EKS gives to clusters: of IPv4, and of the dual-stack endpoint.
_CLUSTER_ISSUERS = ("oidc.eks.", "oidc-eks.")
_PODS_AND_NODES = ("pods.eks.amazonaws.com", "ec2.amazonaws.com", "ec2.amazonaws.com.cn")

# Type of an attachment: the properties that hold its policies and its holders.
_ATTACHMENTS = {
    types.ROLE_ATTACHMENT: ("policyArn", "role"),
    types.ROLE_ATTACHMENTS: ("policyArns", "roleName"),
    types.ANY_ATTACHMENT: ("policyArn", "roles"),
    types.USER_ATTACHMENT: ("policyArn", "user"),
    types.USER_ATTACHMENTS: ("policyArns", "userName"),
    types.GROUP_ATTACHMENT: ("policyArn", "group"),
    types.GROUP_ATTACHMENTS: ("policyArns", "groupName"),
}
_OF_PEOPLE = (types.USER_ATTACHMENT, types.USER_ATTACHMENTS, types.GROUP_ATTACHMENT, types.GROUP_ATTACHMENTS)


def is_cluster_issuer(issuer: str) -> bool:
    """Return whether an OIDC issuer, without its scheme, is that of an EKS cluster, or a pattern that covers some."""
    return issuer.startswith(_CLUSTER_ISSUERS) or "*" in issuer.partition("/")[0]


def annotated_roles(resource: PolicyResource, name: str, annotations: object) -> Iterator[PolicyResource]:
    """Yield the role of the stack that annotations of a service account, in the named property, ask for."""
    if has(annotations, ROLE_ANNOTATION):
        yield from roles_of(resource, name, peek(annotations, ROLE_ANNOTATION))


def roles_of(resource: PolicyResource, name: str, arn: object) -> Iterator[PolicyResource]:
    """Yield the role of the stack that a property asks for; an ARN that is not known yet may be any it depends on."""
    for role in used_by(resource, name, types.ROLE):
        if arn is None or peek(role.props, "arn") in (None, arn):
            yield role


def is_the_autoscalers(role: PolicyResource, stack: Stack) -> bool:
    """Return whether the autoscaler's service account gets a role, or the role may scale groups."""
    return any(role is other for other in (*_given_to_autoscalers(stack), *_allowed_to_scale(stack)))


def may_be_for_the_cluster(document: PolicyResource, stack: Stack) -> bool:
    """Return whether a pod or a node may hold the permissions of a document.

    They do not if the stack attaches it to users, to groups, or to roles of CI and other services alone.
    """
    holders = [*_holders(document, stack)]
    return not holders or any(holder is None or _trusts_pods(holder) for holder in holders)


def _given_to_autoscalers(stack: Stack) -> Iterator[PolicyResource]:
    for resource in stack.of(*AUTOSCALER_TYPES):
        autoscaler = autoscaler_in(resource)
        if autoscaler is None:
            continue
        if isinstance(autoscaler, HelmAutoscaler):
            annotations = autoscaler.value("rbac", "serviceAccount", "annotations")
            yield from annotated_roles(resource, "values", annotations)
        for account in stack.of(types.SERVICE_ACCOUNT):
            metadata = dig(account.props, "metadata")
            if peek(metadata, "name") in (None, autoscaler.service_account):
                yield from annotated_roles(account, "metadata", dig(metadata, "annotations"))
        for association in stack.of(types.POD_IDENTITY_ASSOCIATION):
            # A name that is not known yet may be any, so it counts as this one.
            if peek(association.props, "serviceAccount") in (None, autoscaler.service_account):
                yield from roles_of(association, "roleArn", peek(association.props, "roleArn"))


def _allowed_to_scale(stack: Stack) -> Iterator[PolicyResource]:
    for document in stack.of(*DOCUMENT_TYPES):
        try:
            scales = any(
                statement.allows_action(action) for statement in permissions(document) for action in SCALING_ACTIONS
            )
        except UnknownValueError:
            continue
        if scales:
            yield from (holder for holder in _holders(document, stack) if holder)


def _holders(document: PolicyResource, stack: Stack) -> Iterator[PolicyResource | None]:
    """Yield the roles, users' and groups' attachments that hold a document; None stands for one that is not known."""
    if document.resource_type == types.ROLE:
        yield document
    elif document.resource_type == types.ROLE_POLICY:
        yield from used_by(document, "role", types.ROLE) or (None,)
    else:
        for role in stack.of(types.ROLE):
            if document in used_by(role, "managedPolicyArns", types.POLICY):
                yield role
        for attachment in stack.of(*_ATTACHMENTS):
            policies, holders = _ATTACHMENTS[attachment.resource_type]
            if document not in used_by(attachment, policies, types.POLICY):
                continue
            if attachment.resource_type in _OF_PEOPLE:
                yield attachment
            else:
                yield from used_by(attachment, holders, types.ROLE) or (None,)


def _trusts_pods(holder: PolicyResource) -> bool:
    if holder.resource_type != types.ROLE:
        return False
    try:
        statements = [statement for statement in trust(holder) if statement.allows]
    except UnknownValueError:
        return True
    for statement in statements:
        for kind, names in statement.principals.items():
            if kind == "Service":
                trusts = any(name in _PODS_AND_NODES for name in names)
            elif kind == "Federated":
                trusts = any(is_cluster_issuer(name.partition(":oidc-provider/")[2]) for name in names)
            else:
                trusts = "*" in names
            if trusts:
                return True
    return not statements
