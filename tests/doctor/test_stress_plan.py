"""The plan leaves at least one pod without a node, adds few nodes, and rejects risky or useless tests."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor.case import Case
from doctor.facts import Taint, Toleration
from doctor.stress.capacity import NodeCapacity, Resources, capacities, quantity, request_of, resources
from doctor.stress.plan import (
    MOST_NODES,
    MOST_PODS,
    GroupCapacity,
    PlanError,
    Wanted,
    dangers,
    eligible,
    make_plan,
    refuse_dangers,
)

from . import snapshots
from .examples import few, refused_in_words

MEBIBYTE = 1024**2
SIZE = Resources(1930, 3300 * MEBIBYTE, 17)
"""What a t3.medium offers."""


def node(name: str = "n1", cpu: int = 500, pods: int = 5) -> NodeCapacity:
    return NodeCapacity(name, SIZE, Resources(cpu, 200 * MEBIBYTE, pods))


def group(more: int = 3, fresh: Resources | None = SIZE) -> GroupCapacity:
    return GroupCapacity("workers", more, fresh)


# --- sizing -----------------------------------------------------------------------------------------------------------


def test_ten_pods_are_sized_so_that_one_does_not_fit():
    plan = make_plan(Wanted(), [node("n1"), node("n2")], [group()])
    assert (plan.replicas, plan.new_nodes) == (10, 1)
    assert plan.fits < 10
    # A little less, and all ten would fit.
    assert sum(each.free.holds(replace(plan.pod, cpu=plan.pod.cpu - 1)) for each in (node(), node())) >= 10


amounts = st.builds(
    lambda cpu, used, pods: NodeCapacity(
        "n", Resources(cpu, 4096 * MEBIBYTE, pods), Resources(used, 100 * MEBIBYTE, min(pods, 3))
    ),
    st.integers(100, 8000),
    st.integers(0, 4000),
    st.integers(0, 60),
)


@few
@given(
    st.lists(amounts, max_size=8),
    st.none() | st.integers(1, 60),
    st.none() | st.integers(1, 4000),
    st.lists(st.integers(0, 5), min_size=1, max_size=3),
    st.booleans(),
)
def test_in_every_cluster_a_plan_leaves_one_pod_that_fits_on_a_new_node(nodes, replicas, cpu, more, known):
    groups = [GroupCapacity(f"g{number}", each, SIZE if known else None) for number, each in enumerate(more)]
    wanted = Wanted(replicas=replicas, cpu=cpu)
    with refused_in_words(PlanError, "xpected", "Raise the maxSize"):
        plan = make_plan(wanted, nodes, groups)
        assert plan.fits == sum(each.free.holds(plan.pod) for each in nodes) < plan.replicas
        assert replicas in (None, plan.replicas)
        assert cpu in (None, plan.pod.cpu)
        assert sum(more) > 0
        if known:
            assert plan.new_nodes is not None
            assert 1 <= plan.new_nodes <= sum(more)
            assert SIZE.holds(plan.pod) * plan.new_nodes >= plan.replicas - plan.fits


def test_many_idle_nodes_take_more_and_smaller_pods_rather_than_many_new_nodes():
    idle = [node(f"n{number}", cpu=100, pods=2) for number in range(10)]
    plan = make_plan(Wanted(), idle, [group(more=20)])
    assert plan.replicas > 10
    assert plan.new_nodes == 1


def test_a_size_that_is_given_is_kept_and_the_number_follows():
    plan = make_plan(Wanted(cpu=100), [node("n1"), node("n2")], [group()])
    assert (plan.pod.cpu, plan.fits, plan.replicas) == (100, 24, 25)


def test_a_group_at_zero_is_asked_for_without_knowing_its_nodes():
    plan = make_plan(Wanted(), [], [group(fresh=None)])
    assert (plan.fits, plan.new_nodes) == (0, None)


@pytest.mark.parametrize(
    ("wanted", "groups", "words"),
    [
        (Wanted(), [], "No discovered group accepts such pods"),
        (Wanted(), [group(more=0)], "at its maxSize: workers"),
        (Wanted(cpu=100, replicas=3), [group()], "more than 24 replicas"),
        (Wanted(cpu=100, replicas=100), [group(more=1)], "need 5 new nodes; workers can add 1"),
        (Wanted(cpu=2000), [group()], "fits on no new node of workers"),
        (Wanted(replicas=1), [group(fresh=Resources(100, MEBIBYTE, 9))], "at least"),
        (Wanted(memory=9000 * MEBIBYTE), [group()], "smaller --memory"),
    ],
)
def test_a_run_that_proves_nothing_is_refused_with_what_to_do(wanted: Wanted, groups: list[GroupCapacity], words: str):
    with pytest.raises(PlanError, match=words):
        make_plan(wanted, [node("n1"), node("n2")], groups)


# --- what could hurt --------------------------------------------------------------------------------------------------


def test_a_plan_of_the_usual_size_is_not_dangerous():
    refuse_dangers(make_plan(Wanted(), [node()], [group()]), "kube-system")


@pytest.mark.parametrize("namespace", ["kube-system", "kube-public", "kube-node-lease", "amazon-cloudwatch", "scaling"])
def test_namespaces_of_the_cluster_itself_need_a_yes(namespace: str):
    wanted = Wanted(namespace=namespace)
    with pytest.raises(PlanError, match=f"namespace {namespace} belongs to the cluster itself.*--yes"):
        refuse_dangers(make_plan(wanted, [node()], [group()]), "scaling")
    refuse_dangers(make_plan(replace(wanted, confirmed=True), [node()], [group()]), "scaling")


def test_many_pods_and_many_nodes_need_a_yes_and_are_both_named():
    plan = make_plan(Wanted(replicas=MOST_PODS + 1, cpu=500), [node()], [group(more=100)])
    reasons = dangers(plan, "kube-system")
    assert len(reasons) == 2
    assert f"at most {MOST_PODS}" in reasons[0]
    assert f"at most {MOST_NODES}" in reasons[1]


def test_nodes_of_unknown_size_are_counted_as_one_for_each_pod():
    assert dangers(make_plan(Wanted(), [], [group(more=2, fresh=None)]), "kube-system") == []
    assert "up to 9 new nodes" in dangers(make_plan(Wanted(), [], [group(more=9, fresh=None)]), "kube-system")[0]


# --- which nodes and groups -------------------------------------------------------------------------------------------


def case(taints: tuple[Taint, ...] = ()) -> Case:
    snapshot = snapshots.with_kubernetes(snapshots.healthy(), nodes=(snapshots.node(taints=taints),))
    return Case(snapshots.with_aws(snapshot, node_groups=(snapshots.node_group(),)))


NODE = node(snapshots.node().name)


def test_pods_without_constraints_may_go_to_every_open_node_and_group():
    nodes, groups = eligible(case(), Wanted(), [NODE])
    assert nodes == [NODE]
    assert groups == [GroupCapacity(snapshots.GROUP, 9, SIZE)]


def test_pods_of_daemon_sets_take_their_part_of_a_new_node():
    daemons = replace(NODE, daemons=Resources(150, 100 * MEBIBYTE, 2))
    _, (found,) = eligible(case(), Wanted(), [daemons])
    assert found.fresh == Resources(1780, 3200 * MEBIBYTE, 15)


def test_a_node_selector_leaves_the_others_out():
    assert eligible(case(), Wanted(selector={"pool": "gpu"}), [NODE]) == ([], [])


def test_a_taint_keeps_out_pods_that_do_not_tolerate_it():
    taint = Taint("workload", "batch", "NoSchedule")
    assert eligible(case((taint,)), Wanted(), [NODE]) == ([], [])
    nodes, groups = eligible(case((taint,)), Wanted(tolerations=(Toleration("workload", "Exists"),)), [NODE])
    assert (len(nodes), len(groups)) == (1, 1)


def test_a_cordoned_node_has_no_capacity():
    nodes, _ = eligible(case((Taint("node.kubernetes.io/unschedulable", "", "NoSchedule"),)), Wanted(), [NODE])
    assert nodes == []


def test_groups_of_another_cluster_are_never_counted_on():
    snapshot = snapshots.with_aws(snapshots.healthy(), groups=(snapshots.other_group(),), node_groups=())
    assert eligible(Case(snapshot), Wanted(), [NODE])[1] == []


# --- reading what Kubernetes returns ----------------------------------------------------------------------------------


def test_what_a_pod_asks_for_is_its_containers_or_its_largest_init_container():
    spec = {
        "containers": [{"resources": {"requests": {"cpu": "100m"}}}, {"resources": {"limits": {"memory": "64Mi"}}}],
        "initContainers": [
            {"resources": {"requests": {"cpu": "1"}}},
            {"restartPolicy": "Always", "resources": {"requests": {"cpu": "50m"}}},
        ],
        "overhead": {"cpu": "10m"},
    }
    assert request_of(spec) == Resources(1010, 64 * MEBIBYTE, 1)


def test_the_capacity_of_a_node_leaves_out_pods_that_have_ended():
    def pod(phase: str, kind: str, labels: dict[str, str] | None = None) -> dict[str, object]:
        return {
            "metadata": {"ownerReferences": [{"kind": kind}], "labels": labels or {}},
            "spec": {"nodeName": "n1", "containers": [{"resources": {"requests": {"cpu": "100m"}}}]},
            "status": {"phase": phase},
        }

    listed = {"metadata": {"name": "n1"}, "status": {"allocatable": {"cpu": "1930m", "memory": "1Gi", "pods": "17"}}}
    ours = pod("Running", "ReplicaSet", {"app.kubernetes.io/managed-by": "ca-doctor"})
    (capacity,) = capacities([listed], [pod("Running", "DaemonSet"), ours, pod("Succeeded", "Job")])
    assert capacity.requested == Resources(200, 0, 2)
    assert capacity.daemons == Resources(100, 0, 1)
    assert capacity.stress_pods == 1
    assert capacity.free == Resources(1730, 1024 * MEBIBYTE, 15)


@few
@given(st.text())
def test_any_quantity_is_read_or_refused_in_words(text: str):
    with refused_in_words(ValueError, "expected a quantity"):
        assert quantity(text) >= 0


def test_parts_of_a_millicore_are_rounded_up():
    assert resources({"cpu": "0.1m", "memory": "1.5"}) == Resources(1, 2, 0)
