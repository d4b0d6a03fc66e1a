"""Nodes that CapacityBuffers keep: which pods the autoscaler simulates, and what they do to the answer."""

import copy
import json

import pytest

from components.pure import capacity_buffers
from doctor.explain import reserved as reserved_module
from doctor.explain.drain import SAFE_TO_EVICT
from doctor.explain.fit import Occupied, Surroundings, misfits
from doctor.explain.removal import Verdict, explain_nodes
from doctor.explain.reserved import is_reserved, reserved_pods, with_reserved
from doctor.stress.capacity import Resources

from .recordings import ROOT, versions
from .test_explain_nodes import GIB, SECOND, case, machine, pod, rules

RECORDED = ROOT / versions()[-1] / "capacity-buffer" / "buffers.json"
TEMPLATE = {
    "metadata": {"namespace": "default", "name": "capacitybuffer-headroom-burst-pod-template", "generation": 1},
    "template": {
        "metadata": {"labels": {"app": "burst"}},
        "spec": {
            "containers": [{"name": "pause", "resources": {"requests": {"cpu": "1200m", "memory": "256Mi"}}}],
            "nodeSelector": {"pool": "spread"},
        },
    },
}


def buffer() -> dict:
    """The buffer of three whose status the real autoscaler wrote."""
    (found,) = json.loads(RECORDED.read_text())
    return found


def test_a_provisioned_buffer_reserves_as_many_pods_as_its_status_counts():
    found = reserved_pods([buffer()], [TEMPLATE])
    assert [each.id for each in found] == [f"default/capacity-buffer-headroom-burst-{number}" for number in (1, 2, 3)]
    assert {each.requests for each in found} == {Resources(1200, 256 * 2**20, 1)}
    assert {each.node_selector["pool"] for each in found} == {"spread"}
    assert all(map(is_reserved, found))
    assert not is_reserved(pod())


@pytest.mark.parametrize(
    "change",
    [
        lambda status, template: status.clear(),
        lambda status, template: status.update(replicas=0),
        lambda status, template: status.pop("replicas"),
        lambda status, template: status.pop("podTemplateRef"),
        lambda status, template: status.update(provisioningStrategy="buffer.example.com/passive"),
        lambda status, template: status["conditions"][0].update(status="False"),
        lambda status, template: template["metadata"].update(generation=2),
        lambda status, template: template["metadata"].update(namespace="other"),
        lambda status, template: template["metadata"].update(name="other"),
    ],
)
def test_a_buffer_that_the_autoscaler_does_not_provision_reserves_nothing(change):
    given, template = buffer(), copy.deepcopy(TEMPLATE)
    change(given["status"], template)
    assert reserved_pods([given], [template]) == ()


def explain(*reserved, pods=(), other=None):
    nodes = (Occupied(machine(), tuple(pods)), Occupied(other or machine("node-2", SECOND, taints=())))
    answers = explain_nodes(case(), with_reserved(Surroundings(nodes), reserved), ())
    return next(each for each in answers if each.node == "node-1")


def reserved(cpu=600, **changes):
    given = {"owner": (capacity_buffers.KIND, "web"), "annotations": {SAFE_TO_EVICT: "true"}, **changes}
    return pod("capacity-buffer-web-1", requests=Resources(cpu, GIB, 1), **given)


def test_a_node_without_pods_is_needed_by_the_buffer_whose_requests_are_above_the_threshold():
    answer = explain(reserved(cpu=1200))
    assert answer.verdict is Verdict.NEEDED
    assert rules(answer)[0] == "NotUnderutilized"
    assert "Pods and the CapacityBuffer shop/web request 60% of its cpu" in answer.reasons[0].text
    assert "the replicas of the buffer" in answer.reasons[0].unblock


def test_the_same_node_is_removed_without_the_buffer():
    answer = explain()
    assert (answer.verdict, answer.reasons) == (Verdict.REMOVABLE, ())


def test_reserved_capacity_that_no_other_node_has_blocks_the_removal():
    full = machine("node-2", SECOND, taints=(), allocatable=Resources(500, GIB, 29))
    answer = explain(reserved(), other=full)
    assert (answer.verdict, rules(answer)) == (Verdict.BLOCKED, ["NoPlaceToMovePods"])
    (reason,) = answer.reasons
    assert reason.owner == "CapacityBuffer shop/web"
    assert reason.text.startswith("The autoscaler keeps this capacity free for a CapacityBuffer, and it fits no other")
    assert "CPU: requests 600m, 500m free" in reason.text
    assert "the replicas of the buffer" in reason.unblock


def test_reserved_capacity_that_another_node_has_blocks_nothing():
    assert explain(reserved()).verdict is Verdict.REMOVABLE


def test_reserved_pods_take_capacity_from_the_pods_that_must_move():
    """Each pod alone would fit the other node."""
    other = machine("node-2", SECOND, taints=(), allocatable=Resources(1000, 8 * GIB, 29))
    small = machine("node-1", allocatable=Resources(700, GIB // 2, 29))
    nodes = (Occupied(small, (pod(cpu=300),)), Occupied(other))
    without, given = (
        next(
            each
            for each in explain_nodes(case(), with_reserved(Surroundings(nodes), pods), ())
            if each.node == "node-1"
        )
        for pods in ((), (reserved(cpu=900),))
    )
    assert without.verdict is Verdict.REMOVABLE
    assert (given.verdict, rules(given)) == (Verdict.BLOCKED, ["NoPlaceToMovePods"])


def test_a_reserved_pod_that_fits_no_node_changes_nothing():
    nodes = (Occupied(machine()),)
    assert with_reserved(Surroundings(nodes), [reserved(cpu=9000)]) == Surroundings(nodes)


def test_reserved_pods_of_higher_priority_are_placed_first():
    low, high = reserved(cpu=1500, priority=0), reserved(cpu=1500, priority=10)
    placed = with_reserved(Surroundings((Occupied(machine()),)), [low, high])
    assert [each.priority for node in placed.nodes for each in node.pods] == [10]


def test_a_buffer_of_thousands_is_placed_without_a_second_try_of_a_full_node(monkeypatch):
    tried = []
    monkeypatch.setattr(reserved_module, "misfits", lambda *given: tried.append(given) or misfits(*given))
    nodes = tuple(Occupied(machine(f"node-{number}")) for number in range(10))
    buffers = [reserved(owner=(capacity_buffers.KIND, name)) for name in ("web", "batch") for _ in range(1000)]
    placed = with_reserved(Surroundings(nodes), buffers)
    assert [len(node.pods) for node in placed.nodes] == [3] * 10, "600m each of 2 CPUs"
    assert len(tried) == 30 + 10 + 10, "each pod that fits, and each node that is full once for each buffer"
