"""Auto Scaling writes are allowed only on groups that carry one cluster's tag."""

from collections.abc import Iterator

from pulumi_policy import ResourceValidationArgs, Severity

from .model.iam import DOCUMENT_TYPES, Statement, permissions
from .model.rule import Rule, Settings, text_list
from .model.tags import OWNED, OWNER_PREFIX, PREFIX, cluster_of

_CONDITION_PREFIXES = ("aws:resourcetag/", "autoscaling:resourcetag/")


def cluster_conditions(statement: Statement) -> tuple[str, ...]:
    """Returns the clusters, in lower case, to whose groups a statement is confined by an exact tag condition."""
    return tuple(
        cluster
        for key, values in statement.conditions.get("stringequals", {}).items()
        for prefix in _CONDITION_PREFIXES
        if key.startswith(prefix) and values == (OWNED,) and (cluster := _cluster(key.removeprefix(prefix)))
    )


def _cluster(tag: str) -> str | None:
    return cluster_of(tag) or (tag.removeprefix(OWNER_PREFIX) if tag.startswith(OWNER_PREFIX) else None)


def _judge(resource: ResourceValidationArgs, settings: Settings) -> Iterator[str]:
    exempt = {action.lower() for action in settings.texts("exemptActions")}
    for statement in permissions(resource):
        writes = [action for action in statement.scaling_writes() if action.lower() not in exempt]
        if writes and not cluster_conditions(statement):
            yield (
                f"Statement {statement.label} allows {', '.join(writes)} on groups of any cluster; expected "
                f'a condition StringEquals "aws:ResourceTag/{PREFIX}<cluster>": "{OWNED}".'
            )


RULE = Rule(
    name="scaling-needs-cluster-tag",
    reason=(
        "Cluster Autoscaler may change only the groups of its own cluster. Without a condition on the cluster's tag it "
        "can terminate instances of every group in the account, and so can whoever gets hold of its role."
    ),
    fix=(
        'Add "Condition": {"StringEquals": {"aws:ResourceTag/k8s.io/cluster-autoscaler/<cluster>": "owned"}} to the '
        "statement with the write actions, and keep the reads in a statement of their own: they do not know the key."
    ),
    types=DOCUMENT_TYPES,
    severity=Severity.CRITICAL,
    settings={
        "exemptActions": text_list(
            (),
            "Auto Scaling actions that other controllers of the program need without the tag, such as "
            "autoscaling:CompleteLifecycleAction.",
        )
    },
).per_resource(_judge)
