"""Which nodes are not needed, and which of them go."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.autoscaler.objects import TO_BE_DELETED, Taint
from sandbox.autoscaler.scale_down import Budget, Candidate, Limits, assess, due, obstacle, utilization
from sandbox.tests.autoscaler.making import NOW, group, node, options, pod

EXCUSED = {"cluster-autoscaler.kubernetes.io/scale-down-disabled": "true"}
OPTION = "k8s.io/cluster-autoscaler/node-template/autoscaling-options/"


def assessed(nodes, pods=(), *arguments, budgets=(), groups=None):
    group_of = groups or dict.fromkeys((one.name for one in nodes), group(size=len(nodes)))
    return assess(nodes, list(pods), group_of, list(budgets), options(*arguments))


def unneeded(*given, **more):
    return [candidate.node.name for candidate in assessed(*given, **more).candidates]


def test_an_empty_node_is_not_needed():
    assert unneeded([node("a")]) == ["a"]


def test_daemon_and_mirror_pods_leave_a_node_empty():
    pods = [pod("d", owner="DaemonSet", node="a"), pod("m", annotations={"kubernetes.io/config.mirror": "x"}, node="a")]

    assert assessed([node("a")], pods).candidates[0].evicted == ()


def test_a_node_without_group_or_already_marked_is_none_of_our_business():
    marked = node("marked", taints=(Taint(TO_BE_DELETED, "1", "NoSchedule"),))
    found = assessed([node("foreign"), marked], groups={"marked": group()})

    assert (found.candidates, found.blocked) == ((), {})


def test_pods_must_find_a_place_elsewhere():
    busy = [pod(f"b{n}", cpu="300m", node="b") for n in range(6)]
    small, big = pod("s", cpu="200m", node="a"), pod("s", cpu="201m", node="a")

    assert unneeded([node("a"), node("b")], [*busy, small]) == ["a"]
    found = assessed([node("a"), node("b")], [*busy, big])
    assert found.blocked["a"] == "can reschedule only 0 out of 1 pods"


def test_two_hardly_used_nodes_are_not_both_removed_onto_each_other():
    pods = [pod("p", node="a"), pod("q", node="b")]
    found = assessed([node("a"), node("b")], pods)

    assert [one.node.name for one in found.candidates] == ["a"]
    assert found.blocked["b"] == "it takes in the pods of another unneeded node"


def test_a_well_used_node_stays():
    pods = [pod("p", cpu="1", node="a"), pod("q", cpu="1", node="b")]

    assert "utilization 0.50" in assessed([node("a"), node("b")], pods).blocked["a"]
    assert unneeded([node("a"), node("b")], pods, "--scale-down-utilization-threshold=0.6") == ["a"]


def test_a_node_can_be_excused_by_annotation():
    assert unneeded([node("a", annotations=EXCUSED)]) == []


def test_an_unready_node_is_unneeded_however_used_unless_told_otherwise():
    pods = [pod("p", cpu="1900m", node="a")]
    nodes = [node("a", ready=False), node("b", annotations=EXCUSED)]

    assert unneeded(nodes, pods) == ["a"]
    assert unneeded(nodes, pods, "--scale-down-unready-enabled=false") == []


SYSTEM = {"namespace": "kube-system"}
SAFE = "cluster-autoscaler.kubernetes.io/safe-to-evict"


@pytest.mark.parametrize(
    ("fields", "arguments", "reason"),
    [
        ({}, (), ""),
        ({"owner": ""}, (), "default/pod is not replicated"),
        ({"owner": "CloneSet"}, (), "default/pod is not replicated"),
        ({"owner": "CloneSet"}, ("--skip-nodes-with-custom-controller-pods=false",), ""),
        ({"owner": "", "annotations": {SAFE: "true"}}, (), ""),
        ({"annotations": {SAFE: "false"}}, (), "pod annotated as not safe to evict present: pod"),
        (SYSTEM, (), "non-daemonset, non-mirrored, non-pdb-assigned kube-system pod present: pod"),
        (SYSTEM, ("--skip-nodes-with-system-pods=false",), ""),
        (SYSTEM | {"annotations": {SAFE: "true"}}, (), ""),
        ({"local_volumes": frozenset("v")}, (), "pod with local storage present: pod"),
        ({"local_volumes": frozenset("v")}, ("--skip-nodes-with-local-storage=false",), ""),
        ({"local_volumes": frozenset("v"), "annotations": {SAFE + "-local-volumes": "u,v"}}, (), ""),
        (
            {"local_volumes": frozenset("vw"), "annotations": {SAFE + "-local-volumes": "v"}},
            (),
            "pod with local storage",
        ),
    ],
)
def test_what_stands_in_the_way_of_an_eviction(fields, arguments, reason):
    found = obstacle(pod(**fields), [], options(*arguments))

    assert found.startswith(reason)
    assert bool(found) == bool(reason)


def test_a_budget_frees_a_system_pod_and_blocks_when_it_is_used_up():
    its = pod(namespace="kube-system", labels={"app": "dns"})
    selector = {"matchLabels": {"app": "dns"}}

    assert obstacle(its, [Budget("kube-system", selector, 1)], options()) == ""
    assert obstacle(its, [Budget("kube-system", selector, 0)], options()) == (
        "not enough pod disruption budget to move kube-system/pod"
    )
    assert "non-pdb-assigned" in obstacle(its, [Budget("default", selector, 1)], options())


def test_a_budget_is_read_with_what_it_allows_now():
    json = {
        "metadata": {"namespace": "n"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}},
        "status": {"disruptionsAllowed": 2},
    }

    assert Budget.of(json) == Budget("n", {"matchLabels": {"a": "b"}}, 2)


def test_utilization_is_the_greater_share_and_daemons_may_be_left_out():
    pods = [pod("p", cpu="500m"), pod("d", cpu="500m", owner="DaemonSet")]
    limits = Limits.of(group(), options())

    assert utilization(node(), pods, limits, options()) == 0.5
    ignoring = options("--ignore-daemonsets-utilization=true")
    assert utilization(node(), pods, Limits.of(group(), ignoring), ignoring) == 0.25


def test_a_groups_own_tags_win_over_the_flags_unless_they_cannot_be_read():
    tags = {
        OPTION + "scaledownutilizationthreshold": "0.7",
        OPTION + "scaledownunneededtime": "1m30s",
        OPTION + "scaledownunreadytime": "soon",
        OPTION + "ignoredaemonsetsutilization": "true",
    }

    assert Limits.of(group(tags=tags), options()) == Limits(0.7, 90, 1200, True)
    assert Limits.of(group(), options("--scale-down-unneeded-time=5s")) == Limits(0.5, 5, 1200, False)


def candidates(number, its_group, evicted=()):
    return [Candidate(node(f"n{index}"), its_group, tuple(evicted)) for index in range(number)]


def going(found, age, *arguments):
    since = {one.node.name: NOW - timedelta(seconds=age) for one in found}
    gone, held = due(found, since, NOW, options(*arguments))
    return [one.node.name for one in gone], held


def test_a_node_goes_when_it_was_unneeded_long_enough():
    found = candidates(1, group(size=3))

    assert going(found, 599)[0] == []
    assert going(found, 600)[0] == ["n0"]
    assert going(found, 30, "--scale-down-unneeded-time=20s")[0] == ["n0"]


def test_an_unready_node_has_a_time_of_its_own():
    found = [Candidate(node("a", ready=False), group(size=3), ())]

    assert going(found, 1199)[0] == []
    assert going(found, 1200)[0] == ["a"]


def test_a_group_never_shrinks_below_its_minimum():
    gone, held = going(candidates(3, group(size=3, min_size=1)), 600)

    assert gone == ["n0", "n1"]
    assert held == ["Skipping n2 - node group min size reached (current: 1, min: 1)"]


def test_many_empty_nodes_but_few_used_ones_go_at_once():
    its = group(size=20)

    assert len(going(candidates(12, its), 600)[0]) == 10
    assert len(going(candidates(12, its), 600, "--max-scale-down-parallelism=3")[0]) == 3
    assert len(going(candidates(3, its, [pod()]), 600)[0]) == 1
    assert len(going(candidates(3, its, [pod()]), 600, "--max-drain-parallelism=2")[0]) == 2


@given(st.lists(st.integers(0, 4), min_size=2, max_size=6))
def test_whatever_is_removed_together_leaves_a_place_for_every_pod(loads):
    nodes = [node(f"n{index}", pods="5") for index in range(len(loads))]
    pods = [pod(f"p{i}-{j}", cpu="10m", node=f"n{i}") for i, load in enumerate(loads) for j in range(load)]
    found = assessed(nodes, pods)
    kept = len(nodes) - len(found.candidates)

    assert sum(len(one.evicted) for one in found.candidates) <= kept * 5 - sum(
        load for index, load in enumerate(loads) if f"n{index}" in found.blocked
    )
    assert sum(loads) <= kept * 5
