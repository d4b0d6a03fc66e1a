"""Fourth link: the role may make the autoscaler's calls on this cluster's groups, and nothing beyond."""

from collections.abc import Iterator, Sequence

from .._shared import iam
from ..case import Case, broken
from ..documents import far_reaching, unconditioned
from ..facts import AutoScalingGroup, Cluster, Decision, Launch, Policy, Source
from ..findings import Finding, Status
from ..fixes import OWN_POLICY
from ..readings import Unreadable
from ..rules import permissions as rules
from ..templates import lacking_tags
from .wording import number, some

NEVER_CALLED = (
    "autoscaling:CreateAutoScalingGroup",
    "autoscaling:DeleteAutoScalingGroup",
    "autoscaling:UpdateAutoScalingGroup",
    "iam:CreateRole",
)
"""Actions that Cluster Autoscaler never calls: a policy that allows them is far too wide."""

_INSTANCE_TYPES = "ec2:DescribeInstanceTypes"
_BY_LAUNCH = {
    "autoscaling:DescribeLaunchConfigurations": {Launch.CONFIGURATION},
    "ec2:DescribeLaunchTemplateVersions": {Launch.TEMPLATE, Launch.MIXED, Launch.REQUIREMENTS},
    "ec2:DescribeImages": {Launch.REQUIREMENTS},
    "ec2:GetInstanceTypesFromInstanceRequirements": {Launch.REQUIREMENTS},
}
"""Reads that matter only where a group launches its instances in one of these ways."""


def check(case: Case, earlier: Sequence[Finding]) -> Iterator[Finding]:
    """Check what IAM's simulator decided, and the policies themselves."""
    if case.source is Source.STATIC_KEYS:
        return
    if not case.snapshot.aws.role_arn or case.snapshot.aws.role is None:
        causes = broken(earlier, "pod.deployment", "service-account", "role")
        unread = next((finding for finding in earlier if finding.yours), None)
        if causes:
            yield rules.READS.after(causes)
        elif unread:
            yield Finding(rules.READS, Status.NOT_REACHED, unread.seen, fix=unread.fix, yours=True)
        return
    decisions, cluster = case.snapshot.aws.decisions, case.cluster
    if isinstance(decisions, Unreadable):
        yield rules.READS.unread(decisions)
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
        yield rules.READS.ok(f"The role allows every read that these groups need.{_not_judged(decisions)}")
        return
    hinders = needed - {_INSTANCE_TYPES, "autoscaling:DescribeScalingActivities"}
    judge = rules.READS.broken if hinders else rules.READS.warning
    yield judge(
        f"The role {case.role_name} is denied: {_reasons({action: denied[action] for action in needed})}.",
        "a policy that allows these reads on every resource",
        _fix(case, set(denied.values()), cluster),
    )


def _node_groups(case: Case, decisions: tuple[Decision, ...], cluster: Cluster) -> Iterator[Finding]:
    mine = [decision for decision in decisions if decision.action == iam.NODE_GROUP_ACTION]
    denied = {decision.resource: decision.reason for decision in mine if decision.denied}
    if mine and not denied:
        yield rules.NODE_GROUPS.ok(f"The role allows {iam.NODE_GROUP_ACTION} on {number(len(mine), 'node group')}.")
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
    judge = rules.NODE_GROUPS.broken if blind else rules.NODE_GROUPS.warning
    of_groups = f"{len(denied)} of {len(mine)} node groups"
    seen = f"The role {case.role_name} is denied {iam.NODE_GROUP_ACTION} on {of_groups}"
    yield judge(
        f"{seen}. Empty groups without node-template tags: {', '.join(blind)}." if blind else f"{seen}.",
        f"a policy that allows {iam.NODE_GROUP_ACTION} on every node group of the cluster",
        _fix(case, set(denied.values()), cluster),
    )


def _writes(case: Case, decisions: tuple[Decision, ...], cluster: Cluster) -> Iterator[Finding]:
    own = {group.arn: group for group in case.discovered_own}
    mine = [each for each in decisions if each.action in iam.WRITE_ACTIONS and each.resource in own]
    denied = [decision for decision in mine if decision.denied]
    if mine and not denied:
        groups = len({each.resource for each in mine})
        yield rules.WRITES.ok(f"The role allows both writes on {number(groups, 'group')}.{_not_judged(mine)}")
    by_fix: dict[str, list[Decision]] = {}
    for decision in denied:
        by_fix.setdefault(_fix_write(case, own[decision.resource], decision.reason, cluster), []).append(decision)
    for fix, refusals in by_fix.items():
        names = sorted({own[refusal.resource].name for refusal in refusals})
        reasons = {refusal.action: refusal.reason for refusal in refusals}
        yield rules.WRITES.broken(
            f"The role {case.role_name} cannot change {some(names)}: {_reasons(reasons)}.",
            f"both writes allowed on groups tagged k8s.io/cluster-autoscaler/{cluster.name}=owned",
            fix,
        )


