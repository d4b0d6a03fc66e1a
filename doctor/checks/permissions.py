"""Fourth link: the role may make the autoscaler's calls on this cluster's groups, and nothing beyond."""

from collections.abc import Iterator, Sequence

from .._shared import iam
from ..case import Case, broken
from ..documents import far_reaching, unconditioned
from ..facts import AutoScalingGroup, Cluster, Decision, Launch, Source
from ..findings import Finding, Link, RuleBook, Status
from ..readings import Unreadable
from ..templates import lacking_tags
from .wording import number, some

BOOK = RuleBook(Link.PERMISSIONS)

READS = BOOK.rule(
    "reads",
    "The role allows the reads that the autoscaler needs",
    "Without the list of groups the autoscaler exits; without launch templates it cannot scale from zero.",
)
NODE_GROUPS = BOOK.rule(
    "node-groups",
    "The role can read the managed node groups",
    "Labels and taints of an empty managed node group come from eks:DescribeNodegroup, or from tags.",
)
WRITES = BOOK.rule(
    "writes",
    "The role can change the size of every group of the cluster",
    "The autoscaler retries a denied call indefinitely, and the pods stay pending.",
)
FOREIGN = BOOK.rule(
    "foreign-groups",
    "The role cannot change groups of other clusters",
    "With one wrong tag, or one stolen token, the role can scale another cluster's machines.",
)
NARROW = BOOK.rule(
    "narrow",
    "The policies grant no more than the autoscaler calls",
    "A stolen token can do whatever the policies grant: delete groups, launch machines.",
)

NEVER_CALLED = (
    "autoscaling:CreateAutoScalingGroup",
    "autoscaling:DeleteAutoScalingGroup",
    "autoscaling:UpdateAutoScalingGroup",
    "iam:CreateRole",
)
"""Actions that show a grant to be far too wide; Cluster Autoscaler calls none of them."""

_INSTANCE_TYPES = "ec2:DescribeInstanceTypes"
_BY_LAUNCH = {
    "autoscaling:DescribeLaunchConfigurations": {Launch.CONFIGURATION},
    "ec2:DescribeLaunchTemplateVersions": {Launch.TEMPLATE, Launch.MIXED, Launch.REQUIREMENTS},
    "ec2:DescribeImages": {Launch.REQUIREMENTS},
    "ec2:GetInstanceTypesFromInstanceRequirements": {Launch.REQUIREMENTS},
}
"""Reads that matter only where a group launches its instances in one of these ways."""


def check(case: Case, earlier: Sequence[Finding]) -> Iterator[Finding]:
    """Look at what IAM's simulator decided, and at the policies themselves."""
    if case.source is Source.STATIC_KEYS:
        return
    if not case.snapshot.aws.role_arn or case.snapshot.aws.role is None:
        causes = broken(earlier, "pod.deployment", "service-account", "role")
        unread = next((finding for finding in earlier if finding.yours), None)
        if causes:
            yield READS.after(causes)
        elif unread:
            yield Finding(READS, Status.NOT_REACHED, unread.seen, fix=unread.fix, yours=True)
        return
    decisions, cluster = case.snapshot.aws.decisions, case.cluster
    if isinstance(decisions, Unreadable):
        yield READS.unread(decisions)
    elif cluster is not None:
        yield from _reads(case, decisions, cluster)
        yield from _node_groups(case, decisions, cluster)
        yield from _writes(case, decisions, cluster)
        yield from _foreign(case, decisions, cluster)
    if cluster is not None:
        yield from _narrow(case, cluster)


def _reads(case: Case, decisions: tuple[Decision, ...], cluster: Cluster) -> Iterator[Finding]:
    denied = {each.action: each.reason for each in decisions if each.action in iam.READ_ACTIONS and each.denied}
    launches = {group.launch for group in case.discovered}
    needed = {action for action in denied if action not in _BY_LAUNCH or _BY_LAUNCH[action] & launches}
    if case.arguments.is_true("aws-use-static-instance-list"):
        needed.discard(_INSTANCE_TYPES)
    if not needed:
        yield READS.ok(f"Every read that these groups need is allowed.{_not_judged(decisions)}")
        return
    hinders = needed - {_INSTANCE_TYPES, "autoscaling:DescribeScalingActivities"}
    judge = READS.broken if hinders else READS.warning
    yield judge(
        f"The role {case.role_name} is denied: {_reasons({action: denied[action] for action in needed})}.",
        "these reads, on every resource",
        _mend(case, set(denied.values()), cluster),
    )


def _node_groups(case: Case, decisions: tuple[Decision, ...], cluster: Cluster) -> Iterator[Finding]:
    mine = [decision for decision in decisions if decision.action == iam.NODE_GROUP_ACTION]
    denied = {decision.resource: decision.reason for decision in mine if decision.denied}
    if mine and not denied:
        yield NODE_GROUPS.ok(f"{iam.NODE_GROUP_ACTION} is allowed on {number(len(mine), 'node group')}.")
    if not denied:
        return
    blind = [
        group.name
        for group in case.discovered
        if (node_group := case.managed.get(group.name))
        and node_group.arn in denied
        and group.desired == 0
        and lacking_tags(group, node_group)
    ]
    judge = NODE_GROUPS.broken if blind else NODE_GROUPS.warning
    seen = f"The role {case.role_name} is denied {iam.NODE_GROUP_ACTION} on {len(denied)} of {len(mine)} node groups"
    yield judge(
        f"{seen}; empty, and without node-template tags: {', '.join(blind)}." if blind else f"{seen}.",
        f"{iam.NODE_GROUP_ACTION} on every node group of the cluster",
        _mend(case, set(denied.values()), cluster),
    )


