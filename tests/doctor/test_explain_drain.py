"""Which pods keep a node: one test for each rule of `simulator/drainability/rules`, and for their order."""

from datetime import UTC, datetime, timedelta

import pytest

from doctor.explain.drain import SAFE_TO_EVICT, SAFE_VOLUMES, blocker
from doctor.explain.options import ScaleDownOptions
from doctor.explain.workload import Budget, Requirement, Selector, Workload

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
OWNED = ("ReplicaSet", "api-5d9c")
LABELS = {"app": "api"}


def pod(**changes) -> Workload:
    given = {"namespace": "shop", "name": "api-1", "owner": OWNED, "labels": LABELS, "created_at": NOW}
    return Workload(**{**given, **changes})


def budget(allowed: int, namespace: str = "shop", app: str = "api") -> Budget:
    return Budget(namespace, "api", Selector((Requirement("app", "In", (app,)),)), allowed)


def rule(it: Workload, options: ScaleDownOptions | None = None, budgets=()) -> str | None:
    found = blocker(it, options or ScaleDownOptions(), budgets, NOW)
    return found.rule if found else None


def test_a_replicated_pod_may_be_moved():
    assert rule(pod()) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"owner": ("", "")}, "NotReplicated"),
        ({"owner": ("Workflow", "w")}, "NotReplicated"),
        ({"namespace": "kube-system"}, "UnmovableKubeSystemPod"),
        ({"annotations": {SAFE_TO_EVICT: "false"}}, "NotSafeToEvictAnnotation"),
        ({"local_volumes": ("cache",)}, "LocalStorageRequested"),
        ({"local_volumes": ("cache", "tmp"), "annotations": {SAFE_VOLUMES: "tmp"}}, "LocalStorageRequested"),
    ],
)
def test_what_keeps_a_node_by_default(changes, expected):
    assert rule(pod(**changes)) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"owner": ("DaemonSet", "logs"), "local_volumes": ("var",)},
        {"owner": ("", ""), "annotations": {"kubernetes.io/config.mirror": "abc"}},
        {"owner": ("", ""), "annotations": {SAFE_TO_EVICT: "true"}},
        {"owner": ("", ""), "phase": "Failed"},
        {"owner": ("", ""), "phase": "Succeeded", "restart_policy": "Never"},
        {"owner": ("", ""), "deleted_at": NOW - timedelta(minutes=5)},
        {"local_volumes": ("tmp",), "annotations": {SAFE_VOLUMES: "tmp"}},
    ],
    ids=["daemon", "mirror", "safe-to-evict", "failed", "done", "terminating for long", "safe volumes"],
)
def test_what_does_not_keep_a_node(changes):
    assert rule(pod(**changes)) is None


def test_a_pod_that_has_just_been_deleted_still_keeps_its_node():
    assert rule(pod(owner=("", ""), deleted_at=NOW - timedelta(seconds=10))) == "NotReplicated"


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ({"skip_custom_controllers": False}, {"owner": ("Workflow", "w")}),
        ({"skip_system_pods": False}, {"namespace": "kube-system"}),
        ({"skip_local_storage": False}, {"local_volumes": ("cache",)}),
    ],
)
def test_an_option_that_lets_such_pods_move(options, changes):
    assert rule(pod(**changes), ScaleDownOptions(**options)) is None


def test_without_a_controller_no_option_lets_a_pod_move():
    assert rule(pod(owner=("", "")), ScaleDownOptions(skip_custom_controllers=False)) == "NotReplicated"


def test_a_system_pod_with_a_budget_may_be_moved():
    assert rule(pod(namespace="kube-system"), budgets=[budget(1, "kube-system")]) is None


@pytest.mark.parametrize(("timeout", "expected"), [(None, "UnmovableKubeSystemPod"), (3600.0, None)])
def test_since_133_an_old_system_pod_no_longer_keeps_a_node(timeout, expected):
    old = pod(namespace="kube-system", created_at=NOW - timedelta(hours=2))
    assert rule(old, ScaleDownOptions(system_pod_timeout=timeout)) == expected


@pytest.mark.parametrize(
    ("budgets", "expected"),
    [
        ([budget(0)], "NotEnoughPdb"),
        ([budget(1), budget(0)], "NotEnoughPdb"),
        ([budget(0, "other")], None),
        ([budget(0, app="web")], None),
        ([budget(1)], None),
        ([Budget("shop", "all", Selector(), 0)], "NotEnoughPdb"),
        ([Budget("shop", "none", None, 0)], None),
    ],
)
def test_a_budget_without_disruptions_keeps_the_nodes_of_its_pods(budgets, expected):
    assert rule(pod(), budgets=budgets) == expected


def test_the_rules_are_met_in_the_order_of_upstream():
    worst = {"namespace": "kube-system", "annotations": {SAFE_TO_EVICT: "false"}, "local_volumes": ("cache",)}
    assert rule(pod(owner=("", ""), **worst)) == "NotReplicated"
    assert rule(pod(**worst)) == "UnmovableKubeSystemPod"
    assert rule(pod(**worst), ScaleDownOptions(skip_system_pods=False)) == "NotSafeToEvictAnnotation"


def test_a_blocker_names_its_pod_and_a_way_out():
    found = blocker(pod(owner=("", "")), ScaleDownOptions(), (), NOW)
    assert found
    assert found.pod == "shop/api-1"
    assert found.unblock == (
        "kubectl --namespace shop annotate pod api-1 --overwrite cluster-autoscaler.kubernetes.io/safe-to-evict=true"
    )
