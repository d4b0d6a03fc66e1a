"""One loop after another against a cluster in memory: what is remembered between them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
import yaml

from sandbox.autoscaler.aws import AwsError
from sandbox.autoscaler.loop import Loop
from sandbox.autoscaler.nodes import TO_BE_DELETED
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
            raise AwsError("operation error EC2: DescribeLaunchTemplateVersions")
        return "m5.large"

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
        self.all: list[Any] = []
        self.bound: list[Any] = []
        self.broken = False
        self.marked: set[str] = set()
        self.events: list[tuple[str, str]] = []
        self.status = ""

    def nodes(self):
        if self.broken:
            raise KubeApiError(403, "forbidden")
        return self.all

    def pods(self):
        return self.bound, []

    def mark(self, name, now):
        (self.marked.add if now else self.marked.discard)(name)

    def write_status(self, text, now):
        self.status = text

    def event(self, about, reason, message, kind="Normal"):
        self.events.append((reason, message))


class World:
    """A loop, its surroundings and its clock."""

    def __init__(self, *arguments, groups=()):
        self.aws, self.cluster = cast(Any, FakeAws(*groups)), cast(Any, FakeCluster())
        self.now = NOW
        self.slept: list[float] = []
        given = options("--scale-down-delay-after-add=1m", "--scale-down-unneeded-time=2m", *arguments)
        self.loop = Loop(given, self.aws, self.cluster, lambda: self.now, self.slept.append)

    def run(self, minutes=0.0):
        self.now += timedelta(minutes=minutes)
        self.cluster.events.clear()
        self.loop.run_once()

    def status(self):
        return yaml.safe_load(self.cluster.status)

    def reasons(self):
        return [reason for reason, _ in self.cluster.events]


def waiting(number, **spec):
    return [pod(f"w{index}", waits=True, **spec) for index in range(number)]


ONE = group("g", 1, instances=("i-a",), max_size=3)
A, B = node("a", pods="4"), node("b", pods="4")


@pytest.fixture
def world():
    made = World(groups=[ONE])
    made.cluster.all = [A]
    return made


def test_it_grows_once_for_the_same_pods(world):
    world.cluster.bound = waiting(6)
    world.run()
    assert world.aws.all["g"].target == 2
    assert world.reasons().count("TriggeredScaleUp") == 2, "four of the six fit the existing node"
    assert ("TriggeredScaleUp", "pod triggered scale-up: [{g 1->2 (max: 3)}]") in world.cluster.events

    world.run()
    assert world.aws.all["g"].target == 2, "the node on its way will take them"
    assert world.cluster.events == []
    assert world.status()["nodeGroups"][0]["scaleUp"]["status"] == "InProgress"


@pytest.mark.parametrize(("priority", "size"), [(-11, 1), (-10, 2), (None, 2)])
def test_a_pod_below_the_priority_cutoff_adds_no_node(world, priority, size):
    world.cluster.bound = waiting(6, priority=priority)
    world.run()
    assert world.aws.all["g"].target == size


def test_it_never_grows_above_the_maximum_and_logs_it(world):
    world.cluster.bound = waiting(40)
    world.run()
    assert world.aws.all["g"].target == 3
    world.aws.all["g"] = replace(ONE, target=3, instances=("i-a", "i-b", "i-c"))
    world.cluster.all = [A, B, node("c", pods="4")]
    world.run()

    message = "pod didn't trigger scale-up: 1 max node group size reached"
    assert ("NotTriggerScaleUp", message) in world.cluster.events


def test_of_two_groups_the_one_that_wastes_less_grows():
    world = World(groups=[group("large", 0), group("small", 0)])
    world.aws.instance_type = lambda its: {"large": "m5.4xlarge", "small": "m5.large"}[its.name]
    world.cluster.bound = waiting(1)
    world.run()

    assert {name: one.target for name, one in world.aws.all.items()} == {"large": 0, "small": 1}


def test_a_denied_growth_is_reported_and_not_tried_again_at_once(world):
    world.cluster.bound = waiting(6)
    world.aws.denied = {"set"}
    world.run()
    assert "FailedToScaleUpGroup" in world.reasons()
    scale_up = world.status()["nodeGroups"][0]["scaleUp"]
    assert scale_up["status"] == "Backoff"
    assert "AccessDenied: set" in scale_up["backoffInfo"]["errorMessage"]

    world.aws.denied = set()
    world.run(minutes=4)
    message = "pod didn't trigger scale-up: 1 in backoff after failed scale-up"
    assert ("NotTriggerScaleUp", message) in world.cluster.events
    world.run(minutes=2)
    assert world.aws.all["g"].target == 2


def test_a_group_without_a_template_does_not_grow():
    world = World(groups=[replace(ONE, target=0, instances=())])
    world.aws.denied = {"template"}
    world.cluster.bound = waiting(1)
    world.run()

    assert world.aws.all["g"].target == 0
    assert world.reasons() == ["NotTriggerScaleUp"]


def test_an_empty_node_is_removed_after_its_time_and_not_within_the_cooldown(world):
    world.aws.all["g"] = replace(ONE, target=2, instances=("i-a", "i-b"), min_size=1)
    world.cluster.all = [A, B]
    world.run()
    assert world.status()["nodeGroups"][0]["scaleDown"] == {"status": "CandidatesPresent", "candidates": 2}
    world.run(minutes=1.9)
    assert world.aws.terminated == []

    world.run(minutes=0.2)
    assert world.aws.terminated == ["i-a"], "the group's minimum keeps the other"
    assert world.slept == [5], "the time between taint and termination"
    assert ("ScaleDownEmpty", 'Scale-down: removing empty node "a"') in world.cluster.events
    assert ("ScaleDownEmpty", "Scale-down: empty node a removed") in world.cluster.events


def test_nothing_is_removed_soon_after_growth():
    world = World("--scale-down-unneeded-time=0", "--scale-down-delay-after-add=10m", groups=[ONE])
    world.cluster.all = [A]
    world.cluster.bound = waiting(6)
    world.run()
    world.cluster.bound = []
    world.run(minutes=9)
    assert world.aws.terminated == []
    world.run(minutes=1)
    assert world.aws.terminated == ["i-a"]


def test_a_pod_on_the_node_starts_the_time_again(world):
    world.run()
    world.cluster.bound = [pod("busy", nodeName="a")]
    world.run(minutes=1)
    world.cluster.bound = []
    world.run(minutes=1)
    world.run(minutes=1)
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
    world.cluster.all = [A]
    world.run(minutes=60)

    assert world.aws.terminated == []


@pytest.mark.parametrize("breakage", ["aws", "kubernetes"])
def test_after_a_failed_loop_the_status_is_the_old_one_and_the_next_loop_is_tried(world, breakage):
    world.aws.denied = {"see"} if breakage == "aws" else set()
    world.cluster.broken = breakage == "kubernetes"
    world.run()
    assert world.cluster.status == ""

    world.aws.denied, world.cluster.broken = set(), False
    world.run()
    assert world.status()["autoscalerStatus"] == "Running"


def test_the_status_counts_nodes_and_instances_that_have_not_joined(world):
    world.aws.all["g"] = replace(ONE, target=3, instances=("i-a", "i-b", "i-c"))
    world.cluster.all = [A, node("b", ready="False")]
    world.run()

    counts = world.status()["nodeGroups"][0]["health"]["nodeCounts"]
    assert counts["unregistered"] == 1
    assert (counts["registered"]["total"], counts["registered"]["ready"]) == (2, 1)
    assert world.status()["clusterWide"]["health"]["nodeCounts"] == counts


def test_marks_of_an_earlier_process_are_taken_back(world):
    taint = {"key": TO_BE_DELETED, "value": "1", "effect": "NoSchedule"}
    world.cluster.all = [node("a", taints=[taint]), B]
    world.cluster.marked = {"a", "b"}
    world.loop.clean_up()

    assert world.cluster.marked == {"b"}
    assert world.reasons() == ["ClusterAutoscalerCleanup"]