def _writes(case: Case, decisions: tuple[Decision, ...], cluster: Cluster) -> Iterator[Finding]:
    own = {group.arn: group for group in case.discovered_own}
    mine = [each for each in decisions if each.action in iam.WRITE_ACTIONS and each.resource in own]
    denied = [decision for decision in mine if decision.denied]
    if mine and not denied:
        groups = len({each.resource for each in mine})
        yield WRITES.ok(f"Both writes are allowed on {number(groups, 'group')}.{_not_judged(mine)}")
    by_mending: dict[str, list[Decision]] = {}
    for decision in denied:
        by_mending.setdefault(_mend_write(case, own[decision.resource], decision.reason, cluster), []).append(decision)
    for mending, refusals in by_mending.items():
        names = sorted({own[refusal.resource].name for refusal in refusals})
        reasons = {refusal.action: refusal.reason for refusal in refusals}
        yield WRITES.broken(
            f"The role {case.role_name} cannot change {some(names)}: {_reasons(reasons)}.",
            f"both writes allowed on groups tagged k8s.io/cluster-autoscaler/{cluster.name}=owned",
            mending,
        )


def _mend_write(case: Case, group: AutoScalingGroup, reason: str, cluster: Cluster) -> str:
    tag = f"k8s.io/cluster-autoscaler/{cluster.name}"
    if group.tags.get(tag) != "owned":
        return case.mender.tag(group.name, {tag: "owned"})
    return _mend(case, {reason}, cluster)


def _foreign(case: Case, decisions: tuple[Decision, ...], cluster: Cluster) -> Iterator[Finding]:
    own = {group.arn for group in case.discovered} | {group.arn for group in case.own_groups}
    foreign = [each for each in decisions if each.action in iam.WRITE_ACTIONS and each.resource not in own]
    reachable = sorted({decision.resource.rpartition("/")[2] for decision in foreign if decision.allowed})
    if reachable:
        yield FOREIGN.warning(
            f"The role {case.role_name} can also change {some(reachable)}.",
            "writes only where the group is tagged as this cluster's",
            _mend(case, set(), cluster) + "   # and detach the wider policy",
        )
    elif foreign:
        count = len({decision.resource for decision in foreign})
        yield FOREIGN.ok(f"Both writes are denied on {number(count, 'other group')} of the region.")


def _narrow(case: Case, cluster: Cluster) -> Iterator[Finding]:
    policies = case.snapshot.aws.policies
    if isinstance(policies, Unreadable):
        yield NARROW.unread(policies)
        return
    probe = (
        f"arn:{cluster.partition}:autoscaling:{cluster.region}:{cluster.account}:"
        "autoScalingGroup:00000000-0000-0000-0000-000000000000:autoScalingGroupName/not-of-this-cluster"
    )
    wide = far_reaching(policies, NEVER_CALLED) or unconditioned(policies, iam.WRITE_ACTIONS, probe)
    if not wide:
        yield NARROW.ok(f"{number(len(policies), 'policy', 'policies')}, none wider than needed.")
        return
    for name, actions in wide.items():
        arn = next((policy.arn for policy in policies if policy.name == name), "")
        yield NARROW.warning(
            f"The policy {name} allows {', '.join(actions)} on any group.",
            "the two writes, on condition of the cluster's tag",
            _narrowed(case, cluster, name, arn),
        )


def _narrowed(case: Case, cluster: Cluster, name: str, arn: str) -> str:
    """What narrows a policy: the stack its own, a detach any other; without a stack the narrow one comes first."""
    detach = case.mender.detach(case.role_name, arn) if arn else f"narrow the inline policy {name}"
    if not case.mender.from_stack:
        return f"{case.mender.policy(case.role_name, cluster)} && {detach}"
    identity = iam.ClusterIdentity(cluster.partition, cluster.region, cluster.account, cluster.name)
    return case.mender.policy(case.role_name, cluster) if iam.autoscaler_policy_name(identity) in name else detach


def _mend(case: Case, reasons: set[str], cluster: Cluster) -> str:
    if "permissions boundary" in reasons:
        return case.mender.remove_boundary(case.role_name)
    if "organization" in reasons:
        return "ask the administrators of the AWS organization to allow these calls in its service control policies"
    return case.mender.policy(case.role_name, cluster)


def _not_judged(decisions: Sequence[Decision]) -> str:
    keys = sorted({key for decision in decisions for key in decision.unjudged})
    return f" Not judged: conditions on {', '.join(keys)}." if keys else ""


def _reasons(denied: dict[str, str]) -> str:
    return ", ".join(f"{action} ({reason})" if reason else action for action, reason in sorted(denied.items()))
