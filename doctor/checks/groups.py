"""Fifth link: the autoscaler finds the cluster's Auto Scaling Groups, and they can grow."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from .._shared import discovery
from ..arguments import DISCOVERY_FLAG
from ..case import Case
from ..facts import AutoScalingGroup, NodeGroup, ZonalVolume
from ..findings import Finding, Link, RuleBook
from ..readings import Unreadable
from .wording import each, number, pairs, some

BOOK = RuleBook(Link.GROUPS)

TAGS = BOOK.rule(
    "tags",
    "Every group of the cluster is discovered",
    "A group without both tags does not exist for the autoscaler, and no error is logged.",
)
FOREIGN = BOOK.rule(
    "foreign",
    "No group of another cluster is discovered",
    "The autoscaler would scale in the machines of the other cluster, because it cannot see their nodes.",
)
SIZES = BOOK.rule(
    "sizes",
    "Every group's maxSize is above its minSize",
    "A group whose minSize equals its maxSize cannot be scaled.",
)
WEIGHTS = BOOK.rule(
    "weights",
    "The sizes of every group count instances",
    "Cluster Autoscaler takes a desired capacity for a number of instances: with weights it waits for instances that "
    "never come, and removes too many.",
)
ABOVE_MAX = BOOK.rule(
    "above-max",
    "No group has more instances than its maxSize",
    "Cluster Autoscaler never scales up a group that is above its maxSize, and AWS may terminate the surplus.",
)
HEADROOM = BOOK.rule(
    "headroom",
    "No pending pod is blocked by a group at its maxSize",
    "The autoscaler skips a group at its maxSize, and the pods stay pending.",
)
PROCESSES = BOOK.rule(
    "processes",
    "The groups can launch and terminate instances",
    "With these processes suspended AWS accepts a new size, and nothing happens.",
)
REBALANCE = BOOK.rule(
    "rebalance",
    "AWS does not move nodes between zones",
    "AZRebalance terminates nodes without draining them, and undoes the autoscaler's decisions.",
)
ZONES = BOOK.rule(
    "zones",
    "Volumes of one zone have groups of one zone",
    "A group over several zones may launch the node in a zone where the volume is not.",
)
LAUNCHING = BOOK.rule(
    "launching",
    "AWS launches the instances that groups request",
    "Without capacity or quota, or with a broken launch template, the size grows and no instance starts.",
)
JOINING = BOOK.rule(
    "joining",
    "New instances become nodes",
    "An instance that never joins (subnet, security group, access entry) costs money until it is replaced.",
)
HEALTH = BOOK.rule(
    "health",
    "EKS reports no health issue of a node group",
    "A degraded node group may not launch, join or update nodes.",
)

_NECESSARY_PROCESSES = frozenset({"Launch", "Terminate"})
_LAUNCH_FAILURE_COUNTS = timedelta(hours=1)


def check(case: Case, earlier: Sequence[Finding]) -> Iterator[Finding]:
    """Look at every Auto Scaling Group of the cluster."""
    for facts in (case.snapshot.aws.groups, case.snapshot.aws.node_groups):
        if isinstance(facts, Unreadable):
            yield TAGS.unread(facts)
            return
    yield from _tags(case)
    yield from _foreign(case)
    groups = case.discovered_own
    if not groups:
        return
    yield _sizes(groups, case)
    yield from each(WEIGHTS, _weights(case, groups), f"All {len(groups)} groups count instances.")
    yield from each(ABOVE_MAX, _above_max(case, groups), "No group is above its maxSize.")
    yield from each(HEADROOM, _headroom(case, groups), "No pending pod is blocked by a group at its maxSize.")
    yield from each(PROCESSES, _processes(case, groups), "No group has Launch or Terminate suspended.")
    yield from each(
        REBALANCE,
        _rebalance(case, groups),
        "AZRebalance is suspended, or each group has one zone, or EKS drains the nodes.",
    )
    yield from _zones(case, groups)
    yield from _launching(case, groups)
    yield from _joining(case, groups)
    yield from each(HEALTH, _health(case), f"All {len(case.managed)} groups behind managed node groups are healthy.")


# --- discovery --------------------------------------------------------------------------------------------------------


def _tags(case: Case) -> Iterator[Finding]:
    name = case.snapshot.cluster_name
    found = {group.name for group in case.discovered}
    intended = set(case.snapshot.intent.groups) if case.snapshot.intent else set()
    missed = [group for group in case.own_groups if group.name not in found]
    meant = [group for group in missed if _is_meant(case, group, intended)]
    for group in meant:
        lacking = case.wanted_tags.missing_from(group.tags)
        misread = [key for key in group.tags if key.startswith(discovery.WRONG_PREFIX)]
        hint = f" Its {', '.join(misread)} counts for nothing." if misread else ""
        right = {key: value or discovery.discovery_tags(name).get(key, "owned") for key, value in lacking.items()}
        yield TAGS.broken(
            f"The group {group.name} is not discovered: it lacks {pairs(right)}.{hint}",
            " and ".join(case.wanted_tags.tags),
            case.mender.tag(group.name, right),
        )
    for gone in sorted(intended - {group.name for group in case.groups}):
        yield TAGS.broken(f"The group {gone} of the stack does not exist.", "an existing group", "pulumi up --refresh")
    if not found and not meant:
        yield TAGS.broken(
            f"No group of the region is discovered by {' and '.join(case.wanted_tags.tags)}.",
            "one group or more",
            case.mender.discovery_tags(missed[0].name if missed else "GROUP"),
        )
    elif not meant:
        left_out = f"; without either tag, and left out: {', '.join(group.name for group in missed)}" if missed else ""
        yield TAGS.ok(f"Discovered: {number(len(found), 'group')} ({some(sorted(found))}){left_out}.")


def _is_meant(case: Case, group: AutoScalingGroup, intended: set[str]) -> bool:
    """Whether a group that is not discovered was meant to be: EKS tags its own, and half a set of tags is a slip."""
    tagged = any(key in group.tags for key in case.wanted_tags.tags)
    misread = any(key.startswith(discovery.WRONG_PREFIX) for key in group.tags)
    by_tags = DISCOVERY_FLAG in case.arguments.values or not case.static_groups
    return by_tags and (group.name in intended or group.name in case.managed or tagged or misread)


def _foreign(case: Case) -> Iterator[Finding]:
    name = case.snapshot.cluster_name
    strangers = [group for group in case.discovered if case.owner(group) not in ("", name)]
    for group in strangers:
        yield FOREIGN.broken(
            f"The group {group.name} belongs to the cluster {case.owner(group)}, and is discovered here.",
            "the tags of one cluster on each group",
            case.mender.untag(group.name, [discovery.cluster_key(name)]),
        )
    if not strangers:
        yield FOREIGN.ok("No discovered group belongs to another cluster.")


# --- sizes ------------------------------------------------------------------------------------------------------------


def _sizes(groups: Sequence[AutoScalingGroup], case: Case) -> Finding:
    room = [group for group in groups if group.min < group.max]
    sizes = ", ".join(f"{group.name} {group.min}..{group.max} (now {group.desired})" for group in groups[:5])
    more = f" and {len(groups) - 5} more" if len(groups) > 5 else ""
    if room:
        return SIZES.ok(f"{sizes}{more}.")
    first = groups[0]
    return SIZES.warning(
        f"No group can be scaled: {sizes}{more}.",
        "a maxSize above the minSize",
        case.mender.max_size(first.name, _node_group_name(case, first), first.max + 1),
    )


def _weights(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    """Upstream compares desired capacity with the number of instances (`aws_cloud_provider.go`, `auto_scaling.go`)."""
    for group in groups:
        if group.unit != "instances":
            yield WEIGHTS.warning(
                f"The sizes of {group.name} count {group.unit}: desired {group.desired}, {len(group.instances)} "
                "instances.",
                "one instance type, or types of equal size with weight 1 and DesiredCapacityType units",
                f"aws autoscaling describe-auto-scaling-groups --auto-scaling-group-names {group.name} "
                f"--region {case.snapshot.region} --query 'AutoScalingGroups[].MixedInstancesPolicy'"
                "   # then remove WeightedCapacity from its overrides",
            )


def _above_max(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    for group in groups:
        alive = [each for each in group.instances if each.lifecycle == "InService"]
        if group.unit == "instances" and len(alive) > group.max:
            yield ABOVE_MAX.warning(
                f"{group.name} has {len(alive)} instances in service; its maxSize is {group.max}.",
                "a maxSize that covers the instances in service",
                case.mender.max_size(group.name, _node_group_name(case, group), len(alive)),
            )


def _headroom(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    waiting = case.waiting
    refused = {
        (event.namespace, event.name) for event in case.recent_events if "max node group size reached" in event.message
    }
    pods = [pod for pod in waiting if (pod.namespace, pod.name) in refused]
    if not pods:
        return
    static = {group.name: group for group in case.static_groups}
    for group in groups:
        limit = min(group.max, static[group.name].max) if group.name in static else group.max
        if group.desired < limit:
            continue
        told = group.name in static and static[group.name].max < group.max
        mend = (
            case.mender.flag("nodes", f"{static[group.name].min}:{group.max}:{group.name}")
            if told
            else case.mender.max_size(group.name, _node_group_name(case, group), limit + len(pods))
        )
        yield HEADROOM.broken(
            f"{group.name} is at its maxSize {limit}{' of --nodes' * told}, and {number(len(pods), 'pod')} pending, "
            f"among them {pods[0].namespace}/{pods[0].name}.",
            "a maxSize that leaves capacity for these pods",
            mend,
        )


# --- what AWS does with them ------------------------------------------------------------------------------------------


def _processes(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    for group in groups:
        stopped = sorted(group.suspended & _NECESSARY_PROCESSES)
        if stopped:
            yield PROCESSES.broken(
                f"{group.name}: {' and '.join(stopped)} suspended.",
                "neither suspended",
                case.mender.resume(group.name, stopped),
            )


def _rebalance(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    for group in groups:
        if len(group.zones) > 1 and group.name not in case.managed and "AZRebalance" not in group.suspended:
            yield REBALANCE.warning(
                f"{group.name} spans {', '.join(group.zones)}, and AWS may move its nodes between them.",
                "AZRebalance suspended, or one group per zone",
                case.mender.suspend(group.name, "AZRebalance"),
            )


def _zones(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    volumes = case.snapshot.kubernetes.zonal_volumes
    if isinstance(volumes, Unreadable):
        yield ZONES.unread(volumes)
        return
    wide = [group for group in groups if len(group.zones) > 1]
    conflict = next((pod for pod in case.waiting if case.says(pod, "volume node affinity conflict")), None)
    mend = (
        "make one node group per zone (components: onePerZone) and set --balance-similar-node-groups=true, then move "
        f"the pods with volumes there; groups over several zones: {', '.join(group.name for group in wide)}"
    )
    if conflict and wide:
        yield ZONES.broken(
            f"{conflict.namespace}/{conflict.name} is pending for its volume's zone; {wide[0].name} spans "
            f"{', '.join(wide[0].zones)}, and its node template is in {wide[0].zones[0]}.",
            "one group per zone",
            mend,
        )
    elif volumes and wide:
        yield ZONES.warning(
            f"{_count(volumes)} and {wide[0].name} spans {', '.join(wide[0].zones)}.", "one group per zone", mend
        )
    else:
        yield ZONES.ok("No volume is bound to one zone, or no group spans several zones.")


def _count(volumes: tuple[ZonalVolume, ...]) -> str:
    first = volumes[0]
    return f"{len(volumes)} volumes live in one zone ({first.claim or first.name} in {', '.join(sorted(first.zones))}),"


def _launching(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    failures = case.snapshot.aws.failed_launches
    if isinstance(failures, Unreadable):
        yield LAUNCHING.unread(failures)
        return
    short = {group.name for group in groups if group.unit == "instances" and group.desired > len(group.instances)}
    newest = {
        failure.group: failure
        for failure in sorted(failures, key=lambda failure: failure.at)
        if failure.group in short and case.snapshot.taken_at - failure.at <= _LAUNCH_FAILURE_COUNTS
    }
    for name, failure in newest.items():
        yield LAUNCHING.broken(f"{name}: {failure.message}", "successful launches", case.mender.activities(name))
    if not newest:
        yield LAUNCHING.ok("No group lacks instances after a failed launch.")


def _joining(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    nodes = case.snapshot.kubernetes.nodes
    if isinstance(nodes, Unreadable):
        yield JOINING.unread(nodes)
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
    hopeless = sorted((long_lost | timed_out) & set(lost))
    for name in hopeless:
        yield JOINING.broken(
            f"{', '.join(lost[name])} of {name} never became a node.",
            "a node for every instance, within 15 minutes",
            f"aws ec2 get-console-output --latest --instance-id {lost[name][0]} --region {case.snapshot.region}"
            "   # then check subnet routes, security groups, and the node role's access entry",
        )
    if not hopeless:
        young = f"; joining: {sum(map(len, lost.values()))}" if lost else ""
        yield JOINING.ok(f"Every instance in service is a node, or is about to be one{young}.")


_NEVER_JOINED = frozenset({"ScaleUpTimedOut", "DeleteUnregistered", "DeleteUnregisteredFailed"})


def _health(case: Case) -> Iterator[Finding]:
    node_groups = case.snapshot.aws.node_groups
    for node_group in () if isinstance(node_groups, Unreadable) else node_groups:
        failed = node_group.status.endswith("_FAILED") or node_group.status == "DEGRADED"
        if node_group.health_issues or failed:
            issues = "; ".join(node_group.health_issues)
            yield HEALTH.broken(
                f"{node_group.name} is {node_group.status}{f': {issues}' if issues else ''}.",
                "ACTIVE, no issues",
                f"aws eks describe-nodegroup --cluster-name {case.snapshot.cluster_name} "
                f"--nodegroup-name {node_group.name} --query nodegroup.health --region {case.snapshot.region}",
            )


# --- helpers ----------------------------------------------------------------------------------------------------------


def _node_group_name(case: Case, group: AutoScalingGroup) -> str:
    node_group: NodeGroup | None = case.managed.get(group.name)
    return node_group.name if node_group else ""
