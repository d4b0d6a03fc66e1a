"""Whether a pod fits a node, and how many nodes some pods need."""

from decimal import Decimal

import pytest

from sandbox.autoscaler.nodes import Simulation, estimate, misfits, waste
from sandbox.tests.autoscaler.making import node, pod

TAINT = {"key": "dedicated", "value": "batch", "effect": "NoSchedule"}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


@pytest.mark.parametrize(
    ("spec", "on", "reason"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, node(), "node(s) didn't match Pod's node affinity/selector"),
        ({}, node(taints=[TAINT]), "node(s) had untolerated taint(s)"),
        ({"tolerations": [{"key": "dedicated"}]}, node(taints=[TAINT]), "node(s) had untolerated taint(s)"),
        ({}, node(unschedulable=True), "node(s) were unschedulable"),
        ({}, node(cpu="50m"), "Insufficient cpu"),
        ({}, node(pods="0"), "Too many pods"),
        ({"affinity": {"podAntiAffinity": {REQUIRED: [{}]}}}, node(), "podAntiAffinity: not simulated"),
        ({"affinity": {"nodeAffinity": {REQUIRED: {}}}}, node(), "nodeAffinity: not simulated"),
        (
            {"topologySpreadConstraints": [{"whenUnsatisfiable": "DoNotSchedule"}]},
            node(),
            "topologySpread: not simulated",
        ),
        ({"volumes": [{"persistentVolumeClaim": {}}]}, node(), "persistentVolumeClaim: not simulated"),
        ({"resourceClaims": [{}]}, node(), "resourceClaims: not simulated"),
    ],
)
def test_a_pod_that_does_not_fit_gets_the_reason(spec, on, reason):
    (found,) = misfits(pod(**spec), on, {})
    assert found.startswith(reason)


@pytest.mark.parametrize(
    "toleration",
    [
        {"operator": "Exists"},
        {"key": "dedicated", "operator": "Exists"},
        {"key": "dedicated", "value": "batch", "effect": "NoSchedule"},
    ],
)
def test_a_tolerated_taint_and_a_soft_one_keep_no_pod_away(toleration):
    soft = {**TAINT, "key": "other", "effect": "PreferNoSchedule"}
    assert misfits(pod(tolerations=[toleration]), node(taints=[TAINT, soft]), {}) == []


def test_soft_demands_on_the_place_are_no_demands():
    soft = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{}]}}
    spread = [{"whenUnsatisfiable": "ScheduleAnyway"}]
    assert misfits(pod(affinity=soft, topologySpreadConstraints=spread), node(), {}) == []


def test_pods_take_the_capacity_of_the_node_that_they_are_bound_to():
    simulation = Simulation([node("a", cpu="1")], [pod(cpu="600m", nodeName="a")])

    assert not simulation.place(pod(cpu="600m"))
    assert simulation.place(pod(cpu="400m"))
    assert not simulation.place(pod(cpu="1m"))


def test_new_nodes_hold_as_many_pods_as_fit_next_to_their_daemon_sets():
    assert estimate([pod(str(n), cpu="500m") for n in range(6)], node(cpu="2"), {}) == 2
    assert estimate([pod(str(n), cpu="500m") for n in range(6)], node(cpu="2"), {"cpu": Decimal("0.5")}) == 2
    assert estimate([pod(str(n), cpu="500m") for n in range(7)], node(cpu="2"), {"cpu": Decimal("0.6")}) == 4


def test_the_smaller_node_wastes_less():
    assert waste([pod(cpu="1")], node(cpu="2"), 1) < waste([pod(cpu="1")], node(cpu="8"), 1)


def test_only_pods_that_the_scheduler_gave_up_and_that_outlive_a_node_wait():
    assert pod(waits=True).waits
    assert not pod(waits=True, metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}).waits
    assert not pod(waits=True, metadata={"ownerReferences": [{"kind": "DaemonSet", "controller": True}]}).waits
    assert not pod(waits=False).waits
