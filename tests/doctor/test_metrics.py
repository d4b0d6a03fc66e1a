"""What the leader counts is read once, through the API server's proxy; without it nothing is concluded."""

import json

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from doctor.checks import counters, examine
from doctor.facts import Lease, Metrics
from doctor.findings import ExitCode, Status
from doctor.gather import leader
from doctor.metrics import parse_metrics, reason_names
from doctor.readings import Unreadable

from . import snapshots
from .examples import few
from .fakes import Cloud, Cluster
from .recordings import ROOT, versions
from .test_gather import take

PROXY = "/api/v1/namespaces/kube-system/pods/cluster-autoscaler-1:8085/proxy/metrics"


def recorded(version: str = versions()[-1], scenario: str = "healthy") -> str:
    return (ROOT / version / scenario / "metrics.txt").read_text()


PAGE = """
# HELP cluster_autoscaler_errors_total [ALPHA] The number of CA loops failed due to an error.
cluster_autoscaler_errors_total{type="cloudProviderError"} 7
cluster_autoscaler_errors_total{type="internalError"} 0
cluster_autoscaler_failed_scale_ups_total{dra_drivers="",gpu_name="",gpu_resource_name="",reason="timeout"} 1
cluster_autoscaler_failed_scale_ups_total{dra_drivers="",gpu_name="nvidia",gpu_resource_name="",reason="timeout"} 2
cluster_autoscaler_function_duration_seconds_bucket{function="main",le="0.1"} 9
cluster_autoscaler_function_duration_seconds_count{function="main"} 9
cluster_autoscaler_scaled_up_nodes_total{dra_drivers="",gpu_name="",gpu_resource_name=""} 4
cluster_autoscaler_unremovable_nodes_count{reason="15"} 2
cluster_autoscaler_aws_request_duration_seconds_count{endpoint="SetDesiredCapacity",status="AccessDenied"} 3
cluster_autoscaler_aws_request_duration_seconds_count{endpoint="SetDesiredCapacity",status="success"} 1
cluster_autoscaler_last_activity{activity="main"} 1.79e+09
go_goroutines 12
"""


def test_a_page_is_read():
    found = parse_metrics(PAGE, "ca-1", (1, 36))
    assert found == Metrics(
        "ca-1",
        loops=9,
        errors={"cloudProviderError": 7},
        scaled_up=4,
        failed_scale_ups={"timeout": 3},
        unremovable={"BlockedByPod": 2},
        aws_requests={"SetDesiredCapacity": {"AccessDenied": 3, "success": 1}},
        page=found.page,
    )
    assert "_bucket" not in found.page
    assert "go_goroutines" not in found.page


@pytest.mark.parametrize("version", versions())
def test_the_page_of_the_real_program_is_read(version):
    minor = tuple(map(int, version.split(".")[:2]))
    found = parse_metrics(recorded(version), "ca-1", minor)
    assert found.loops >= 1
    assert found.errors == found.failed_scale_ups == {}
    assert found.aws_requests["DescribeNodegroup"]["success"] > 0


@pytest.mark.parametrize(("scenario", "paused"), [("healthy", False), ("refused", True)])
def test_the_real_program_shows_whether_scale_down_pauses(scenario, paused):
    assert parse_metrics(recorded(scenario=scenario), "ca-1", (1, 36)).in_cooldown is paused


def test_the_real_program_counts_the_scale_up_that_had_no_capacity():
    found = parse_metrics(recorded(scenario="launch-failure"), "ca-1", (1, 36))
    assert found.failed_scale_ups == {"placeholder-cannot-be-fulfilled": 1}
    assert found.aws_requests["SetDesiredCapacity"] == {"success": 2}


def test_reasons_have_the_names_of_their_version():
    assert reason_names((1, 36))["15"] == "BlockedByPod"
    assert reason_names((1, 31))["13"] == "BlockedByPod"
    assert reason_names(None) == reason_names((1, 27)) == {}
    assert parse_metrics(PAGE, "ca-1", None).unremovable == {"15": 2}


@few
@examples(st.text() | st.lists(st.sampled_from(PAGE.splitlines()).map(lambda line: line[:60])).map("\n".join))
def test_any_other_page_is_no_fault(page):
    found = parse_metrics(page, "ca-1", (1, 36))
    assert found is None or found.pod == "ca-1"


# -- gathering ---------------------------------------------------------------------------------------------------------


def leading() -> Cluster:
    cluster = Cluster()
    cluster.pages["/metrics"] = PAGE
    return cluster


def test_the_metrics_of_the_leader_cost_one_request():
    cluster = leading()
    snapshot = take(Cloud(), cluster)
    assert snapshot.kubernetes.metrics.loops == 9
    assert [call for call in cluster.calls if "/proxy/" in call] == [f"get {PROXY}"]


def test_a_check_asks_kubernetes_this_often():
    cluster = leading()
    take(Cloud(), cluster)
    reviews = [call for call in cluster.calls if call.startswith("create ")]
    assert len(cluster.calls) - len(reviews) == 18, cluster.calls


