"""A stress test goes up and comes back, reports which step is late, and never leaves anything behind."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from doctor import cli, clients, gather
from doctor.changes import Connection
from doctor.ending import EndedError, undisturbed, unwinding
from doctor.errors import CannotCheckError
from doctor.facts import Toleration
from doctor.findings import ExitCode
from doctor.gather import aws as aws_reads
from doctor.readings import Reading, Unreadable
from doctor.stress import command, views, workload
from doctor.stress.capacity import NodeCapacity, Resources
from doctor.stress.plan import GroupCapacity, Plan, Wanted
from doctor.stress.run import Outcome, run
from doctor.stress.timeline import Observation, Step, Timeline

from . import snapshots

PLAN = Plan(Wanted(), 3, Resources(500, 16 * 1024**2, 1), 2, 1, (GroupCapacity("g", 3),))
BUDGETS = dict.fromkeys(Step, 60.0)


class Time:
    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


class Cluster:
    """Adds a node some seconds after the pods came, and takes it away after they went.

    Attributes:
        stuck: The step that never comes.
        interrupted: Calls, by number, that end with a signal.
    """

    def __init__(self, stuck: Step | None = None, interrupted: int | None = None) -> None:
        self.stuck, self.interrupted = stuck, interrupted
        self.reads = self.calls = self.removed = 0
        self.exists = False
        self.left: list[str] = []
        self.was_up = False

    def _called(self) -> None:
        self.calls += 1
        if self.calls == self.interrupted:
            raise EndedError(signal.SIGTERM)

    def create(self) -> None:
        self.exists = True
        self._called()

    def remove(self) -> list[str]:
        self.exists, self.reads = False, 0
        self.removed += 1
        return self.left

    def capacities(self) -> list[NodeCapacity]:
        self._called()
        return [NodeCapacity("n1", Resources(1930, 2**31, 17), Resources(1500, 2**20, 9), stress_pods=2)]

    def observe(self, at: float) -> Observation:
        self._called()
        self.reads += 1
        reached = self.reads if self.exists else 0
        steps = list(Step)

        def has(step: Step) -> bool:
            before_stuck = self.stuck is None or steps.index(step) < steps.index(self.stuck)
            return self.exists and before_stuck and reached > steps.index(step) + 1

        self.was_up = self.was_up or has(Step.NODE_READY)
        lingers = self.was_up and not self.exists and (self.reads < 4 or self.stuck is Step.SCALED_DOWN)
        nodes = frozenset({"n1", "n2"} if has(Step.NODE_READY) or lingers else {"n1"})
        return Observation(
            at,
            pods=3 if self.exists else 0,
            running=3 if has(Step.PODS_RUNNING) else 2 if self.exists else 0,
            unschedulable="0/1 nodes are available" if has(Step.FAILED_SCHEDULING) else "",
            scale_up="pod triggered scale-up: g 1->2" if has(Step.TRIGGERED_SCALE_UP) else "",
            refusal="pod didn't trigger scale-up: 1 max node group size reached",
            desired={"g": 2 if has(Step.DESIRED_UP) or lingers else 1},
            ready_nodes=nodes,
            nodes=nodes,
        )


def played(cluster: Cluster, wait: bool = True) -> Outcome:
    return run(PLAN, cluster, Time(), BUDGETS, lambda *_: None, wait)


def test_it_goes_up_is_cleaned_up_and_comes_back():
    cluster = Cluster()
    outcome = played(cluster)
    assert outcome.exit_code is ExitCode.HEALTHY
    assert outcome.timeline.current is None
    assert [capacity.stress_pods for capacity in outcome.capacities] == [2]
    assert (cluster.exists, cluster.removed) == (False, 1)


def test_the_way_back_is_left_out_on_request():
    outcome = played(Cluster(), wait=False)
    assert outcome.exit_code is ExitCode.HEALTHY
    assert outcome.timeline[Step.SCALED_DOWN].done_at is None


@pytest.mark.parametrize("step", Step)
def test_a_step_that_never_comes_is_named_with_advice_and_the_pods_are_removed(step: Step):
    cluster = Cluster(stuck=step)
    outcome = played(cluster)
    assert outcome.exit_code is ExitCode.BROKEN
    assert outcome.late is not None
    assert outcome.late.step is step
    assert (outcome.timeline[Step.SCALED_DOWN].started_at is not None) == (step is Step.SCALED_DOWN)
    assert outcome.advice
    assert ("max node group size" in outcome.advice) == (step is Step.TRIGGERED_SCALE_UP)
    assert not cluster.exists


def test_pods_that_all_fit_after_all_end_the_test_at_once():
    class Roomy(Cluster):
        def observe(self, at: float) -> Observation:
            seen = super().observe(at)
            return replace(seen, running=seen.pods, unschedulable="", scale_up="", desired={"g": 1})

    clock = Time()
    outcome = run(PLAN, Roomy(stuck=Step.FAILED_SCHEDULING), clock, BUDGETS, lambda *_: None)
    assert clock.at < 5
    assert outcome.exit_code is ExitCode.BROKEN
    assert "no node was needed" in outcome.advice
    assert "failed-scheduling did not come. All pods were scheduled at once" in text_of(outcome)


@pytest.mark.parametrize("call", range(2, 9))
def test_a_signal_at_any_time_removes_the_pods(call: int):
    cluster = Cluster(interrupted=call)
    with pytest.raises(EndedError):
        played(cluster)
    assert not cluster.exists
    assert cluster.removed == 1


def test_a_right_that_is_missing_on_the_way_does_not_keep_the_pods():
    class Blind(Cluster):
        def capacities(self) -> list[NodeCapacity]:
            raise CannotCheckError("You may not list pods")

    cluster = Blind()
    with pytest.raises(CannotCheckError):
        played(cluster)
    assert not cluster.exists


def test_what_the_clean_up_leaves_is_reported_and_counts_as_broken():
    cluster = Cluster()
    cluster.left = ["pods/x in default"]
    outcome = played(cluster)
    assert outcome.exit_code is ExitCode.BROKEN
    assert "Not removed: pods/x in default" in text_of(outcome)


# --- signals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_unwinds_and_a_clean_up_is_not_disturbed_by_another(number: signal.Signals):
    done = []

    def struck() -> None:
        with unwinding():
            try:
                os.kill(os.getpid(), number)
            finally:
                with undisturbed():
                    os.kill(os.getpid(), signal.SIGTERM)
                    done.append("cleaned")

    with pytest.raises(EndedError) as ended:
        struck()
    assert done == ["cleaned"]
    assert ended.value.exit_code == 128 + number
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_that_comes_during_a_clean_up_ends_the_command_after_it():
    done = []

    def struck() -> None:
        with unwinding():
            with undisturbed():
                os.kill(os.getpid(), signal.SIGTERM)
                done.append("cleaned")
            done.append("went on")

    with pytest.raises(EndedError) as ended:
        struck()
    assert done == ["cleaned"]
    assert ended.value.exit_code == 128 + signal.SIGTERM


# --- the Deployment, and its removal ----------------------------------------------------------------------------------


class Api:
    """An API server that keeps Deployments and pods; pods go some reads after their Deployment."""

    def __init__(self, pods_linger: int = 0, denied: str = "") -> None:
        self.deployments: dict[str, Any] = {}
        self.pods: list[Any] = []
        self.pods_linger, self.denied = pods_linger, denied

    def create(self, path: str, body: Any) -> Reading[Any]:
        if self.denied == "create":
            return Unreadable("create deployments.apps in default", True, "forbidden")
        self.deployments[body["metadata"]["name"]] = body
        return body

    def delete(self, path: str, **query: str) -> Reading[None]:
        assert query["labelSelector"].startswith("app.kubernetes.io/managed-by=ca-doctor")
        if self.denied == "delete":
            return Unreadable("delete deployments.apps in default", True, "forbidden")
        if path.endswith("/deployments"):
            self.deployments.clear()
        return None

    def read_all(self, path: str, **query: str) -> Reading[list[Any]]:
        if self.denied and self.denied in path:
            return Unreadable(f"list {path}", True, "forbidden")
        if path.endswith("/deployments"):
            return list(self.deployments.values())
        if path.endswith("/pods"):
            if not self.deployments and self.pods:
                self.pods_linger -= 1
                if self.pods_linger < 0:
                    self.pods = []
            return self.pods
        if path.endswith("/events"):
            reason = query["fieldSelector"].partition("=")[2]
            own = next(iter(self.deployments), "none")
            return [
                {"involvedObject": {"name": "ca-doctor-stress-older-1"}, "message": f"old {reason}"},
                {"involvedObject": {"name": f"{own}-1"}, "message": f"new {reason}"},
            ]
        return []

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nothing else is asked: {name}")


def quick_remove(api: Any) -> list[str]:
    clock = Time()
    return workload.remove(api, ["default"], "stress", clock.now, clock.sleep)


def test_removal_waits_until_the_last_pod_is_gone():
    api = Api(pods_linger=3)
    api.deployments["x"], api.pods = {"metadata": {"name": "x"}}, [{"metadata": {"name": "p"}}]
    assert quick_remove(api) == []
    assert api.pods == []


def test_what_cannot_be_removed_in_time_is_named():
    api = Api(pods_linger=10_000)
    api.pods = [{"metadata": {"name": "p"}}]
    assert quick_remove(api) == ["pods/p in default"]
    api = Api(denied="delete")
    api.deployments["x"] = {"metadata": {"name": "x"}}
    assert quick_remove(api) == ["delete deployments.apps in default: forbidden"]


def test_only_events_of_this_run_count(monkeypatch: pytest.MonkeyPatch):
    api: Any = Api()
    monkeypatch.setattr(aws_reads, "groups", lambda _: (snapshots.asg(), snapshots.other_group()))
    plan = replace(PLAN, groups=(GroupCapacity(snapshots.GROUP, 3),))
    made = workload.Workload(api, None, plan)  # type: ignore[arg-type]
    before = made.observe(0.0)
    assert (before.unschedulable, before.scale_up) == ("", "")
    made.create()
    seen = made.observe(1.0)
    assert (seen.unschedulable, seen.scale_up) == ("new FailedScheduling", "new TriggeredScaleUp")
    assert seen.desired == {snapshots.GROUP: 1}


def test_a_right_that_is_missing_is_reported_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(aws_reads, "groups", lambda _: ())
    api: Any = Api(denied="events")
    with pytest.raises(CannotCheckError, match=r"You may not call list .*events"):
        workload.Workload(api, None, PLAN).observe(0.0)  # type: ignore[arg-type]
    with pytest.raises(CannotCheckError, match="create deployments"):
        workload.Workload(Api(denied="create"), None, PLAN).create()  # type: ignore[arg-type]


def test_the_pods_carry_the_labels_requests_and_constraints():
    wanted = Wanted(
        selector={"pool": "a"}, tolerations=(Toleration("k", "Exists"), Toleration("k", "Equal", "v", "NoSchedule"))
    )
    made = workload.manifest(Plan(wanted, 4, Resources(250, 1024, 1), 1, 1, ()), "ca-doctor-stress-1")
    spec = made["spec"]["template"]["spec"]
    assert made["spec"]["replicas"] == 4
    assert made["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "ca-doctor"
    assert spec["containers"][0]["resources"]["requests"] == {"cpu": "250m", "memory": "1024"}
    assert spec["nodeSelector"] == {"pool": "a"}
    assert spec["tolerations"] == [
        {"operator": "Exists", "key": "k"},
        {"operator": "Equal", "key": "k", "value": "v", "effect": "NoSchedule"},
    ]


# --- what is shown ----------------------------------------------------------------------------------------------------


def text_of(outcome: Outcome) -> str:
    out = StringIO()
    views.print_outcome(outcome, Console(file=out, width=200))
    return out.getvalue()


def test_the_outcome_shows_the_timeline_and_what_is_asked_of_each_node():
    printed = text_of(played(Cluster()))
    for step in Step:
        assert step in printed
    assert "1500m / 1930m" in printed
    assert "the pods are removed" in printed


def test_the_document_shows_when_each_step_came_and_which_did_not():
    outcome = played(Cluster(stuck=Step.NODE_READY))
    document = json.loads(views.render(outcome, "c", "r", datetime(2026, 9, 1, tzinfo=UTC)))
    assert document["late"] == "node-ready"
    assert [each["status"] for each in document["steps"]] == ["done"] * 3 + ["late", "not-reached", "not-reached"]
    assert document["nodes"][0]["stressPods"] == 2


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_shown_while_it_runs(terminal: bool):
    out = StringIO()
    console = Console(file=out, width=160, force_terminal=terminal)
    with views.live(console) as show:
        run(PLAN, Cluster(), Time(), BUDGETS, show)
    printed = out.getvalue()
    for part in ("g: 1 -> 2", "3 of 3"):
        assert part in printed
    if not terminal:
        assert [line.split()[2].rstrip(":") for line in printed.splitlines()] == list(Step)


# --- the command ------------------------------------------------------------------------------------------------------

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def stress(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def started(*options: str, api: Any = None, found: Any = None) -> tuple[int, str, str]:
        monkeypatch.setattr(clients, "Aws", lambda region: region)
        monkeypatch.setattr(gather, "take_snapshot", lambda *_: found or snapshots.healthy())
        monkeypatch.setattr(aws_reads, "cluster", lambda *_: snapshots.cluster())
        monkeypatch.setattr(Connection, "__call__", lambda *_: None)
        monkeypatch.setattr(Connection, "changing", lambda _: api or Api())
        monkeypatch.setattr(
            command, "read_capacities", lambda _: [NodeCapacity(snapshots.node().name, Resources(1930, 2**31, 17))]
        )
        monkeypatch.setattr(command, "Workload", lambda *_: Cluster())
        monkeypatch.setattr(command, "_SystemClock", Time)
        monkeypatch.setattr(command, "run", lambda plan, cluster, clock, *rest: run(PLAN, cluster, clock, *rest))
        with pytest.raises(SystemExit) as ended:
            cli.main(["stress", "--cluster", "series-api", "--region", "us-east-1", *options])
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return started


def test_the_command_ends_with_0_and_json_on_stdout_alone(stress: Run):
    code, out, err = stress("--json")
    assert code == 0, err
    assert json.loads(out)["exitCode"] == 0
    assert "10 pods of" in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--namespace", "kube-system"), "kube-system belongs to the cluster itself"),
        (
            ("--cpu", "lots", "--memory", "0", "--toleration", ":x", "--node-selector", "a", "--budget", "x=1s"),
            "--budget",
        ),
        (("--replicas", "500", "--cpu", "1500m"), "need 499 new nodes"),
    ],
)
def test_what_is_refused_ends_with_2_and_a_reason(stress: Run, options: tuple[str, ...], words: str):
    code, out, err = stress(*options)
    assert (code, out) == (2, "")
    assert words in err
    if "--budget" in words:
        for fault in ("--cpu", "--memory", "--toleration", "--node-selector"):
            assert fault in err


def test_without_an_autoscaler_nothing_is_run(stress: Run):
    code, _, err = stress(found=snapshots.with_kubernetes(snapshots.healthy(), deployments=()))
    assert code == 2
    assert "No Deployment runs Cluster Autoscaler" in err


def test_leftovers_stop_a_run_and_clean_removes_them(stress: Run):
    api = Api()
    api.deployments["ca-doctor-stress-1"] = {"metadata": {"name": "ca-doctor-stress-1", "namespace": "shop"}}
    code, _, err = stress(api=api)
    assert code == 2
    assert "deployment/ca-doctor-stress-1 in shop" in err
    assert "--clean" in err
    code, _, err = stress("--clean", api=api)
    assert code == 0
    assert "Everything is removed" in err
    assert api.deployments == {}
    assert stress("--clean", api=api)[0] == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gpu", Toleration("gpu", "Exists")),
        ("gpu:NoSchedule", Toleration("gpu", "Exists", "", "NoSchedule")),
        ("workload=batch:NoExecute", Toleration("workload", "Equal", "batch", "NoExecute")),
        ("a=b", Toleration("a", "Equal", "b")),
        ("a:Never", None),
        ("", None),
    ],
)
def test_tolerations_are_written_as_kubectl_writes_taints(text: str, expected: Toleration | None):
    assert command.parse_toleration(text) == expected


def test_a_timeline_that_is_whole_has_nothing_late():
    before = Observation(0.0)
    assert Timeline.start(1, before, BUDGETS).late(0.0) is None
