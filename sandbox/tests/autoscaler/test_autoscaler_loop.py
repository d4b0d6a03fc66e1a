"""One loop after another against a cluster in memory: what is remembered between them."""

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any, cast

import pytest
import yaml

from sandbox.autoscaler.aws import AwsError, TemplateError
from sandbox.autoscaler.cluster import Picture
from sandbox.autoscaler.loop import Loop
from sandbox.autoscaler.metrics import Metrics
from sandbox.autoscaler.objects import TO_BE_DELETED, Taint
from sandbox.autoscaler.templates import InstanceType
from sandbox.kube_api import KubeApiError
from sandbox.tests.autoscaler.making import NOW, group, node, options, pod


class FakeAws:
    def __init__(self, *groups):
        self.all = {one.name: one for one in groups}
        self.denied: set[str] = set()
        self.terminated: list[str] = []

    def groups(self):
        self._check("see")
        return list(self.all.values())

    def instance_type(self, its_group):
        if "template" in self.denied:
            raise TemplateError("not told")
        return InstanceType("m5.large", 2, 8192)

    def managed_node_group(self, its_group):
        return None

    def set_target(self, name, size):
        self._check("set")
        self.all[name] = replace(self.all[name], target=size)

    def terminate(self, instance):
        self._check("terminate")
        self.terminated.append(instance)

    def _check(self, what):
        if what in self.denied:
            raise AwsError(f"AccessDenied: {what}")


class FakeCluster:
    def __init__(self):
        self.nodes: list[Any] = []
        self.pods: list[Any] = []
        self.broken = False
        self.stuck = ""
        self.marked: set[str] = set()
        self.evicted: list[str] = []
        self.events: list[tuple[str, str]] = []
        self.status = ""

    def picture(self):
        if self.broken:
            raise KubeApiError(403, "forbidden")
        return Picture(self.nodes, self.pods, [], [])

    def config_map(self, name):
        return None

    def mark(self, name, now):
        self.marked.add(name)

    def unmark(self, name):
        self.marked.discard(name)

    def evict(self, pods, sleep):
        self.evicted += [one.name for one in pods]
        return self.stuck

    def write_status(self, text, now):
        self.status = text

    def pod_event(self, its_pod, reason, message, *, warning=False):
        self.events.append((reason, message))

    def node_event(self, name, reason, message, *, warning=False):
        self.events.append((reason, message))

    def status_event(self, reason, message, *, warning=False):
        self.events.append((reason, message))

    def reasons(self):
        return [reason for reason, _ in self.events]


class World:
    """A loop, its surroundings and its clock."""

    def __init__(self, *arguments, groups=()):
        self.aws = cast(Any, FakeAws(*groups))
        self.cluster = cast(Any, FakeCluster())
        self.now = NOW
        self.slept: list[float] = []
        self.loop = Loop(
            options("--scale-down-delay-after-add=1m", "--scale-down-unneeded-time=2m", *arguments),
            self.aws,
            self.cluster,
            Metrics(),
            as_yaml=True,
            clock=lambda: self.now,
            sleep=self.slept.append,
            random=Random(1),
        )

    def run(self, minutes=0.0):
        self.now += timedelta(minutes=minutes)
        self.cluster.events.clear()
        return self.loop.run_once()

    def group_status(self):
        return yaml.safe_load(self.cluster.status)["nodeGroups"][0]


def waiting(number, **fields):
    return [pod(f"w{index}", unschedulable=True, **fields) for index in range(number)]


ONE = group("g", 1, instances=("i-a",), max_size=3)
A, B = node("a", pods="4"), node("b", pods="4")


@pytest.fixture
def world():
    made = World(groups=[ONE])
    made.cluster.nodes = [A]
    return made


def test_it_grows_once_for_the_same_pods(world):
    world.cluster.pods = waiting(6)
    world.run()
    assert world.aws.all["g"].target == 2
    assert world.cluster.reasons().count("TriggeredScaleUp") == 2, "four of the six fit the node that is there"

    world.run()
    assert world.aws.all["g"].target == 2, "the node on its way will take them"
    assert world.cluster.events == []
    assert world.group_status()["scaleUp"]["status"] == "InProgress"


def test_a_node_that_is_still_starting_counts_as_on_its_way(world):
    world.aws.all["g"] = replace(ONE, target=2, instances=("i-a", "i-b"))
    world.cluster.pods = waiting(6)
    world.cluster.nodes = [A, replace(B, ready=False, created=world.now)]
    world.run()
    assert world.aws.all["g"].target == 2

    world.run(minutes=16)
    assert world.aws.all["g"].target == 3, "after so long nobody counts on it any more"


def test_a_denied_growth_is_reported_and_not_tried_again_at_once(world):
    world.cluster.pods = waiting(6)
    world.aws.denied = {"set"}
    assert world.run()
    assert "FailedToScaleUpGroup" in world.cluster.reasons()
    assert world.group_status()["scaleUp"]["status"] == "Backoff"

    world.aws.denied = set()
    world.run(minutes=4)
    assert (
        "NotTriggerScaleUp",
        "pod didn't trigger scale-up: 1 in backoff after failed scale-up",
    ) in world.cluster.events
    world.run(minutes=2)
    assert world.aws.all["g"].target == 2


