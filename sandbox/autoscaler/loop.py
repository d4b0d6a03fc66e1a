"""The main loop: looks at groups, nodes and pods, and acts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from sandbox.autoscaler import expander, log, scale_down, scale_up, status, templates
from sandbox.autoscaler.aws import Aws, AwsError, TemplateError
from sandbox.autoscaler.backoff import Backoff
from sandbox.autoscaler.cluster import Cluster, Picture
from sandbox.autoscaler.flags import duration
from sandbox.autoscaler.groups import Group
from sandbox.autoscaler.metrics import Metrics
from sandbox.autoscaler.objects import ANNOTATIONS, Node, Pod
from sandbox.autoscaler.options import Options
from sandbox.autoscaler.simulation import Simulation, daemon_overhead
from sandbox.kube_api import KubeApiError

_STARTING = timedelta(minutes=15)
"""How long a node that is not ready yet counts as one on its way."""

_LONG_AGO = timedelta(days=36500)


class Loop:
    """Carries from loop to loop what Cluster Autoscaler carries in memory.

    Args:
        options: The command line.
        aws: The groups.
        cluster: The nodes and pods.
        metrics: What is told to Prometheus.
        as_yaml: Whether the status is YAML.
        clock: Tells the time, in UTC.
        sleep: Waits for seconds.
        random: Source of chance.
    """

    def __init__(
        self,
        options: Options,
        aws: Aws,
        cluster: Cluster,
        metrics: Metrics,
        *,
        as_yaml: bool,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        random: Random,
    ) -> None:
        self._options = options
        self._aws = aws
        self._cluster = cluster
        self._metrics = metrics
        self._as_yaml = as_yaml
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._backoff = Backoff(options)
        self._transitions = status.Transitions()
        self._templates: dict[str, Node] = {}
        self._unneeded_since: dict[str, datetime] = {}
        self._last_scale_up = self._last_deletion = self._last_failure = clock() - _LONG_AGO

    def run_once(self) -> bool:
        """One loop; whether it did its work. Failures are logged: the next loop tries again."""
        now = self._clock()
        try:
            groups = self._aws.groups()
            log.info(f"Discovered {len(groups)} ASGs: {', '.join(group.name for group in groups)}", v=4)
            picture = self._cluster.picture()
            self._decide(groups, picture, now)
        except AwsError as error:
            log.error(f"Failed to refresh cloud provider config: {error}")
            self._metrics.add("errors_total", type="cloudProviderError")
            return False
        except KubeApiError as error:
            log.error(f"Failed to get or change objects of the API server: {error}")
            self._metrics.add("errors_total", type="apiCallError")
            return False
        return True

    def clean_up(self) -> None:
        """Takes back the marks that an earlier process left on nodes; a failure is logged and no more."""
        try:
            for node in self._cluster.picture().nodes:
                if node.being_deleted:
                    self._cluster.unmark(node.name)
                    self._cluster.node_event(node.name, "ClusterAutoscalerCleanup", "marking the node as schedulable")
        except KubeApiError as error:
            log.error(f"Failed to list ready nodes, not cleaning up taints: {error}")

    def _decide(self, groups: Sequence[Group], picture: Picture, now: datetime) -> None:
        group_of = _group_of(groups, picture.nodes)
        counts = {group.name: _count(group, picture.nodes) for group in groups}
        healthy = self._healthy(picture.nodes)
        candidates: Counter[str] = Counter()
        if not healthy:
            log.warning("Cluster is not ready for autoscaling")
            self._cluster.status_event("ClusterUnhealthy", "Cluster is unhealthy", warning=True)
        elif not self._options.scale_up_from_zero and not any(node.ready for node in picture.nodes):
            log.warning("No ready nodes in the cluster and --scale-up-from-zero=false")
        else:
            scaled_up = self._scale_up(groups, picture, now)
            candidates = self._scale_down(group_of, picture, now, allowed=not scaled_up)
        self._report(groups, counts, candidates, healthy, picture, now)

    # -- up ------------------------------------------------------------------------------------------------------

    def _scale_up(self, groups: Sequence[Group], picture: Picture, now: datetime) -> bool:
        """Whether a group was made to grow."""
        offers = [self._offer(group, picture, now) for group in groups]
        waiting = [pod for pod in picture.pods if self._counts(pod, now)]
        simulation = Simulation([node for node in picture.nodes if node.ready and not node.being_deleted], picture.pods)
        upcoming = 0
        for offer in offers:
            for number in range(_upcoming(offer.group, picture.nodes, now)):
                upcoming += 1
                if offer.template:
                    node = replace(offer.template, name=f"{offer.template.name}-upcoming-{number}")
                    simulation.add(node, offer.overhead)
        helpless = [pod for pod in waiting if simulation.place(pod) is None]
        self._metrics.set("unschedulable_pods_count", len(helpless), type="unschedulable")
        if not helpless:
            log.info("No unschedulable pods", v=1)
            return False
        for pod in helpless:
            log.info(f"Pod {pod.key} is unschedulable", v=1)
        plan = scale_up.plan(helpless, offers, len(picture.nodes) + upcoming, self._options, self._choose)
        if plan.capped:
            self._cluster.status_event(
                "MaxNodesTotalReached",
                f"Max total nodes in cluster reached: {self._options.max_nodes_total}",
                warning=True,
            )
        if not plan.targets:
            self._refuse(helpless, plan.refused)
            return False
        log.info(f"Best option to resize: {plan.best}", v=1)
        by_name = {group.name: group for group in groups}
        changes = " ".join(
            f"{{{name} {by_name[name].target}->{target} (max: {by_name[name].max_size})}}"
            for name, target in plan.targets.items()
        )
        log.info(f"Final scale-up plan: [{changes}]", v=1)
        grown = [self._grow(by_name[name], target, now) for name, target in plan.targets.items()]
        if not any(grown):
            return False
        for pod in plan.helped:
            self._cluster.pod_event(pod, "TriggeredScaleUp", f"pod triggered scale-up: [{changes}]")
        self._last_scale_up = now
        return True

    def _counts(self, pod: Pod, now: datetime) -> bool:
        """Whether the scheduler has given the pod up and its wait is worth a new node."""
        delay = self._options.new_pod_scale_up_delay
        own_delay = pod.annotations.get(f"{ANNOTATIONS}pod-scale-up-delay")
        if own_delay:
            try:
                delay = max(delay, duration(own_delay))
            except ValueError:
                log.error(f"Failed to parse pod {pod.key} annotation pod-scale-up-delay: {own_delay}")
        return (
            pod.unschedulable
            and not (pod.node or pod.terminating or pod.finished or pod.stays_with_its_node)
            and pod.priority >= self._options.expendable_pods_priority_cutoff
            and (pod.created is None or now - pod.created >= timedelta(seconds=delay))
        )

    def _offer(self, group: Group, picture: Picture, now: datetime) -> scale_up.Offer:
        example = templates.good_example([node for node in picture.nodes if node.instance in group.instances])
        if example:
            self._templates[group.name] = templates.from_node(group, example, self._options)
        template = self._templates.get(group.name) or self._imagine(group)
        overhead = daemon_overhead(template, picture.daemons) if template else {}
        refusal = scale_up.BACKED_OFF if self._backoff.reason(group.name, now) else ""
        if refusal:
            log.warning(f"Node group {group.name} is not ready for scaleup - backoff")
        return scale_up.Offer(group, template, overhead, refusal)

    def _imagine(self, group: Group) -> Node | None:
        try:
            return templates.from_group(group, self._aws.instance_type(group), self._aws.managed_node_group(group))
        except TemplateError as error:
            log.error(f"Unable to build proper template node for {group.name}: {error}")
            return None

    def _choose(self, options: Sequence[expander.Option]) -> expander.Option:
        names = self._options.expander.split(",")
        priorities: expander.Priorities = {}
        if "priority" in names:
            try:
                priorities = expander.read_priorities(self._cluster.config_map(expander.PRIORITY_MAP) or {})
            except expander.PriorityMapError as error:
                log.warning(f"Wrong configuration for priority expander: {error}. Ignoring update.")
        return expander.choose(options, names, priorities, self._random)

    def _refuse(self, pods: Sequence[Pod], refused: Mapping[str, Mapping[str, str]]) -> None:
        log.info("No expansion options", v=1)
        for pod in pods:
            by_group = refused.get(pod.key, {})
            for group, reason in by_group.items():
                if reason == scale_up.MAX_SIZE_REACHED:
                    log.info(f"Skipping node group {group} - max size reached", v=4)
                else:
                    log.info(f"Pod {pod.key} can't be scheduled on {group}, predicate checking error: {reason}", v=2)
            reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(Counter(by_group.values()).items()))
            self._cluster.pod_event(pod, "NotTriggerScaleUp", f"pod didn't trigger scale-up: {reasons}")

    def _grow(self, group: Group, target: int, now: datetime) -> bool:
        sizes = f"{target} instead of {group.target} (max: {group.max_size})"
        log.info(f"Scale-up: setting group {group.name} size to {target}")
        self._cluster.status_event("ScaledUpGroup", f"Scale-up: setting group {group.name} size to {sizes}")
        try:
            self._aws.set_target(group.name, target)
        except AwsError as error:
            until = self._backoff.fail(group.name, now, str(error))
            log.error(f"Failed to scale up: failed to increase node group size: {error}")
            log.warning(
                f"Disabling scale-up for node group {group.name} until {until}; "
                "errorClass=Other; errorCode=cloudProviderError"
            )
            self._cluster.status_event(
                "FailedToScaleUpGroup", f"Scale-up failed for group {group.name}: {error}", warning=True
            )
            self._metrics.add("failed_scale_ups_total", reason="cloudProviderError")
            return False
        self._backoff.succeed(group.name)
        self._cluster.status_event("ScaledUpGroup", f"Scale-up: group {group.name} size set to {sizes}")
        self._metrics.add("scaled_up_nodes_total", target - group.target)
        return True

    # -- down ----------------------------------------------------------------------------------------------------

    def _scale_down(
        self, group_of: Mapping[str, Group], picture: Picture, now: datetime, *, allowed: bool
    ) -> Counter[str]:
        """Keeps account of unneeded nodes and removes those that are due; candidates by name of group."""
        if not self._options.scale_down_enabled:
            return Counter()
        found = scale_down.assess(picture.nodes, picture.pods, group_of, picture.budgets, self._options)
        for name, reason in found.blocked.items():
            log.info(f"Node {name} cannot be removed: {reason}", v=2)
        names = [candidate.node.name for candidate in found.candidates]
        self._unneeded_since = {name: self._unneeded_since.get(name, now) for name in names}
        for name, since in self._unneeded_since.items():
            log.info(f"{name} was unneeded for {(now - since).total_seconds():.0f}s", v=1)
        self._metrics.set("unneeded_nodes_count", len(names))
        in_cooldown = not allowed or self._in_cooldown(now)
        self._metrics.set("scale_down_in_cooldown", in_cooldown)
        if in_cooldown:
            log.info("Scale down in cooldown", v=4)
        else:
            due, held = scale_down.due(found.candidates, self._unneeded_since, now, self._options)
            for line in held:
                log.info(line, v=1)
            self._remove(due, now)
        return Counter(candidate.group.name for candidate in found.candidates)

    def _in_cooldown(self, now: datetime) -> bool:
        options = self._options
        return (
            now < self._last_scale_up + timedelta(seconds=options.scale_down_delay_after_add)
            or now < self._last_deletion + timedelta(seconds=options.scale_down_delay_after_delete)
            or now < self._last_failure + timedelta(seconds=options.scale_down_delay_after_failure)
        )

    def _remove(self, due: Sequence[scale_down.Candidate], now: datetime) -> None:
        for candidate in due:
            name = candidate.node.name
            self._cluster.mark(name, now)
            self._cluster.node_event(name, "ScaleDown", "marked the node as toBeDeleted/unschedulable")
        if due:
            self._sleep(self._options.node_delete_delay_after_taint)
        for candidate in due:
            name, pods = candidate.node.name, candidate.evicted
            reason = "ScaleDown" if pods else "ScaleDownEmpty"
            moving = ",".join(pod.name for pod in pods)
            begin = f"removing node {name}, pods to reschedule: {moving}" if pods else f'removing empty node "{name}"'
            log.info(f"Scale-down: {begin}")
            self._cluster.status_event(reason, f"Scale-down: {begin}")
            problem = self._drain_and_terminate(candidate)
            if problem:
                failure = f"failed to {'drain and delete' if pods else 'delete empty'} node: {problem}"
                log.error(f"Scale-down: {name}: {failure}")
                self._cluster.node_event(name, "ScaleDownFailed", failure, warning=True)
                self._cluster.unmark(name)
                self._last_failure = self._clock()
                continue
            end = f"node {name} removed with drain" if pods else f"empty node {name} removed"
            self._cluster.status_event(reason, f"Scale-down: {end}")
            self._metrics.add("scaled_down_nodes_total", reason="underutilized" if pods else "empty")
            self._unneeded_since.pop(name, None)
            self._last_deletion = self._clock()

    def _drain_and_terminate(self, candidate: scale_down.Candidate) -> str:
        """Why it failed, or nothing."""
        for pod in candidate.evicted:
            self._cluster.pod_event(pod, "ScaleDown", "deleting pod for node scale down")
        problem = self._cluster.evict(candidate.evicted, self._sleep)
        if problem:
            return problem
        try:
            self._aws.terminate(candidate.node.instance)
        except AwsError as error:
            return f"failed to delete nodes from group {candidate.group.name}: {error}"
        return ""

    # -- report --------------------------------------------------------------------------------------------------

    def _healthy(self, nodes: Sequence[Node]) -> bool:
        unready = sum(not node.ready for node in nodes)
        bearable = self._options.max_total_unready_percentage / 100 * len(nodes)
        return unready <= max(self._options.ok_total_unready_count, bearable)

    def _report(
        self,
        groups: Sequence[Group],
        counts: Mapping[str, status.Counts],
        candidates: Mapping[str, int],
        healthy: bool,
        picture: Picture,
        now: datetime,
    ) -> None:
        all_nodes = status.Counts(
            ready=sum(node.ready and not node.being_deleted for node in picture.nodes),
            unready=sum(not node.ready and not node.being_deleted for node in picture.nodes),
            being_deleted=sum(node.being_deleted for node in picture.nodes),
            unregistered=sum(its.unregistered for its in counts.values()),
        )
        found = [
            status.GroupStatus(
                group, counts[group.name], candidates.get(group.name, 0), self._backoff.reason(group.name, now)
            )
            for group in groups
        ]
        text = status.running(
            status.ClusterStatus(healthy, all_nodes, found), self._transitions, now, as_yaml=self._as_yaml
        )
        self._cluster.write_status(text, now)
        self._metrics.set("cluster_safe_to_autoscale", healthy)
        self._metrics.set("node_groups_count", len(groups), node_group_type="autoscaled")
        self._metrics.set("nodes_count", all_nodes.ready, state="ready")
        self._metrics.set("nodes_count", all_nodes.unready, state="unready")
        self._metrics.set("nodes_count", all_nodes.unregistered, state="unregistered")
        self._metrics.set("last_activity", now.timestamp(), activity="main")


def _group_of(groups: Sequence[Group], nodes: Sequence[Node]) -> dict[str, Group]:
    owner = {instance: group for group in groups for instance in group.instances}
    return {node.name: owner[node.instance] for node in nodes if node.instance in owner}


def _count(group: Group, nodes: Sequence[Node]) -> status.Counts:
    its = [node for node in nodes if node.instance in group.instances]
    staying = [node for node in its if not node.being_deleted]
    ready = sum(node.ready for node in staying)
    return status.Counts(
        ready=ready,
        unready=len(staying) - ready,
        being_deleted=len(its) - len(staying),
        unregistered=len(group.instances) - len(its),
    )


def _upcoming(group: Group, nodes: Sequence[Node], now: datetime) -> int:
    """How many nodes the group will yet have: not there, or there and still starting."""
    there = [
        node
        for node in nodes
        if node.instance in group.instances
        and not node.being_deleted
        and (node.ready or node.created is None or now - node.created > _STARTING)
    ]
    return max(0, group.target - len(there))
