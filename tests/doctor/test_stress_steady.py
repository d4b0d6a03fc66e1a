"""A stress test starts when nodes and pods are steady, shows what it waits for, and waits two minutes at most."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from doctor.case import Case
from doctor.facts import Instance, Node, Taint
from doctor.stress.capacity import NodeCapacity, Resources, capacities
from doctor.stress.plan import Wanted
from doctor.stress.steady import PATIENCE, unsteady, when_steady

from . import snapshots

NODE = snapshots.node()
NOT_READY = Taint("node.kubernetes.io/not-ready", "", "NoSchedule")
UNINITIALIZED = Taint("node.cloudprovider.kubernetes.io/uninitialized", "true", "NoSchedule")
UNREACHABLE = Taint("node.kubernetes.io/unreachable", "", "NoExecute")
REMOVED = Taint("ToBeDeletedByClusterAutoscaler", "1764500000", "NoSchedule")
CORDONED = Taint("node.kubernetes.io/unschedulable", "", "NoSchedule")
BATCH = Taint("workload", "batch", "NoSchedule")


def case(nodes: Iterable[Node] = (NODE,), **group: Any) -> Case:
    snapshot = snapshots.with_kubernetes(snapshots.healthy(), nodes=tuple(nodes))
    own = snapshots.asg(**group)
    return Case(snapshots.with_aws(snapshot, groups=(own,), node_groups=(snapshots.node_group(),)))


def free(leaving: int = 0) -> list[NodeCapacity]:
    return [NodeCapacity(NODE.name, Resources(1930, 2**31, 17), leaving=leaving)]


def test_a_healthy_cluster_is_steady():
    assert unsteady(case(), Wanted(), free()) == []


@pytest.mark.parametrize(
    ("found", "leaving", "words"),
    [
        (case([replace(NODE, ready=False)]), 0, [f"the node {NODE.name} is not ready"]),
        (case([replace(NODE, ready=False, taints=(NOT_READY,))]), 0, [f"the node {NODE.name} is not ready"]),
        (case([replace(NODE, taints=(UNINITIALIZED,))]), 0, [f"the node {NODE.name} is not ready"]),
        (case([replace(NODE, ready=False, taints=(UNREACHABLE,))]), 0, [f"the node {NODE.name} is not ready"]),
        (case([replace(NODE, taints=(REMOVED,))]), 0, [f"the autoscaler removes the node {NODE.name}"]),
        (case([replace(NODE, taints=(REMOVED, CORDONED))]), 0, [f"the autoscaler removes the node {NODE.name}"]),
        (case(), 3, [f"pods that are being deleted on {NODE.name}: 3"]),
        (case(desired=2), 0, [f"{snapshots.GROUP} has 1 of 2 nodes"]),
        (case(desired=0), 0, [f"{snapshots.GROUP} has 1 of 0 nodes"]),
        (
            case(instances=(Instance("i-0aa1", "us-east-1a"), Instance("i-0aa2", "us-east-1b")), desired=2),
            0,
            [f"{snapshots.GROUP} has 1 of 2 nodes"],
        ),
    ],
)
def test_what_comes_or_goes_is_named(found: Case, leaving: int, words: list[str]):
    assert unsteady(found, Wanted(), free(leaving)) == words


@pytest.mark.parametrize("lasting", [CORDONED, BATCH])
def test_a_node_that_never_accepts_such_pods_does_not_count(lasting: Taint):
    other = replace(snapshots.node("other", "i-0bb1"), ready=False, taints=(lasting, NOT_READY))
    assert unsteady(case([NODE, other]), Wanted(), free()) == []


def test_groups_that_do_not_accept_such_pods_do_not_count():
    assert unsteady(case(desired=5), Wanted(selector={"pool": "gpu"}), free()) == []


def test_pods_that_are_being_deleted_are_counted_by_node():
    def pod(**metadata: object) -> dict[str, object]:
        return {"metadata": metadata, "spec": {"nodeName": "n1", "containers": []}, "status": {"phase": "Running"}}

    (found,) = capacities([{"metadata": {"name": "n1"}}], [pod(), pod(deletionTimestamp="2026-11-30T10:00:00Z")])
    assert found.leaving == 1


class Time:
    at = 0.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def test_the_test_starts_once_the_last_node_is_ready_and_shows_once_what_it_waits_for():
    starting = case([replace(NODE, ready=False)])
    answers = iter([starting, starting, case(desired=2), case()])
    shown: list[str] = []
    found, _ = when_steady(lambda: (next(answers), free()), Wanted(), Time(), shown.append)
    assert found.nodes == (NODE,)
    assert shown == [
        f"Waiting until the nodes are steady: the node {NODE.name} is not ready.",
        f"Waiting until the nodes are steady: {snapshots.GROUP} has 1 of 2 nodes.",
    ]


def test_a_node_that_never_becomes_ready_stops_no_test():
    broken, clock = case([replace(NODE, ready=False)]), Time()
    shown: list[str] = []
    found, _ = when_steady(lambda: (broken, free()), Wanted(), clock, shown.append)
    assert found is broken
    assert PATIENCE <= clock.at < PATIENCE + 5
    assert len(shown) == 2
