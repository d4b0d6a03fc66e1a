"""Auto Scaling writes are allowed only on groups of one cluster: by its tag, or by their names."""

import re
from collections.abc import Iterator

from pulumi_policy import PolicyResource, Severity

from .model.iam import DOCUMENT_TYPES, Statement, permissions
from .model.properties import peek
from .model.roles import may_be_for_the_cluster
from .model.rule import Rule, Settings, text_list
from .model.stack import ROLE, Stack
from .model.tags import OWNED, OWNER_PREFIX, PREFIX, cluster_of

_CONDITION_PREFIXES = ("aws:resourcetag/", "autoscaling:resourcetag/")
# EKS puts it on every group of a managed node group; its value is the cluster's name.
_EKS_CLUSTER_NAME = "eks:cluster-name"
_GROUP_NAME = re.compile(r"autoScalingGroup:[^:]*:autoScalingGroupName/(.*)")
# What EKS begins the name of every managed node group's Auto Scaling group with.
_EKS_GROUPS = "eks-"


def cluster_conditions(statement: Statement) -> tuple[str, ...]:
    """Return the clusters, in lower case, to whose groups a statement is confined by an exact tag condition.

    A cluster that is named by a policy variable, such as the session tag of EKS Pod Identity, stands as it is written.
    """
    return tuple(
        cluster
        for key, values in statement.pinned().items()
        for prefix in _CONDITION_PREFIXES
        if key.startswith(prefix) and len(values) == 1 and (cluster := _cluster(key.removeprefix(prefix), values[0]))
    )


def _cluster(tag: str, value: str) -> str | None:
    if tag == _EKS_CLUSTER_NAME:
        return value.lower()
    if value != OWNED:
        return None
    return cluster_of(tag) or (tag.removeprefix(OWNER_PREFIX) if tag.startswith(OWNER_PREFIX) else None)


def _names_its_groups(statement: Statement) -> bool:
    """Return whether `Resource` names the groups, in full or by the beginning of a name."""
    return all(map(_is_narrow, statement.resources))


def _is_narrow(resource: str) -> bool:
    _, _, service, _, _, *rest = (*resource.split(":", 5), "", "", "", "", "")
    if service and not set("*?") & set(service) and service != "autoscaling":
        return True  # A resource of another service, on which no Auto Scaling action is allowed.
    match = _GROUP_NAME.fullmatch(rest[0])
    beginning = match[1].replace("?", "*").partition("*")[0] if match else ""
    return not _EKS_GROUPS.startswith(beginning)


def _judge(resource: PolicyResource, stack: Stack, settings: Settings) -> Iterator[str]:
    # What a role has inline is also an output, which a preview never knows where the program states nothing.
    if resource.resource_type == ROLE and peek(resource.props, "inlinePolicies") is None:
        return
    exempt = {action.lower() for action in settings.texts("exemptActions")}
    for statement in permissions(resource):
        writes = [action for action in statement.scaling_writes() if action.lower() not in exempt]
        confined = cluster_conditions(statement) or _names_its_groups(statement)
        if writes and not confined and may_be_for_the_cluster(resource, stack):
            yield (
                f"Statement {statement.label} allows {', '.join(writes)} on groups of any cluster; expected "
                f'a condition StringEquals "aws:ResourceTag/{PREFIX}<cluster>": "{OWNED}", or the groups in Resource.'
            )


RULE = Rule(
    name="scaling-needs-cluster-tag",
    reason=(
        "Without a condition on the cluster's tag Cluster Autoscaler, and any attacker who gets its role, can "
        "terminate instances of every group in the account."
    ),
    fix=(
        'Add "Condition": {"StringEquals": {"aws:ResourceTag/k8s.io/cluster-autoscaler/<cluster>": "owned"}} to the '
        "statement with the write actions. Keep the reads in a separate statement: they do not support the key."
    ),
    types=DOCUMENT_TYPES,
    severity=Severity.CRITICAL,
    settings={
        "exemptActions": text_list(
            ("autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"),
            "Auto Scaling actions that other controllers of the program need without the tag. By default those of the "
            "node termination handler, which change no size.",
        )
    },
).per_stack(_judge)