def _fix_write(case: Case, group: AutoScalingGroup, reason: str, cluster: Cluster) -> str:
    tag = f"k8s.io/cluster-autoscaler/{cluster.name}"
    if group.tags.get(tag) != "owned":
        return case.fixer.tag(group.name, {tag: "owned"})
    return _fix(case, {reason}, cluster)


def _foreign(case: Case, decisions: tuple[Decision, ...], cluster: Cluster) -> Iterator[Finding]:
    own = {group.arn for group in case.discovered} | {group.arn for group in case.own_groups}
    others = [each for each in decisions if each.action in iam.WRITE_ACTIONS and each.resource not in own]
    reachable = sorted({decision.resource.rpartition("/")[2] for decision in others if decision.allowed})
    if reachable:
        yield rules.FOREIGN.warning(
            f"The role {case.role_name} can also change {some(reachable)}.",
            "a policy that allows writes only on groups with this cluster's tag",
            _narrowing(case, cluster) or "Restrict both writes to groups with this cluster's tag.",
        )
    elif others:
        count = len({decision.resource for decision in others})
        yield rules.FOREIGN.ok(f"The role is denied both writes on {number(count, 'other group')} of the region.")


def _narrow(case: Case, cluster: Cluster) -> Iterator[Finding]:
    policies = case.snapshot.aws.policies
    if isinstance(policies, Unreadable):
        yield rules.NARROW.unread(policies)
        return
    wide = _wide(policies, cluster)
    if not wide:
        yield rules.NARROW.ok(f"The role has {number(len(policies), 'policy', 'policies')}, none wider than needed.")
    for policy, actions in wide:
        yield rules.NARROW.warning(
            f"The policy {policy.name} allows {', '.join(actions)} on any group.",
            "a policy that allows the two writes on groups with the cluster's tag",
            _narrowed(case, cluster, policy),
        )


def _wide(policies: Sequence[Policy], cluster: Cluster) -> list[tuple[Policy, tuple[str, ...]]]:
    """The policies that reach beyond the cluster's groups, each with the actions that do."""
    probe = (
        f"arn:{cluster.partition}:autoscaling:{cluster.region}:{cluster.account}:"
        "autoScalingGroup:00000000-0000-0000-0000-000000000000:autoScalingGroupName/not-of-this-cluster"
    )
    found = far_reaching(policies, NEVER_CALLED) or unconditioned(policies, iam.WRITE_ACTIONS, probe)
    return [(policy, tuple(found[policy.name])) for policy in policies if policy.name in found]


def _narrowing(case: Case, cluster: Cluster) -> str:
    """What narrows every policy that is too wide; empty if none is known to be."""
    policies = case.snapshot.aws.policies
    wide = [] if isinstance(policies, Unreadable) else _wide(policies, cluster)
    return _narrowed(case, cluster, wide[0][0]) if wide else ""


def _narrowed(case: Case, cluster: Cluster, policy: Policy) -> str:
    """What narrows a policy: the stack its own, a removal any other; without a stack the narrow one comes first."""
    role, own = case.role_name, case.fixer.policy(case.role_name, cluster)
    remove = case.fixer.detach(role, policy.arn) if policy.arn else case.fixer.delete_policy(role, policy.name)
    if case.fixer.from_stack:
        identity = iam.ClusterIdentity(cluster.partition, cluster.region, cluster.account, cluster.name)
        return own if iam.autoscaler_policy_name(identity) in policy.name else remove
    return own if not policy.arn and policy.name == OWN_POLICY else f"{own} && {remove}"


def _fix(case: Case, reasons: set[str], cluster: Cluster) -> str:
    if "permissions boundary" in reasons:
        return case.fixer.widen_boundary(case.role_name)
    if "organization" in reasons:
        return "Ask the administrators of the AWS organization to allow these calls in its service control policies."
    return case.fixer.policy(case.role_name, cluster)


def _not_judged(decisions: Sequence[Decision]) -> str:
    keys = sorted({key for decision in decisions for key in decision.unjudged})
    return f" Not judged: conditions on {', '.join(keys)}." if keys else ""


def _reasons(denied: dict[str, str]) -> str:
    return ", ".join(f"{action} ({reason})" if reason else action for action, reason in sorted(denied.items()))
