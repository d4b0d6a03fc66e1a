"""Why nodes are not removed: every reason, the verdict that follows, and that a node with a blocker never goes."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from doctor.case import Case
from doctor.explain import drain, views
from doctor.explain.fit import Occupied, Surroundings
from doctor.explain.options import scale_down_options
from doctor.explain.removal import SCALE_DOWN_DISABLED, Verdict, explain_nodes
from doctor.explain.workload import Budget, Machine, Requirement, Selector, Separation, Workload, read_pod
from doctor.facts import Event, Instance, Metrics, Taint
from doctor.stress.capacity import Resources

from . import snapshots
from .examples import few

GIB = 2**30
FIRST, SECOND = "i-0aa1", "i-0aa2"
UNNEEDED = Taint("DeletionCandidateOfClusterAutoscaler", str(int(snapshots.ago(60).timestamp())), "PreferNoSchedule")


def machine(name="node-1", instance_id=FIRST, **changes) -> Machine:
    labels = {"node.kubernetes.io/instance-type": "m6i.large", "topology.kubernetes.io/zone": "us-east-1a"}
    given = {"labels": {**labels, "kubernetes.io/hostname": name}, "allocatable": Resources(2000, 8 * GIB, 29)}
    return Machine(**{"name": name, "instance_id": instance_id, "taints": (UNNEEDED,), **given, **changes})


def pod(name="api-1", cpu=100, **changes) -> Workload:
    given = {"namespace": "shop", "owner": ("ReplicaSet", "api"), "requests": Resources(cpu, 128 * 2**20, 1)}
    return Workload(**{"name": name, "labels": {"app": "api"}, **given, **changes})


def case(desired=2, minimum=1, flags=None, events=(), tags=None) -> Case:
    group = snapshots.asg(
        min=minimum, desired=desired, instances=(Instance(FIRST, "us-east-1a"), Instance(SECOND, "us-east-1a"))
    )
    group = replace(group, tags={**group.tags, **(tags or {})})
    snapshot = snapshots.with_aws(snapshots.healthy(), groups=(group,))
    arguments = snapshots.flags(**(flags or {}))
    return Case(snapshots.with_kubernetes(snapshots.with_deployment(snapshot, arguments=arguments), events=events))


def explain(pods=(), node=None, other=None, budgets=(), prices=None, **of_case):
    first = Occupied(node or machine(), tuple(pods))
    second = Occupied(other or machine("node-2", SECOND, taints=()))
    answers = explain_nodes(case(**of_case), Surroundings((first, second)), budgets, prices)
    return next(each for each in answers if each.node == first.machine.name)


def rules(answer):
    return [reason.rule for reason in answer.reasons]


def test_an_idle_node_that_was_unneeded_for_long_is_removed():
    answer = explain([pod()])
    assert answer.verdict is Verdict.REMOVABLE
    assert rules(answer) == []


def test_requests_above_the_threshold_keep_a_node():
    answer = explain([pod(cpu=1200)])
    assert answer.verdict is Verdict.NEEDED
    assert rules(answer)[0] == "NotUnderutilized"
    assert answer.utilization.resource == "cpu"
    assert answer.utilization.share == pytest.approx(0.6)


def test_at_the_threshold_a_node_is_a_candidate():
    assert explain([pod(cpu=1000)]).verdict is Verdict.REMOVABLE


def test_the_option_of_the_group_takes_precedence_over_the_flag():
    tag = "k8s.io/cluster-autoscaler/node-template/autoscaling-options/scaledownutilizationthreshold"
    flags = {"scale_down_utilization_threshold": "0.9"}
    assert explain([pod(cpu=1200)], flags=flags).verdict is Verdict.REMOVABLE
    assert explain([pod(cpu=1200)], flags=flags, tags={tag: "0.3"}).verdict is Verdict.NEEDED


def test_daemons_count_unless_they_are_ignored():
    pods = [pod(cpu=900), pod("logs", cpu=300, owner=("DaemonSet", "logs"))]
    assert explain(pods).verdict is Verdict.NEEDED
    ignoring = explain(pods, flags={"ignore_daemonsets_utilization": "true"})
    assert ignoring.utilization.share == pytest.approx(900 / 1700)


def test_of_a_node_with_gpus_only_these_count():
    labels = {**machine().labels, "k8s.amazonaws.com/accelerator": "nvidia-tesla-t4"}
    gpu = machine(labels=labels, extended={"nvidia.com/gpu": Decimal(4)})
    answer = explain([pod(cpu=1900), pod("train", extended={"nvidia.com/gpu": Decimal(1)})], node=gpu)
    assert answer.utilization.resource == "nvidia.com/gpu"
    assert answer.utilization.share == 0.25


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"owner": ("", "")}, "NotReplicated"),
        ({"annotations": {drain.SAFE_TO_EVICT: "false"}}, "NotSafeToEvictAnnotation"),
        ({"local_volumes": ("cache",)}, "LocalStorageRequested"),
        ({"node_selector": {"disk": "ssd"}}, "NoPlaceToMovePods"),
        ({"cpu": 1000, "requests": Resources(900, 9 * GIB, 1)}, "NoPlaceToMovePods"),
    ],
)
def test_a_pod_that_cannot_move_keeps_its_node(changes, expected):
    answer = explain([pod(**changes)], flags={"scale_down_utilization_threshold": "2"})
    assert answer.verdict is Verdict.BLOCKED
    assert rules(answer) == [expected]
    assert answer.reasons[0].pod == "shop/api-1"
    assert answer.reasons[0].unblock


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"taints": (Taint("team", "a", "NoSchedule"),)}, "taint team=a:NoSchedule is not tolerated"),
        ({"unschedulable": True}, "the node is cordoned"),
        ({"allocatable": Resources(50, 8 * GIB, 29)}, "CPU: requests 100m, 50m free"),
        ({"allocatable": Resources(2000, 8 * GIB, 0)}, "pods: all 0 are in use"),
        ({"taints": (Taint("ToBeDeletedByClusterAutoscaler", "1", "NoSchedule"),)}, "there is no other node"),
    ],
)
def test_the_nearest_place_is_named_with_what_it_lacks(other, reason):
    answer = explain([pod()], other=machine("node-2", SECOND, **{"taints": (), **other}))
    (found,) = [each for each in answer.reasons if each.rule == "NoPlaceToMovePods"]
    assert reason in found.text


def test_pods_that_fit_one_by_one_but_not_together_keep_a_node():
    small = machine("node-2", SECOND, taints=(), allocatable=Resources(150, 8 * GIB, 29))
    answer = explain([pod("a", cpu=100), pod("b", cpu=100)], other=small)
    assert rules(answer) == ["NoPlaceToMovePods"]


@pytest.mark.parametrize("namespaces", [frozenset({"shop"}), None])
def test_an_anti_affinity_keeps_replicas_apart(namespaces):
    apart = Separation("kubernetes.io/hostname", Selector((Requirement("app", "In", ("api",)),)), namespaces)
    there = pod("api-2")
    first = Occupied(machine(), (pod(separations=(apart,)),))
    second = Occupied(machine("node-2", SECOND, taints=()), (there,))
    answers = explain_nodes(case(), Surroundings((first, second)), ())
    (reason,) = next(each for each in answers if each.node == "node-1").reasons
    assert "shop/api-2 has the same kubernetes.io/hostname" in reason.text


@pytest.mark.parametrize(
    ("where", "namespaces"),
    [
        ({}, frozenset({"shop"})),
        ({"namespaces": ["a", "b"]}, frozenset({"a", "b"})),
        ({"namespaceSelector": {}}, None),
        ({"namespaceSelector": {"matchLabels": {"team": "a"}}}, frozenset({"shop"})),
    ],
)
def test_the_namespaces_of_an_anti_affinity_are_read(where, namespaces):
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "api"}}, **where}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    found = read_pod({"metadata": {"namespace": "shop", "name": "api-1"}, "spec": {"affinity": affinity}})
    assert found.separations == (
        Separation("kubernetes.io/hostname", Selector((Requirement("app", "In", ("api",)),)), namespaces),
    )


def test_a_volume_of_another_zone_keeps_a_node():
    labels = {**machine().labels, "topology.kubernetes.io/zone": "us-east-1b"}
    nodes = (
        Occupied(machine(), (pod(claims=("data",)),)),
        Occupied(machine("node-2", SECOND, taints=(), labels=labels)),
    )
    around = Surroundings(nodes, {"shop/data": frozenset({"us-east-1a"})})
    answer = next(each for each in explain_nodes(case(), around, ()) if each.node == "node-1")
    assert "volume of claim data is in us-east-1a, the node is in us-east-1b" in answer.reasons[0].text


def test_a_budget_without_disruptions_keeps_a_node():
    spent = Budget("shop", "api", Selector((Requirement("app", "In", ("api",)),)), 0)
    answer = explain([pod()], budgets=[spent])
    assert rules(answer) == ["NotEnoughPdb"]
    assert "shop/api allows no disruption" in answer.reasons[0].text


def test_a_group_at_its_minimum_keeps_its_nodes():
    answer = explain([pod()], minimum=2)
    assert rules(answer) == ["NodeGroupMinSizeReached"]
    assert "has 2 nodes, and its minSize is 2" in answer.reasons[0].text


def test_the_annotation_and_the_flag_keep_a_node():
    answer = explain([pod()], node=machine(annotations={SCALE_DOWN_DISABLED: "true"}))
    assert rules(answer) == ["ScaleDownDisabledAnnotation"]
    assert answer.reasons[0].unblock == f"kubectl annotate node node-1 {SCALE_DOWN_DISABLED}-"
    assert rules(explain([pod()], flags={"scale_down_enabled": "false"})) == ["ScaleDownDisabled"]


def test_a_node_waits_until_it_was_unneeded_for_long_enough():
    since = Taint(UNNEEDED.key, str(int(snapshots.ago(3).timestamp())), UNNEEDED.effect)
    answer = explain([pod()], node=machine(taints=(since,)), flags={"scale_down_unneeded_time": "10m"})
    assert answer.verdict is Verdict.WAITING
    assert "unneeded for 3m of 10m" in answer.reasons[0].text


def test_after_a_scale_up_nodes_wait():
    added = Event("TriggeredScaleUp", "pod triggered scale-up", "Pod", "shop", "api-9", snapshots.ago(1))
    answer = explain([pod()], events=(added,), flags={"scale_down_delay_after_add": "5m"})
    assert rules(answer) == ["ScaleDownCooldown"]
    assert explain([pod()], events=(added,), flags={"scale_down_delay_after_add": "30s"}).verdict is Verdict.REMOVABLE


@pytest.mark.parametrize("paused", [True, False])
def test_a_pause_that_the_autoscaler_reports_is_a_cooldown(paused):
    snapshot = snapshots.with_kubernetes(case().snapshot, metrics=Metrics("ca-1", in_cooldown=paused))
    nodes = (Occupied(machine(), (pod(),)), Occupied(machine("node-2", SECOND, taints=())))
    answer = next(each for each in explain_nodes(Case(snapshot), Surroundings(nodes), ()) if each.node == "node-1")
    assert rules(answer) == (["ScaleDownCooldown"] if paused else [])
    assert answer.verdict is (Verdict.WAITING if paused else Verdict.REMOVABLE)


def test_a_node_of_no_group_is_not_autoscaled():
    assert explain([pod()], node=machine(instance_id="i-other")).verdict is Verdict.FIXED


def test_a_node_that_is_being_deleted_is_leaving():
    taint = Taint("ToBeDeletedByClusterAutoscaler", "1", "NoSchedule")
    assert explain([pod()], node=machine(taints=(taint,))).verdict is Verdict.LEAVING


def test_every_reason_is_given_not_only_the_first():
    answer = explain([pod(owner=("", "")), pod("b", local_volumes=("x",))], minimum=2)
    assert rules(answer) == ["NotReplicated", "LocalStorageRequested", "NodeGroupMinSizeReached"]


def test_prices_order_the_nodes_and_add_up():
    nodes = (
        Occupied(
            machine("small", FIRST, labels={"node.kubernetes.io/instance-type": "t3.small"}), (pod(owner=("", "")),)
        ),
        Occupied(
            machine("large", SECOND, labels={"node.kubernetes.io/instance-type": "m6i.large"}), (pod(owner=("", "")),)
        ),
    )
    prices = {"t3.small": Decimal("0.02"), "m6i.large": Decimal("0.1")}
    answers = explain_nodes(case(), Surroundings(nodes), (), prices)
    assert [each.node for each in answers] == ["large", "small"]
    assert answers[0].monthly == Decimal(73)
    assert "The blocked nodes cost 87.60 a month." in views.nodes_text(answers, "c")


def test_the_answer_reads_alone():
    shown = views.nodes_text([explain([pod(owner=("", ""))])], "series-api")
    assert shown.splitlines() == [
        "series-api: 1 node (1 blocked).",
        "",
        "node-1 (m6i.large) stays: its removal is blocked, 5% of its cpu requested",
        "  NotReplicated: shop/api-1: The pod is without a controller: nothing creates it again elsewhere.",
        "    to unblock: kubectl --namespace shop annotate pod api-1 --overwrite "
        "cluster-autoscaler.kubernetes.io/safe-to-evict=true",
    ]


pods = st.builds(
    pod,
    name=st.sampled_from(["a", "b", "c", "d"]),
    cpu=st.integers(0, 3000),
    namespace=st.sampled_from(["shop", "kube-system"]),
    owner=st.sampled_from([("", ""), ("ReplicaSet", "x"), ("DaemonSet", "x"), ("Workflow", "x"), ("StatefulSet", "x")]),
    annotations=st.dictionaries(
        st.sampled_from([drain.SAFE_TO_EVICT, drain.SAFE_VOLUMES]), st.sampled_from(["true", "false", "tmp", ""])
    ),
    local_volumes=st.sampled_from([(), ("tmp",), ("tmp", "cache")]),
    node_selector=st.dictionaries(st.sampled_from(["disk", "kubernetes.io/os"]), st.sampled_from(["ssd", "linux"])),
    claims=st.sampled_from([(), ("data",)]),
)


@few
@examples(
    st.lists(pods, max_size=6, unique_by=lambda each: each.id),
    st.lists(pods, max_size=3, unique_by=lambda each: each.id),
    st.sampled_from([0, 1]),
    st.integers(1, 2),
)
def test_a_node_with_a_blocker_is_never_called_removable(here, there, allowed, minimum):
    budgets = [Budget("shop", "api", Selector((Requirement("app", "In", ("api",)),)), allowed)]
    nodes = (
        Occupied(machine(), tuple(here)),
        Occupied(machine("node-2", SECOND, taints=()), tuple(there)),
    )
    examined = case(minimum=minimum)
    around = Surroundings(nodes, {"shop/data": frozenset({"us-east-1a"})})
    answers = explain_nodes(examined, around, budgets)
    assert json.loads(views.nodes_document(answers, "c"))["nodes"]
    for answer in answers:
        node = next(each for each in nodes if each.machine.name == answer.node)
        options = scale_down_options(examined.arguments, {}, examined.minor)
        blocking = drain.blockers(node.pods, options, budgets, examined.snapshot.taken_at)
        named = {(reason.rule, reason.pod) for reason in answer.reasons}
        assert {(each.rule, each.pod) for each in blocking} <= named
        assert (answer.verdict is Verdict.REMOVABLE) == (not answer.reasons)
        assert views.nodes_text([answer], "c").count("\n") >= 3
