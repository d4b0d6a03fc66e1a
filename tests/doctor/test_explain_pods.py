"""Why no node is added for a pod: reasons of groups, of the pod and of the autoscaler, and the smallest change."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from components.pure import discovery
from doctor.case import Case
from doctor.explain import views
from doctor.explain.addition import InstanceType, explain_pod
from doctor.explain.fit import Occupied, Surroundings
from doctor.explain.workload import Machine, Requirement, Workload
from doctor.facts import Deployment, FailedLaunch, Instance, Taint, Toleration
from doctor.stress.capacity import Resources

from . import snapshots
from .examples import few

GIB = 2**30
EMPTY = "eks-batch-7c21"
TYPES = {"m6i.large": InstanceType(2000, 8 * GIB)}
LOGS = Workload("kube-system", "logs", owner=("DaemonSet", "logs"), requests=Resources(200, GIB, 1))


def pod(**changes) -> Workload:
    given = {"requests": Resources(500, GIB, 1), "created_at": snapshots.ago(5), "phase": "Pending"}
    return Workload(**{"namespace": "shop", "name": "api-1", **given, **changes})


def case(flags=None, status=None, tags=None, **group) -> Case:
    """A cluster whose one group is empty."""
    described = {"min": 0, "desired": 0, "max": 3, "instances": (), "instance_types": ("m6i.large",), **group}
    empty = snapshots.asg(EMPTY, **described)
    empty = replace(empty, tags={**empty.tags, **(tags or {})})
    snapshot = snapshots.with_aws(
        snapshots.healthy(), groups=(empty,), node_groups=(snapshots.node_group("batch", groups=(EMPTY,)),)
    )
    deployed = snapshots.with_deployment(snapshot, arguments=snapshots.flags(**(flags or {})))
    return Case(snapshots.with_kubernetes(deployed, status=snapshots.status_map(groups=status or {EMPTY: ""})))


def explain(it=None, nodes=(), daemons=(), types=None, **of_case):
    return explain_pod(
        case(**of_case), it or pod(), Surroundings(tuple(nodes)), daemons, TYPES if types is None else types
    )


def reasons(answer):
    (group,) = answer.groups
    return list(group.reasons)


def test_a_pod_that_fits_an_empty_group_gets_a_node():
    answer = explain()
    assert reasons(answer) == []
    assert answer.change == ""
    assert answer.helped_by == (EMPTY,)
    assert answer.groups[0].source == "its instance type m6i.large and its tags"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"requests": Resources(2500, GIB, 1)}, "CPU: requests 2500m, 1700m free"),
        ({"requests": Resources(100, 8 * GIB, 1)}, "memory: requests 8192Mi, 7168Mi free"),
        ({"extended": {"nvidia.com/gpu": Decimal(1)}}, "nvidia.com/gpu: requests 1, 0 free"),
        ({"node_selector": {"team": "a"}}, "label team=a is missing"),
        ({"node_terms": ((Requirement("team", "In", ("a", "b")),),)}, "node affinity: team In (a, b)"),
    ],
)
def test_the_arithmetic_of_a_group_that_does_not_fit_is_shown(changes, reason):
    answer = explain(pod(**changes), daemons=(LOGS,))
    assert reasons(answer) == [reason]
    assert answer.change == f"{EMPTY} is closest; remove: {reason}"


def test_daemons_take_their_share_of_a_new_node():
    answer = explain(daemons=(LOGS,))
    assert answer.groups[0].capacity == (
        "1700m CPU (2000m less 300m of DaemonSets and static pods), 7168Mi memory (8192Mi less 1024Mi), 108 pods"
    )


def test_a_daemon_that_does_not_run_there_takes_nothing():
    elsewhere = replace(LOGS, node_selector={"team": "b"})
    assert "(2000m less 100m of DaemonSets and static pods)" in explain(daemons=(elsewhere,)).groups[0].capacity


def in_group(**changes) -> Machine:
    """A node of the group."""
    labels = {"node.kubernetes.io/instance-type": "m6i.large"}
    return Machine("node-1", "i-0aa9", labels, allocatable=Resources(1930, 7 * GIB, 29), **changes)


STATIC = Workload(
    "kube-system", "proxy", annotations={"kubernetes.io/config.mirror": "x"}, requests=Resources(30, 0, 1)
)


def test_a_node_of_the_group_is_the_pattern_with_its_daemons_and_static_pods():
    living = Occupied(in_group(), (LOGS, STATIC, pod(name="api-2", requests=Resources(900, GIB, 1))))
    (group,) = explain(nodes=[living], daemons=(LOGS,), desired=1, instances=(Instance("i-0aa9", "a"),)).groups
    assert group.source == "its node node-1"
    assert group.capacity.startswith("1700m CPU (1930m less 230m of DaemonSets and static pods), 6144Mi memory")


@pytest.mark.parametrize(
    ("minutes", "types", "source"),
    [
        (0.5, None, "its instance type m6i.large and its tags"),
        (0.5, {}, "its node node-1"),
        (1.5, None, "its node node-1"),
    ],
)
def test_a_node_that_has_just_become_ready_is_not_yet_the_pattern(minutes, types, source):
    living = Occupied(in_group(ready_since=snapshots.ago(minutes)))
    (group,) = explain(nodes=[living], types=types, desired=1, instances=(Instance("i-0aa9", "a"),)).groups
    assert group.source == source


def test_a_group_in_backoff_has_the_error_of_aws():
    backoff = "  scaleUp: {status: Backoff, backoffInfo: {errorCode: placeholder-cannot-be-fulfilled}}"
    launches = tuple(FailedLaunch(EMPTY, snapshots.ago(age), f"no capacity {age}") for age in (9, 1, 5))
    snapshot = snapshots.with_aws(case(status={EMPTY: backoff}).snapshot, failed_launches=launches)
    (group,) = explain_pod(Case(snapshot), pod(), Surroundings(), (), TYPES).groups
    assert group.reasons == ("the group is in backoff: placeholder-cannot-be-fulfilled: no capacity 1",)


def test_tags_describe_what_an_empty_group_offers():
    tags = {
        discovery.label_key("team"): "a",
        discovery.resource_key("nvidia.com/gpu"): "4",
        discovery.resource_key("pods"): "29",
        discovery.taint_key("team"): "a:NoSchedule",
    }
    wanted = pod(node_selector={"team": "a"}, extended={"nvidia.com/gpu": Decimal(4)})
    assert reasons(explain(wanted, tags=tags)) == ["taint team=a:NoSchedule is not tolerated"]
    tolerating = replace(wanted, tolerations=(Toleration("team", "Equal", "a", "NoSchedule"),))
    answer = explain(tolerating, tags=tags)
    assert reasons(answer) == []
    assert answer.groups[0].capacity.endswith("28 pods")


@pytest.mark.parametrize(
    ("of_case", "reason"),
    [
        ({"max": 0}, "the group is at its maxSize of 0"),
        ({"flags": {"scale_up_from_zero": "false"}}, "the group is empty, and --scale-up-from-zero=false"),
        ({"suspended": frozenset({"Launch"})}, "the process Launch of the group is suspended"),
    ],
)
def test_a_group_that_may_not_grow_has_a_reason(of_case, reason):
    assert reasons(explain(**of_case)) == [reason]


def test_backoff_is_named_with_its_error():
    backoff = (
        "  scaleUp:\n    status: Backoff\n    backoffInfo:\n      errorCode: QuotaExceeded\n      errorMessage: limit\n"
    )
    (reason,) = reasons(explain(status={EMPTY: backoff}))
    assert reason.startswith("the group is in backoff")


def test_a_group_that_is_not_discovered_is_named():
    group = snapshots.asg(EMPTY, min=0, desired=0, instances=(), tags={"eks:cluster-name": snapshots.CLUSTER})
    snapshot = snapshots.with_aws(snapshots.healthy(), groups=(group,))
    (answer,) = explain_pod(Case(snapshot), pod(), Surroundings(), (), TYPES).groups
    assert answer.reasons == ("the autoscaler does not discover the group: its tags do not match",)


@pytest.mark.parametrize(
    ("changes", "flags", "reason"),
    [
        ({"priority": -11}, {}, "the priority -11 is below --expendable-pods-priority-cutoff=-10"),
        ({"priority": -1}, {"expendable_pods_priority_cutoff": "0"}, "the priority -1 is below"),
        ({"created_at": snapshots.NOW}, {"new_pod_scale_up_delay": "1m"}, "the pod is younger than its scale-up delay"),
        ({"node": "node-1"}, {}, "the pod is on the node node-1"),
    ],
)
def test_reasons_that_lie_with_the_pod_come_first(changes, flags, reason):
    answer = explain(pod(**changes), flags=flags)
    assert answer.reasons[0].startswith(reason)
    assert answer.change.startswith(f"first of all: {reason}")


def test_an_autoscaler_that_does_not_run_is_a_reason():
    snapshot = snapshots.with_kubernetes(snapshots.healthy(), deployments=(), pods=())
    assert (
        "no Deployment of Cluster Autoscaler" in explain_pod(Case(snapshot), pod(), Surroundings(), (), {}).reasons[0]
    )
    crashed = Case(snapshots.crashed(snapshots.healthy()))
    assert (
        "the main loop of the autoscaler is not running"
        in explain_pod(crashed, pod(), Surroundings(), (), {}).reasons[0]
    )


def test_a_pod_that_fits_a_node_waits_for_the_scheduler():
    free = Occupied(Machine("node-1", labels={}, allocatable=Resources(4000, 8 * GIB, 29)))
    assert explain(nodes=[free]).reasons[0].startswith("the pod fits the node node-1 now")


def test_a_living_node_is_the_pattern_of_the_next_one():
    instances = (Instance("i-0aa1", "us-east-1a"),)
    living = Machine("node-1", "i-0aa1", labels={"team": "a"}, allocatable=Resources(1000, 4 * GIB, 29))
    full = Occupied(living, (replace(pod(), name="other", requests=Resources(900, GIB, 1)),))
    examined = case(desired=1, min=1, instances=instances)
    nodes = (snapshots.node("node-1", "i-0aa1", labels={"team": "a"}),)
    examined = Case(snapshots.with_kubernetes(examined.snapshot, nodes=nodes))
    answer = explain_pod(examined, pod(node_selector={"team": "a"}), Surroundings((full,)), (), {})
    assert reasons(answer) == []
    assert answer.groups[0].source == "its node node-1"


def test_an_unknown_instance_type_decides_by_labels_and_taints_alone():
    answer = explain(types={})
    assert reasons(answer) == []
    assert answer.groups[0].capacity == "unknown: its instance type could not be read"


def test_the_answer_reads_alone():
    answer = explain(pod(requests=Resources(2500, GIB, 1)))
    assert views.pod_text(answer).splitlines() == [
        "shop/api-1 requests 2500m CPU, 1024Mi memory.",
        "",
        f"{EMPTY}: a new node does not help",
        "  offers: 1900m CPU (2000m less 100m of DaemonSets and static pods), 8192Mi memory (8192Mi less 0Mi), "
        "109 pods; known from its instance type m6i.large and its tags",
        "  CPU: requests 2500m, 1900m free",
        "",
        f"Smallest change: {EMPTY} is closest; remove: CPU: requests 2500m, 1900m free.",
    ]


@few
@examples(
    st.integers(0, 4000),
    st.integers(0, 16),
    st.dictionaries(st.sampled_from(["team", "disk", "kubernetes.io/arch"]), st.sampled_from(["a", "b"])),
    st.lists(
        st.builds(
            Taint,
            st.sampled_from(["x", "y"]),
            st.sampled_from(["", "1"]),
            st.sampled_from(["NoSchedule", "NoExecute", "PreferNoSchedule"]),
        ),
        max_size=2,
    ),
    st.integers(0, 3),
)
def test_there_is_a_way_out_whenever_no_group_helps(cpu, memory, selector, taints, maximum):
    node_group = snapshots.node_group("batch", groups=(EMPTY,), taints=tuple(taints))
    examined = case(max=maximum)
    examined = Case(snapshots.with_aws(examined.snapshot, node_groups=(node_group,)))
    wanted = pod(requests=Resources(cpu, memory * GIB, 1), node_selector=selector)
    answer = explain_pod(examined, wanted, Surroundings(), (LOGS,), TYPES)
    assert bool(answer.change) == (not answer.helped_by or bool(answer.reasons))
    assert json.loads(views.pod_document(answer))["change"] == answer.change
    assert views.pod_text(answer).endswith(".\n")
    assert isinstance(examined.deployment, Deployment)
