"""Alerts and the dashboard, judged by Prometheus' own promtool and by Grafana's own schema."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.pure import alerts, dashboard
from tests.unit.test_monitoring import NEWEST

HOUR = 60
LEADER, STANDBY = 'pod="a",instance="a"', 'pod="b",instance="b"'


def series(name: str, values: str, labels: str = "", pod: str = LEADER) -> dict[str, str]:
    return {"series": f"cluster_autoscaler_{name}{{{','.join(filter(None, (labels, pod)))}}}", "values": values}


def running(minutes: int = 12 * HOUR) -> dict[str, str]:
    """A main loop that runs all the time."""
    return series("last_activity", f"0+60x{minutes}", 'activity="main"')


def calls(status: str, values: str) -> dict[str, str]:
    return series("aws_request_duration_seconds_count", values, f'endpoint="SetDesiredCapacity",status="{status}"')


STUCK = series("last_activity", "0+60x5 300x60", 'activity="main"')
UNSAFE = series("cluster_safe_to_autoscale", "1x5 0x60")
UNNEEDED = "unneeded_nodes_count"

# Each row: the series of a minute each, a minute, and the alerts that fire then.
CASES: list[tuple[str, list[dict[str, str]], int, set[str]]] = [
    ("a running loop", [running()], 60, set()),
    ("a loop that stood for 9 minutes", [STUCK], 14, set()),
    ("a loop that stood for half an hour", [STUCK], 35, {"Inactive"}),
    ("nothing scraped for 9 minutes", [], 9, set()),
    ("nothing scraped for 11 minutes", [], 11, {"Inactive"}),
    ("a standby that never led", [running(), series("cluster_safe_to_autoscale", "1x60"), series("cluster_safe_to_autoscale", "0x60", pod=STANDBY)], 50, set()),
    ("an unsafe cluster for 10 minutes", [running(), UNSAFE], 16, set()),
    ("an unsafe cluster for half an hour", [running(), UNSAFE], 40, {"Unsafe"}),
    ("three failed loops", [running(), series("errors_total", "0x10 0+1x3 3x60", 'type="apiCallError"')], 30, set()),
    ("a failed loop each minute", [running(), series("errors_total", "0+1x60", 'type="apiCallError"')], 45, {"Errors"}),
    ("two failed scale-ups", [running(), series("failed_scale_ups_total", "0x5 1x5 2x60", 'reason="timeout"')], 40, set()),
    ("four failed scale-ups", [running(), series("failed_scale_ups_total", "0x5 1x5 2x5 3x5 4x60", 'reason="timeout"')], 45, {"ScaleUpFails"}),
    ("calls that succeed", [running(), calls("success", "0+9x60")], 50, set()),
    ("one denied call", [running(), calls("AccessDenied", "0x5 1x60")], 20, set()),
    ("a denied call each minute", [running(), calls("AccessDenied", "0+1x60")], 20, {"AccessDenied"}),
    ("a denied call of EC2 each minute", [running(), calls("UnauthorizedOperation", "0+1x60")], 20, {"AccessDenied"}),
    ("a throttled call each 5 minutes", [running(), calls("Throttling", "0+0.2x90")], 80, set()),
    ("a throttled call each minute", [running(), calls("Throttling", "0+1x90")], 80, {"Throttled"}),
    ("a node unneeded for 3 hours", [running(), series(UNNEEDED, f"1x{3 * HOUR} 0x600")], 6 * HOUR, set()),
    ("nodes that come and go", [running(), series(UNNEEDED, "1x200 0 1x200 0 1x200")], 10 * HOUR, set()),
    ("a node unneeded for 5 hours", [running(), series(UNNEEDED, "1x600")], 5 * HOUR, {"NodesNotRemoved"}),
]  # fmt: skip


def promtool_output(promtool: Path, folder: Path, *arguments: str) -> None:
    done = subprocess.run([promtool, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The file of rules that a PrometheusRule holds."""
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps({"groups": [alerts.rule_group("https://example.com/doctor")]}))
    return file