@pytest.mark.parametrize(
    ("ready", "holder", "flags", "asked"),
    [
        (True, "cluster-autoscaler-1_4f2", {}, "8085"),
        (True, "cluster-autoscaler-1", {"address": ":9090"}, "9090"),
        (True, "cluster-autoscaler-1", {"address": "unix"}, None),
        (True, "another-autoscaler", {}, None),
        (False, "cluster-autoscaler-1", {}, None),
    ],
)
def test_only_the_leader_is_asked_at_its_own_port(ready, holder, flags, asked):
    cluster = leading()
    (pod,) = cluster.objects["/api/v1/namespaces/kube-system/pods"]
    pod["status"]["containerStatuses"][0]["ready"] = ready
    lease = next(path for path in cluster.objects if "/leases/" in path)
    cluster.objects[lease]["spec"]["holderIdentity"] = holder
    container = cluster.objects["/apis/apps/v1/deployments"][0]["spec"]["template"]["spec"]["containers"][0]
    container["command"] += [f"--{name}={value}" for name, value in flags.items()]
    take(Cloud(), cluster)
    calls = [call for call in cluster.calls if "/proxy/" in call]
    assert calls == ([f"get {PROXY.replace('8085', asked)}"] if asked else [])


def test_without_a_lease_the_only_ready_pod_is_the_leader():
    one, other = snapshots.pod(name="a"), snapshots.pod(name="b")
    denied = Unreadable("get leases", True, "no")
    assert leader.leader((one,), denied) == one
    assert leader.leader((one, other), None) is None
    assert leader.leader((one, other), Lease("b", None)) == other
    assert leader.leader(denied, None) is None


@pytest.mark.parametrize("unread", ["denied", "silent", "strange"])
def test_without_metrics_the_cluster_is_as_healthy_as_with_them(unread):
    cluster = leading() if unread == "denied" else Cluster()
    cluster.denied = {"/proxy/"} if unread == "denied" else set()
    cluster.pages = {"/metrics": "<html>"} if unread == "strange" else cluster.pages
    report = examine(take(Cloud(), cluster))
    assert report.exit_code is ExitCode.HEALTHY
    assert {finding.status for finding in report.findings} == {Status.OK}
    texts = [finding.seen for finding in report.findings if finding.rule is counters.COUNTERS]
    unread_words = f"Not checked: you may not read the metrics (get {PROXY}). The log and status are checked."
    assert texts == ([unread_words] if unread == "denied" else [])


# -- findings ----------------------------------------------------------------------------------------------------------


def judged(snapshot=None, **counted):
    given = {"pod": "ca-1", "loops": 100, "aws_requests": {"DescribeNodegroup": {"success": 50}}, **counted}
    snapshot = snapshots.with_kubernetes(snapshot or snapshots.healthy(), metrics=Metrics(**given))
    return [each for each in examine(snapshot).findings if each.rule is counters.COUNTERS]


def test_counters_without_a_lasting_failure_are_ok():
    (finding,) = judged(errors={"transientError": 4}, failed_scale_ups={"timeout": 9}, scaled_up=3)
    assert finding.status is Status.OK
    assert finding.seen == (
        "Since the start of ca-1: 4 of 100 iterations failed, 9 scale-ups failed, 0 of 50 AWS requests rejected."
    )


@pytest.mark.parametrize(
    ("counted", "seen", "fix"),
    [
        (
            {"errors": {"cloudProviderError": 60, "internalError": 20}},
            "80 of 100 iterations of the main loop since the start of ca-1 ended with an error: "
            "cloudProviderError 60, internalError 20.",
            "logs",
        ),
        (
            {"aws_requests": {"SetDesiredCapacity": {"AccessDenied": 5}}},
            "AWS rejected 5 of 5 requests SetDesiredCapacity since the start of ca-1: AccessDenied 5.",
            "logs",
        ),
        (
            {"aws_requests": {"DescribeImages": {"RequestLimitExceeded": 5, "success": 1}}},
            "AWS rejected 5 of 6 requests DescribeImages since the start of ca-1: RequestLimitExceeded 5.",
            "logs",
        ),
        (
            {"failed_scale_ups": {"timeout": 3}},
            "3 scale-ups failed since the start of ca-1, and none added a node: timeout 3.",
            "logs",
        ),
    ],
)
def test_what_mostly_fails_is_a_warning(counted, seen, fix):
    (finding,) = judged(**counted)
    assert finding.status is Status.WARNING
    assert finding.seen == seen
    assert fix in finding.fix


def test_a_cause_that_is_found_explains_the_counters():
    spoiled = snapshots.with_aws(snapshots.healthy(), oidc_provider=None)
    (finding,) = judged(spoiled, errors={"cloudProviderError": 90})
    assert finding.status is Status.NOT_REACHED


def test_the_debugging_snapshot_is_asked_for_only_where_it_is_enabled():
    asked = []

    class Pages(Cluster):
        def ask_pod(self, namespace, pod, port, page, seconds):
            asked.append((page, seconds))
            return json.dumps({})

    for flags in (
        {},
        {"debugging_snapshot_enabled": "true"},
        {"debugging_snapshot_enabled": "true", "scan_interval": "60s"},
    ):
        deployment = snapshots.deployment(arguments=snapshots.flags(**flags))
        leader.debugging_snapshot(Pages(), deployment, snapshots.pod())
    assert asked == [("/snapshotz", 30.0), ("/snapshotz", 130.0)]
