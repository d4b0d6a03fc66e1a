"""The role that a service account asks for trusts that very account."""

from collections.abc import Iterator

from pulumi_policy import PolicyResource

from .irsa_trust_pins_service_account import trusted_subjects
from .model import stack as types
from .model.autoscaler import HelmAutoscaler, autoscaler_in
from .model.iam import trust
from .model.properties import dig, peek
from .model.roles import annotated_roles, roles_of
from .model.rule import Rule, Settings
from .model.stack import Stack
from .pod_identity_trust_is_narrow import NAMESPACE, SERVICE_ACCOUNT, trusts_pod_identity


def _judge(resource: PolicyResource, _: Stack, __: Settings) -> Iterator[str]:
    if resource.resource_type == types.POD_IDENTITY_ASSOCIATION:
        yield from _judge_association(resource)
    elif resource.resource_type == types.SERVICE_ACCOUNT:
        metadata = dig(resource.props, "metadata")
        for role in annotated_roles(resource, "metadata", dig(metadata, "annotations")):
            yield from _judge_subject(role, f"{dig(metadata, 'namespace') or 'default'}:{dig(metadata, 'name')}")
    elif isinstance(autoscaler := autoscaler_in(resource), HelmAutoscaler):
        annotations = autoscaler.value("rbac", "serviceAccount", "annotations")
        for role in annotated_roles(resource, "values", annotations):
            yield from _judge_subject(role, f"{autoscaler.namespace}:{autoscaler.service_account}")


def _judge_subject(role: PolicyResource, account: str) -> Iterator[str]:
    subjects = [subject for statement in trust(role) for subject in trusted_subjects(statement)]
    if f"system:serviceaccount:{account}" not in subjects:
        trusted = ", ".join(subjects) or "no service account"
        yield f"The pod runs as system:serviceaccount:{account}, and its role {role.name} trusts {trusted}."


def _judge_association(association: PolicyResource) -> Iterator[str]:
    for role in roles_of(association, "roleArn", peek(association.props, "roleArn")):
        for statement in filter(trusts_pod_identity, trust(role)):
            for key, name in ((NAMESPACE, "namespace"), (SERVICE_ACCOUNT, "serviceAccount")):
                trusted, given = statement.equals(key), dig(association.props, name)
                if trusted and given not in trusted:
                    yield f"The association's {name} is {given}, and its role {role.name} trusts {', '.join(trusted)}."


RULE = Rule(
    name="trust-names-the-service-account",
    reason=(
        "If the role trusts another service account than the pod's, AWS rejects the pod's token and Cluster Autoscaler "
        "exits at its first call. The usual cause is the chart's default name, <release>-aws-cluster-autoscaler."
    ),
    fix="Use the same namespace and service account in the chart's values, the trust and the association.",
    types=(types.RELEASE, types.SERVICE_ACCOUNT, types.POD_IDENTITY_ASSOCIATION),
).per_stack(_judge)