@pytest.mark.parametrize(
    "fields", [{"terminating": True}, {"priority": -11}, {"owner": "DaemonSet"}, {"created": NOW, "node": ""}]
)
def test_some_waiting_pods_are_not_worth_a_node(fields):
    world = World("--new-pod-scale-up-delay=1m" if "created" in fields else "--v=4", groups=[ONE])
    world.cluster.pods = waiting(6, **fields)
    world.run()

    assert world.aws.all["g"].target == 1


def test_a_pod_may_ask_for_patience_of_its_own(world):
    slow = {"cluster-autoscaler.kubernetes.io/pod-scale-up-delay": "10m"}
    world.cluster.pods = waiting(6, annotations=slow, created=NOW)
    world.run(minutes=9)
    assert world.aws.all["g"].target == 1
    world.run(minutes=1)
    assert world.aws.all["g"].target == 2


def test_a_group_keeps_the_template_of_its_last_good_node(world):
    labelled = replace(A, labels={"disk": "ssd"})
    world.cluster.nodes = [labelled]
    world.run()
    world.aws.all["g"] = replace(ONE, target=0, instances=())
    world.cluster.nodes = []
    world.aws.denied = {"template"}
    world.cluster.pods = waiting(1, node_selector={"disk": "ssd"})
    world.run()

    assert world.aws.all["g"].target == 1


def test_an_unneeded_node_goes_after_its_time_and_not_within_the_cooldown(world):
    world.aws.all["g"] = replace(ONE, target=2, instances=("i-a", "i-b"))
    world.cluster.nodes = [A, B]
    world.run()
    world.run(minutes=1.9)
    assert world.aws.terminated == []

    world.run(minutes=0.2)
    assert world.aws.terminated == ["i-a", "i-b"]
    assert world.slept == [5], "the time between taint and deletion"
    assert ("ScaleDownEmpty", 'Scale-down: removing empty node "a"') in world.cluster.events
    assert ("ScaleDownEmpty", "Scale-down: empty node b removed") in world.cluster.events


def test_nothing_is_removed_soon_after_growth():
    world = World("--scale-down-unneeded-time=0", "--scale-down-delay-after-add=10m", groups=[ONE])
    world.cluster.nodes = [A]
    world.cluster.pods = waiting(6)
    world.run()
    world.cluster.pods = []
    world.run(minutes=9)
    assert world.aws.terminated == []
    world.run(minutes=1)
    assert world.aws.terminated == ["i-a"]


def test_an_interruption_starts_the_time_anew(world):
    world.run()
    world.cluster.pods = [pod("busy", cpu="1500m", node="a")]
    world.run(minutes=1)
    world.cluster.pods = []
    world.run(minutes=1)
    world.run(minutes=1)
    assert world.aws.terminated == []


def test_a_node_that_cannot_be_drained_is_given_back(world):
    world.aws.all["g"] = replace(ONE, target=2, instances=("i-a", "i-b"))
    world.cluster.nodes = [A, B]
    world.cluster.pods = [pod("p", node="a"), pod("q", cpu="1", node="b")]
    world.cluster.stuck = "failed to evict pod default/p: no"
    world.run()
    world.run(minutes=3)

    assert world.cluster.evicted == ["p"]
    failure = "failed to drain and delete node: failed to evict pod default/p: no"
    assert ("ScaleDownFailed", failure) in world.cluster.events
    assert world.cluster.marked == set()
    assert world.aws.terminated == []


def test_a_denied_termination_is_reported_and_the_node_given_back(world):
    world.aws.denied = {"terminate"}
    world.run()
    world.run(minutes=3)

    failure = "failed to delete empty node: failed to delete nodes from group g: AccessDenied: terminate"
    assert ("ScaleDownFailed", failure) in world.cluster.events
    assert world.cluster.marked == set()


def test_scale_down_can_be_switched_off():
    world = World("--scale-down-enabled=false", "--scale-down-unneeded-time=0", groups=[ONE])
    world.cluster.nodes = [A]
    world.run(minutes=60)

    assert world.aws.terminated == []


def test_an_unhealthy_cluster_is_left_alone(world):
    world.cluster.nodes = [A, *(node(f"n{index}", ready=False) for index in range(4))]
    world.cluster.pods = waiting(9)
    world.run()

    assert world.aws.all["g"].target == 1
    assert "ClusterUnhealthy" in world.cluster.reasons()
    assert yaml.safe_load(world.cluster.status)["clusterWide"]["health"]["status"] == "Unhealthy"


@pytest.mark.parametrize("breakage", ["aws", "kubernetes"])
def test_a_failed_loop_says_so_and_the_next_one_is_tried(world, breakage):
    world.aws.denied = {"see"} if breakage == "aws" else set()
    world.cluster.broken = breakage == "kubernetes"
    assert not world.run()

    world.aws.denied, world.cluster.broken = set(), False
    assert world.run()


def test_marks_of_an_earlier_process_are_taken_back(world):
    world.cluster.nodes = [replace(A, taints=(Taint(TO_BE_DELETED, "1", "NoSchedule"),)), B]
    world.cluster.marked = {"a", "b"}
    world.loop.clean_up()

    assert world.cluster.marked == {"b"}
    assert world.cluster.reasons() == ["ClusterAutoscalerCleanup"]


def test_the_cluster_may_grow_from_nothing_unless_told_otherwise():
    for arguments, size in (("--v=4", 1), ("--scale-up-from-zero=false", 0)):
        world = World(arguments, groups=[replace(ONE, target=0, instances=())])
        world.cluster.pods = waiting(1)
        world.run()
        assert world.aws.all["g"].target == size
