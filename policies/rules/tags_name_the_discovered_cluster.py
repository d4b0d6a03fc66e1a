"""Groups are tagged, and permissions granted, for the cluster that the stack's autoscaler discovers."""

from collections.abc import Iterator

from pulumi_policy import PolicyResource, Severity

from .model.autoscaler import AUTOSCALER_TYPES, autoscaler_in, discovered_clusters
from .model.iam import DOCUMENT_TYPES, permissions
from .model.properties import dig, peek
from .model.rule import Rule, Settings
from .model.stack import AUTO_SCALING_GROUP, AUTO_SCALING_TAG, NODE_GROUP, ROLE, Stack, used_by
from .model.tags import cluster_of, tags_of
from .scaling_needs_cluster_tag import cluster_conditions


def _judge(resource: PolicyResource, stack: Stack, _: Settings) -> Iterator[str]:
    if resource.resource_type in DOCUMENT_TYPES:
        return _judge_permissions(resource, stack)
    return _judge_tags(resource, stack)


def _judge_permissions(resource: PolicyResource, stack: Stack) -> Iterator[str]:
    # What a role has inline is also an output, which a preview never knows where the program states nothing.
    if resource.resource_type == ROLE and peek(resource.props, "inlinePolicies") is None:
        return
    scaling = [statement for statement in permissions(resource) if statement.scaling_writes()]
    named = {cluster for statement in scaling for cluster in cluster_conditions(statement) if "$" not in cluster}
    yield from _of_other_clusters(named, stack, "The policy lets its holder scale groups of cluster {}")


def _judge_tags(resource: PolicyResource, stack: Stack) -> Iterator[str]:
    named = {cluster for key in tags_of(resource) if (cluster := cluster_of(key))}
    yield from _of_other_clusters(named, stack, "The group is tagged for cluster {}")
    for node_group in used_by(resource, "autoscalingGroupName", NODE_GROUP):
        home = dig(node_group.props, "clusterName")
        for cluster in named - {home}:
            yield f"The group is tagged for cluster {cluster}, and its node group {node_group.name} belongs to {home}."


def _of_other_clusters(clusters: set[str], stack: Stack, finding: str) -> Iterator[str]:
    if not clusters:
        return
    autoscalers = filter(None, map(autoscaler_in, stack.of(*AUTOSCALER_TYPES)))
    discovered = frozenset[str]().union(*map(discovered_clusters, autoscalers))
    # IAM compares the names in condition keys without case. A stack without an autoscaler discovers nothing itself.
    known = {cluster.lower() for cluster in discovered}
    for cluster in sorted(clusters) if known else ():
        if cluster.lower() not in known:
            yield f"{finding.format(cluster)}; the autoscaler of this stack discovers {', '.join(sorted(discovered))}."


RULE = Rule(
    name="tags-name-the-discovered-cluster",
    reason=(
        "The autoscaler of another cluster, or none, scales a group that is tagged for it. A permission for "
        "another cluster's tag lets the autoscaler find its groups and then fail to change them."
    ),
    fix="Use one cluster name for the tags, the policy's condition and autoDiscovery.clusterName.",
    types=(AUTO_SCALING_GROUP, AUTO_SCALING_TAG, *DOCUMENT_TYPES),
    severity=Severity.CRITICAL,
).per_stack(_judge)
