"""Fifth link: the autoscaler finds the cluster's Auto Scaling Groups, and they can grow."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from .._shared import discovery
from ..arguments import DISCOVERY_FLAG
from ..case import Case
from ..facts import AutoScalingGroup, NodeGroup, ZonalVolume
from ..findings import Finding
from ..readings import Unreadable
from ..rules import groups as rules
from ..templates import refusals
from .wording import each, number, pairs, some

_NECESSARY_PROCESSES = frozenset({"Launch", "Terminate"})
_LAUNCH_FAILURE_COUNTS = timedelta(hours=1)


def check(case: Case, earlier: Sequence[Finding]) -> Iterator[Finding]:
    """Check every Auto Scaling Group of the cluster."""
    for facts in (case.snapshot.aws.groups, case.snapshot.aws.node_groups):
        if isinstance(facts, Unreadable):
            yield rules.TAGS.unread(facts)
            return
    yield from _tags(case)
    yield from _foreign(case)
    groups = case.discovered_own
    if not groups:
        return
    yield _sizes(groups, case)
    yield from each(
        rules.WEIGHTS, _weights(case, groups), f"The sizes of {number(len(groups), 'group')} count instances."
    )
    yield from each(rules.ABOVE_MAX, _above_max(case, groups), "No group is above its maxSize.")
    yield from each(rules.HEADROOM, _headroom(case, groups), "No pending pod is blocked by a group at its maxSize.")
    yield from each(rules.PROCESSES, _processes(case, groups), "No group has Launch or Terminate suspended.")
    yield from each(
        rules.REBALANCE,
        _rebalance(case, groups),
        "In every group AZRebalance is suspended, or the group has one zone, or EKS drains the nodes.",
    )
    yield from _zones(case, groups)
    yield from _launching(case, groups)
    yield from _joining(case, groups)
    yield from each(rules.HEALTH, _health(case), f"EKS reports no issue of {number(len(case.managed), 'node group')}.")


# --- discovery --------------------------------------------------------------------------------------------------------


def _tags(case: Case) -> Iterator[Finding]:
    name = case.snapshot.cluster_name
    found = {group.name for group in case.discovered}
    of_stack = set(case.snapshot.intent.groups) if case.snapshot.intent else set()
    missed = [group for group in case.own_groups if group.name not in found]
    intended = [group for group in missed if _is_intended(case, group, of_stack)]
    for group in intended:
        lacking = case.wanted_tags.missing_from(group.tags)
        misread = [key for key in group.tags if key.startswith(discovery.WRONG_PREFIX)]
        hint = f" The autoscaler ignores its tag {', '.join(misread)}." if misread else ""
        right = {key: value or discovery.discovery_tags(name).get(key, "owned") for key, value in lacking.items()}
        yield rules.TAGS.broken(
            f"The group {group.name} is not discovered, because it lacks the tags {pairs(right)}.{hint}",
            " and ".join(case.wanted_tags.tags),
            case.fixer.tag(group.name, right),
        )
    for gone in sorted(of_stack - {group.name for group in case.groups}):
        yield rules.TAGS.broken(
            f"The group {gone} of the stack does not exist.", "an existing group", case.fixer.refresh()
        )
    if not found and not intended:
        yield rules.TAGS.broken(
            f"No group of the region is discovered by {' and '.join(case.wanted_tags.tags)}.",
            "one group or more",
            case.fixer.discovery_tags(missed[0].name) if missed else "Create a node group, or tag an existing group.",
        )
    elif not intended:
        left_out = f"; groups without either tag: {', '.join(group.name for group in missed)}" if missed else ""
        yield rules.TAGS.ok(
            f"The autoscaler discovers {number(len(found), 'group')} ({some(sorted(found))}){left_out}."
        )


def _is_intended(case: Case, group: AutoScalingGroup, of_stack: set[str]) -> bool:
    """Whether a group should be discovered: EKS tags its own, and half of the tags is a mistake."""
    tagged = any(key in group.tags for key in case.wanted_tags.tags)
    misread = any(key.startswith(discovery.WRONG_PREFIX) for key in group.tags)
    by_tags = DISCOVERY_FLAG in case.arguments.values or not case.static_groups
    return by_tags and (group.name in of_stack or group.name in case.managed or tagged or misread)


def _foreign(case: Case) -> Iterator[Finding]:
    name = case.snapshot.cluster_name
    others = [group for group in case.discovered if case.owner(group) not in ("", name)]
    for group in others:
        yield rules.FOREIGN.broken(
            f"The group {group.name} is discovered, but belongs to the cluster {case.owner(group)}.",
            "the tags of one cluster on each group",
            case.fixer.untag(group.name, [discovery.cluster_key(name)]),
        )
    if not others:
        yield rules.FOREIGN.ok("No discovered group belongs to another cluster.")


# --- sizes ------------------------------------------------------------------------------------------------------------


def _sizes(groups: Sequence[AutoScalingGroup], case: Case) -> Finding:
    scalable = [group for group in groups if group.min < group.max]
    sizes = ", ".join(f"{group.name} {group.min}..{group.max} (now {group.desired})" for group in groups[:5])
    more = f" and {len(groups) - 5} more" if len(groups) > 5 else ""
    if scalable:
        return rules.SIZES.ok(f"Sizes of the groups: {sizes}{more}.")
    first = groups[0]
    return rules.SIZES.warning(
        f"No group can be scaled: {sizes}{more}.",
        "a maxSize above the minSize",
        case.fixer.max_size(first.name, _node_group_name(case, first), first.max + 1),
    )


def _weights(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    """Upstream compares desired capacity with the number of instances (`aws_cloud_provider.go`, `auto_scaling.go`)."""
    for group in groups:
        if group.unit != "instances":
            yield rules.WEIGHTS.warning(
                f"The sizes of {group.name} count {group.unit}: its desired capacity is {group.desired}, for "
                f"{number(len(group.instances), 'instance')}.",
                "one instance type, or types of equal size with weight 1 and DesiredCapacityType units",
                f"Remove WeightedCapacity from the overrides in the MixedInstancesPolicy of {group.name}.",
            )


def _above_max(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    for group in groups:
        alive = [each for each in group.instances if each.lifecycle == "InService"]
        if group.unit == "instances" and len(alive) > group.max:
            yield rules.ABOVE_MAX.warning(
                f"The group {group.name} has {number(len(alive), 'instance')} in service; its maxSize is {group.max}.",
                "a maxSize that covers the instances in service",
                case.fixer.max_size(group.name, _node_group_name(case, group), len(alive)),
            )


def _headroom(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    refused = {
        (event.namespace, event.name) for event in case.recent_events if "max node group size reached" in event.message
    }
    blocked = [pod for pod in case.pending if (pod.namespace, pod.name) in refused]
    static = {group.name: group for group in case.static_groups}
    for group in groups:
        limit = min(group.max, static[group.name].max) if group.name in static else group.max
        # The autoscaler compares sizes before it tries the pods (`orchestrator.go`, `MaxLimitReachedReason`): its event
        # also counts groups that no pod could use.
        pods = [pod for pod in blocked if not refusals(case.templates[group.name], pod)]
        if group.desired < limit or not pods:
            continue
        by_flag = group.name in static and static[group.name].max < group.max
        fix = (
            case.fixer.flag("nodes", f"{static[group.name].min}:{group.max}:{group.name}")
            if by_flag
            else case.fixer.max_size(group.name, _node_group_name(case, group), limit + len(pods))
        )
        yield rules.HEADROOM.broken(
            f"The group {group.name} is at its maxSize {limit}{' of --nodes' * by_flag}; "
            f"{number(len(pods), 'pod is', 'pods are')} "
            f"pending, such as {pods[0].namespace}/{pods[0].name}.",
            "a maxSize that leaves capacity for these pods",
            fix,
        )


# --- what AWS does with them ------------------------------------------------------------------------------------------


def _processes(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    for group in groups:
        stopped = sorted(group.suspended & _NECESSARY_PROCESSES)
        if stopped:
            yield rules.PROCESSES.broken(
                f"The group {group.name} has {' and '.join(stopped)} suspended.",
                "Launch and Terminate not suspended",
                case.fixer.resume(group.name, stopped),
            )


def _rebalance(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    for group in groups:
        if len(group.zones) > 1 and group.name not in case.managed and "AZRebalance" not in group.suspended:
            yield rules.REBALANCE.warning(
                f"The group {group.name} spans {', '.join(group.zones)}, and AWS may move its nodes between zones.",
                "AZRebalance suspended, or one group per zone",
                case.fixer.suspend(group.name, "AZRebalance"),
            )


def _zones(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    volumes = case.snapshot.kubernetes.zonal_volumes
    if isinstance(volumes, Unreadable):
        yield rules.ZONES.unread(volumes)
        return
    wide = [group for group in groups if len(group.zones) > 1]
    conflict = next((pod for pod in case.pending if case.reports(pod, "volume node affinity conflict")), None)
    fix = (
        "Use one node group per zone (onePerZone of this project) with --balance-similar-node-groups=true, and move "
        "the "
        f"pods with volumes there. Groups that span several zones: {', '.join(group.name for group in wide)}."
    )
    if conflict and wide:
        yield rules.ZONES.broken(
            f"The pod {conflict.namespace}/{conflict.name} is pending because of its volume's zone; {wide[0].name} "
            f"spans {', '.join(wide[0].zones)}, and its node template is in {wide[0].zones[0]}.",
            "one group per zone",
            fix,
        )
    elif volumes and wide:
        yield rules.ZONES.warning(
            f"{_count(volumes)} and {wide[0].name} spans {', '.join(wide[0].zones)}.", "one group per zone", fix
        )
    else:
        yield rules.ZONES.ok("No volume is bound to one zone, or no group spans several zones.")


def _count(volumes: tuple[ZonalVolume, ...]) -> str:
    first = volumes[0]
    zones = ", ".join(sorted(first.zones))
    return f"The cluster has {number(len(volumes), 'zonal volume')} ({first.claim or first.name} in {zones}),"


def _launching(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    failures = case.snapshot.aws.failed_launches
    if isinstance(failures, Unreadable):
        yield rules.LAUNCHING.unread(failures)
        return
    short = {group.name for group in groups if group.unit == "instances" and group.desired > len(group.instances)}
    newest = {
        failure.group: failure
        for failure in sorted(failures, key=lambda failure: failure.at)
        if failure.group in short and case.snapshot.taken_at - failure.at <= _LAUNCH_FAILURE_COUNTS
    }
    for name, failure in newest.items():
        yield rules.LAUNCHING.broken(
            f"The last launch of {name} failed: {failure.message}",
            "successful launches",
            case.fixer.read_activities(name),
        )
    if not newest:
        yield rules.LAUNCHING.ok("No group lacks instances because of a failed launch.")


def _joining(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    nodes = case.snapshot.kubernetes.nodes
    if isinstance(nodes, Unreadable):
        yield rules.JOINING.unread(nodes)
        return
    lost = {
        group.name: [
            each.id for each in group.instances if each.lifecycle == "InService" and each.id not in case.node_instances
        ]
        for group in groups
    }
    lost = {name: instances for name, instances in lost.items() if instances}
    long_lost = {status.name for status in case.status.groups if status.long_unregistered} if case.status else set()
    timed_out = {
        name for name in lost for event in case.recent_events if event.reason in _NEVER_JOINED and name in event.message
    }
    never = sorted((long_lost | timed_out) & set(lost))
    for name in never:
        yield rules.JOINING.broken(
            f"{number(len(lost[name]), 'instance')} of {name} never became a node: {', '.join(lost[name])}.",
            "a node for every instance, within 15 minutes",
            case.fixer.read_console(lost[name][0]),
        )
    if not never:
        young = (
            f" ({number(sum(map(len, lost.values())), 'instance is', 'instances are')} about to join)" if lost else ""
        )
        yield rules.JOINING.ok(f"No instance in service failed to become a node{young}.")


_NEVER_JOINED = frozenset({"ScaleUpTimedOut", "DeleteUnregistered", "DeleteUnregisteredFailed"})


def _health(case: Case) -> Iterator[Finding]:
    node_groups = case.snapshot.aws.node_groups
    for node_group in () if isinstance(node_groups, Unreadable) else node_groups:
        failed = node_group.status.endswith("_FAILED") or node_group.status == "DEGRADED"
        if node_group.health_issues or failed:
            issues = "; ".join(node_group.health_issues)
            yield rules.HEALTH.broken(
                f"The node group {node_group.name} is {node_group.status}{f': {issues}' if issues else ''}.",
                "an ACTIVE node group without issues",
                case.fixer.read_health(node_group.name),
            )


# --- helpers ----------------------------------------------------------------------------------------------------------


def _node_group_name(case: Case, group: AutoScalingGroup) -> str:
    node_group: NodeGroup | None = case.managed.get(group.name)
    return node_group.name if node_group else ""
