"""The main loop: refreshes groups, nodes and pods, and scales (core/static_autoscaler.go, RunOnce)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sandbox.autoscaler import log, status, templates
from sandbox.autoscaler.aws import Aws, AwsError, Group
from sandbox.autoscaler.cluster import Cluster
from sandbox.autoscaler.flags import Options
from sandbox.autoscaler.nodes import TO_BE_DELETED, Node, Pod, Resources, Simulation, estimate, misfits, total, waste
from sandbox.kube_api import KubeApiError

Clock = Callable[[], datetime]
Sleep = Callable[[float], None]


class Offer(NamedTuple):
    """A group, its nodes, the node that it would add, what DaemonSets request on that, or why it cannot grow."""

    group: Group
    nodes: list[Node]
    template: Node | None
    overhead: Resources
    refusal: str


class Loop:
    """Carries from loop to loop what Cluster Autoscaler carries in memory."""

    def __init__(self, options: Options, aws: Aws, cluster: Cluster, clock: Clock, sleep: Sleep) -> None:
        self._options, self._aws, self._cluster, self._clock, self._sleep = options, aws, cluster, clock, sleep
        self._backoff: dict[str, tuple[datetime, str]] = {}
        self._unneeded_since: dict[str, datetime] = {}
        self._quiet_until = clock()

    def run_once(self) -> None:
        """Run one loop. Failures are logged: the next loop tries again."""
        now = self._clock()
        log.info("Starting main loop", v=4)
        try:
            groups = self._aws.groups()
            nodes, (all_pods, daemons) = self._cluster.nodes(), self._cluster.pods()
            cutoff = self._options.expendable_pods_priority_cutoff
            # They neither add a node nor keep one (core/static_autoscaler.go, FilterOutExpendablePods).
            pods = [pod for pod in all_pods if not pod.is_expendable(cutoff)]
            offers = [self._offer(group, nodes, daemons, now) for group in groups]
            grown = self._scale_up(offers, nodes, pods, now)
            candidates = self._scale_down(offers, pods, now, allowed=not grown)
        except AwsError as error:
            log.error(f"Failed to refresh cloud provider config: {error}")
            return
        except KubeApiError as error:
            log.error(f"Failed to get node list: {error}")
            return
        found = [
            status.group_status(offer.group, offer.nodes, candidates[offer.group.name], self._failure(offer.group, now))
            for offer in offers
        ]
        self._cluster.write_status(status.running(nodes, found, now), now)

    def clean_up(self) -> None:
        """Take back the marks that an earlier process left on nodes."""
        try:
            for node in [node for node in self._cluster.nodes() if node.being_deleted]:
                self._cluster.mark(node.name, None)
                removed = f"removed {TO_BE_DELETED} taint from node {node.name}"
                self._cluster.event(node, "ClusterAutoscalerCleanup", removed)
        except KubeApiError as error:
            log.error(f"Failed to get node list: {error}")

    def _offer(self, group: Group, nodes: Sequence[Node], daemons: Sequence[Pod], now: datetime) -> Offer:
        own = [node for node in nodes if node.instance in group.instances]
        try:
            template = templates.template(group, own, self._aws, self._options)
        except AwsError as error:
            log.error(f"Unable to build proper template node for {group.name}: {error}")
            return Offer(group, own, None, {}, "the sandbox's stand-in has no node template")
        refusal = "max node group size reached" if group.target >= group.max_size else ""
        refusal = "in backoff after failed scale-up" if self._failure(group, now) else refusal
        overhead = total(pod.requests for pod in daemons if not misfits(pod, template, {}))
        return Offer(group, own, template, overhead, refusal)

    def _failure(self, group: Group, now: datetime) -> str:
        until, error = self._backoff.get(group.name, (now, ""))
        return error if now < until else ""

    def _scale_up(self, offers: Sequence[Offer], nodes: Sequence[Node], pods: Sequence[Pod], now: datetime) -> bool:
        """Grow the group that leaves the least unused; whether one was made to grow."""
        usable = [node for node in nodes if node.ready and not node.being_deleted]
        simulation = Simulation(usable, pods)
        for offer in offers:
            for number in range(offer.group.target - sum(node in usable for node in offer.nodes)):
                if offer.template:
                    simulation.add(offer.template, number, offer.overhead)
        helpless = [pod for pod in pods if pod.waits and not simulation.place(pod)]
        if not helpless:
            log.info("No unschedulable pods", v=1)
            return False
        options = []
        reasons: dict[str, Counter[str]] = {pod.key: Counter() for pod in helpless}
        for pod in helpless:
            log.info(f"Pod {pod.key} is unschedulable", v=1)
        for offer in offers:
            fitting = []
            for pod in helpless:
                why = [offer.refusal] if offer.refusal else misfits(pod, offer.template, offer.overhead)  # type: ignore[arg-type]
                fitting += [] if why else [pod]
                reasons[pod.key].update(why[:1])
            if fitting and offer.template:
                count = estimate(fitting, offer.template, offer.overhead)
                options.append((waste(fitting, offer.template, count), offer.group, count, fitting))
        if not options:
            log.info("No expansion options", v=1)
            for pod in helpless:
                text = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons[pod.key].items()))
                self._cluster.event(pod, "NotTriggerScaleUp", f"pod didn't trigger scale-up: {text}")
            return False
        _, group, count, fitting = min(options, key=lambda option: option[0])
        target = min(group.target + count, group.max_size)
        plan = f"[{{{group.name} {group.target}->{target} (max: {group.max_size})}}]"
        log.info(f"Best option to resize: {group.name}", v=1)
        log.info(f"Final scale-up plan: {plan}", v=1)
        if not self._grow(group, target, now):
            return False
        for pod in fitting:
            self._cluster.event(pod, "TriggeredScaleUp", f"pod triggered scale-up: {plan}")
        self._pause(self._options.scale_down_delay_after_add)
        return True

    def _grow(self, group: Group, target: int, now: datetime) -> bool:
        sizes = f"{target} instead of {group.target} (max: {group.max_size})"
        log.info(f"Scale-up: setting group {group.name} size to {target}")
        self._cluster.event(None, "ScaledUpGroup", f"Scale-up: setting group {group.name} size to {sizes}")
        try:
            self._aws.set_target(group.name, target)
        except AwsError as error:
            until = now + timedelta(seconds=self._options.initial_node_group_backoff_duration)
            self._backoff[group.name] = (until, f"failed to increase node group size: {error}")
            message = f"Scale-up failed for group {group.name}: {error}"
            self._cluster.event(None, "FailedToScaleUpGroup", message, "Warning")
            return False
        self._cluster.event(None, "ScaledUpGroup", f"Scale-up: group {group.name} size set to {sizes}")
        return True

    def _scale_down(
        self, offers: Sequence[Offer], pods: Sequence[Pod], now: datetime, *, allowed: bool
    ) -> Counter[str]:
        """Remove the empty nodes that are due; return how many could be removed, by name of group."""
        occupied, removed = {pod.node for pod in pods if not pod.stays}, Counter[str]()
        empty = [
            (node, offer.group)
            for offer in offers
            for node in offer.nodes
            if self._options.scale_down_enabled and not node.being_deleted and node.name not in occupied
        ]
        self._unneeded_since = {node.name: self._unneeded_since.get(node.name, now) for node, _ in empty}
        for node, group in empty:
            seconds = (now - self._unneeded_since[node.name]).total_seconds()
            log.info(f"{node.name} was unneeded for {seconds:.9f}s", v=2)
            size = group.target - removed[group.name]
            if not allowed or now < self._quiet_until or seconds < self._options.scale_down_unneeded_time:
                continue
            if size <= group.min_size:
                sizes = f"(current: {size}, min: {group.min_size})"
                log.info(f"Skipping {node.name} - node group min size reached {sizes}", v=1)
                continue
            removed[group.name] += self._remove(node, group)
        return Counter(group.name for _, group in empty)

    def _pause(self, seconds: float) -> None:
        """Keep all nodes for so long."""
        self._quiet_until = max(self._quiet_until, self._clock() + timedelta(seconds=seconds))

    def _remove(self, node: Node, group: Group) -> bool:
        log.info(f'Scale-down: removing empty node "{node.name}"')
        self._cluster.event(None, "ScaleDownEmpty", f'Scale-down: removing empty node "{node.name}"')
        self._cluster.mark(node.name, self._clock())
        self._cluster.event(node, "ScaleDown", "marked the node as toBeDeleted/unschedulable")
        self._sleep(self._options.node_delete_delay_after_taint)
        try:
            self._aws.terminate(node.instance)
        except AwsError as error:
            failure = f"failed to delete empty node: failed to delete nodes from group {group.name}: {error}"
            self._cluster.event(node, "ScaleDownFailed", failure, "Warning")
            self._cluster.mark(node.name, None)
            self._pause(self._options.scale_down_delay_after_failure)
            return False
        self._cluster.event(None, "ScaleDownEmpty", f"Scale-down: empty node {node.name} removed")
        self._pause(self._options.scale_down_delay_after_delete)
        return True