def test_prometheus_reads_the_rules(promtool: Path, rules: Path) -> None:
    promtool_output(promtool, rules.parent, "check", "rules", "--lint=all", "--lint-fatal", rules.name)


def test_prometheus_reads_the_queries_of_the_dashboard(promtool: Path, tmp_path: Path) -> None:
    queries = [
        query.replace("$__rate_interval", "5m") for panel in dashboard.PANELS for query in panel.queries.values()
    ]
    recorded = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    (tmp_path / "queries.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": recorded}]}))
    promtool_output(promtool, tmp_path, "check", "rules", "--lint=none", "queries.yaml")


def recorded_series() -> list[dict[str, str]]:
    """Every series that the real autoscaler exported in any recording of the newest release, growing each minute."""
    lines = {
        line.rpartition(" ")[0]
        for file in NEWEST.glob("*/metrics.txt")
        for line in file.read_text().splitlines()
        if line.startswith("cluster_autoscaler_")
    }
    # The buckets of histograms are left out of the recordings (`functionDuration` in upstream metrics/metrics.go).
    lines |= {
        f'cluster_autoscaler_function_duration_seconds_bucket{{function="main",le="{le}"}}' for le in ("1", "+Inf")
    }
    return [{"series": line, "values": "0+1x30"} for line in sorted(lines)]


def test_each_query_of_the_dashboard_has_an_answer_from_what_the_real_autoscaler_exports(
    promtool: Path, tmp_path: Path
) -> None:
    asked = [
        {
            "expr": f"count({query.replace('$__rate_interval', '5m')}) > bool 0",
            "eval_time": "20m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        for panel in dashboard.PANELS
        for query in panel.queries.values()
    ]
    file = {"tests": [{"interval": "1m", "input_series": recorded_series(), "promql_expr_test": asked}]}
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(file))
    promtool_output(promtool, tmp_path, "test", "rules", "tests.yaml")


def judged_by_grafana(grafana: Path, folder: Path, document: str) -> str:
    """What is wrong with a dashboard, a line each; empty if nothing is."""
    file = folder / "dashboard.json"
    file.write_text(document)
    done = subprocess.run([grafana, file], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (done.stderr == "")
    return done.stderr


def test_the_dashboard_satisfies_grafanas_schema(grafana: Path, tmp_path: Path) -> None:
    assert judged_by_grafana(grafana, tmp_path, dashboard.document()) == ""


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ('"schemaVersion"', '"schema"', "unexpected field 'schema'"),
        ('"gridPos"', '"position"', "unexpected field 'position'"),
        ('"placement": "bottom"', '"position": "bottom"', "placement: required field is missing"),
        ('"expr"', '"query"', "expr: required field is missing"),
    ],
)
def test_grafanas_schema_refuses_a_dashboard_that_is_wrong(
    grafana: Path, tmp_path: Path, right: str, wrong: str, message: str
) -> None:
    assert message in judged_by_grafana(grafana, tmp_path, dashboard.document().replace(right, wrong))


def test_each_alert_fires_when_it_must_and_only_then(promtool: Path, rules: Path) -> None:
    tests: list[dict[str, Any]] = []
    for name, given, minute, firing in CASES:
        expected = [{"labels": f'{{alertname="ClusterAutoscaler{alert}"}}', "value": 1} for alert in sorted(firing)]
        asked = {
            "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
            "eval_time": f"{minute}m",
            "exp_samples": expected,
        }
        tests.append({"name": name, "interval": "1m", "input_series": given, "promql_expr_test": [asked]})
    file = {"rule_files": [rules.name], "evaluation_interval": "1m", "tests": tests}
    (rules.parent / "tests.yaml").write_text(yaml.safe_dump(file))
    promtool_output(promtool, rules.parent, "test", "rules", "tests.yaml")
    assert set().union(*(firing for *_, firing in CASES)) == {
        alert.name.removeprefix("ClusterAutoscaler") for alert in alerts.ALERTS
    }
