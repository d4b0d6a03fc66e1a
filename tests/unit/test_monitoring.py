"""Alerts and dashboard ask for metrics that the real Cluster Autoscaler exports, and link to pages that exist."""

import json
import re
from pathlib import Path

import pytest

from components.pure import alerts, dashboard
from tests.markdown import anchors

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT / "tests" / "doctor" / "recordings"
ADDED_BY_PROMETHEUS = {"instance", "pod", "le"}
NEWEST = max(RECORDINGS.glob("*/healthy"), key=lambda path: [*map(int, path.parts[-2].split("."))]).parent


def recorded():
    """Labels by name of each metric that the real autoscaler exported; of a histogram, by each of its series."""
    found = {}
    for line in [line for file in NEWEST.glob("*/metrics.txt") for line in file.read_text().splitlines()]:
        if histogram := re.fullmatch(r"# TYPE (\S+) histogram", line):
            for part in ("bucket", "count"):
                found.setdefault(f"{histogram[1]}_{part}", set())
        elif series := re.match(r"(\w+)(?:\{(.*)\})? ", line):
            found.setdefault(series[1], set()).update(re.findall(r'(\w+)="', series[2] or ""))
    for name in [each for each in found if each.endswith("_bucket")]:
        found[name] |= found[name.replace("_bucket", "_count")]
    return found


EXPORTED = recorded()
QUERIES = {
    **{alert.name: alert.expression for alert in alerts.ALERTS},
    **{f"{p.title}: {legend}": query for p in dashboard.PANELS for legend, query in p.queries.items()},
}


def labels_in(query):
    """The labels that a query matches or groups by."""
    matched = {
        label for block in re.findall(r"\{(.*?)\}", query) for label in re.findall(r'(\w+)(?:=~|!~|!=|=)"', block)
    }
    grouped = {label for block in re.findall(r"(?:by|without) \((.*?)\)", query) for label in re.findall(r"\w+", block)}
    return matched | grouped


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_every_metric_and_label_of_a_query_is_one_of_the_real_autoscaler(query):
    names = set(re.findall(r"cluster_autoscaler_\w+", query))
    assert names
    assert names <= EXPORTED.keys()
    assert labels_in(query) <= set().union(*(EXPORTED[name] for name in names)) | ADDED_BY_PROMETHEUS


@pytest.mark.parametrize("panel", dashboard.PANELS, ids=lambda panel: panel.title)
def test_a_legend_shows_labels_that_its_query_keeps(panel):
    for legend, query in panel.queries.items():
        shown = set(re.findall(r"\{\{(\w+)\}\}", legend))
        kept = {label for block in re.findall(r"by \((.*?)\)", query) for label in re.findall(r"\w+", block)}
        assert shown <= kept


@pytest.mark.parametrize("alert", alerts.ALERTS, ids=lambda alert: alert.name)
def test_an_alert_shows_labels_that_its_expression_keeps(alert):
    shown = set(re.findall(r"\$labels\.(\w+)", alert.summary + alert.description))
    dropped = {label for block in re.findall(r"without \((.*?)\)", alert.expression) for label in block.split(", ")}
    kept = set().union(*(EXPORTED[name] for name in re.findall(r"cluster_autoscaler_\w+", alert.expression))) - dropped
    assert shown <= kept


@pytest.mark.parametrize("alert", alerts.ALERTS, ids=lambda alert: alert.name)
def test_a_runbook_is_a_section_of_the_doctors_pages(alert):
    page, _, anchor = alert.runbook.partition("#")
    assert anchor in anchors(ROOT / "docs" / "doctor" / page)


def test_the_rule_group_links_to_the_runbooks_that_were_asked_for():
    (first, *_) = alerts.rule_group("https://example.com/doctor/")["rules"]
    assert first["annotations"]["runbook_url"] == "https://example.com/doctor/autoscaler.md#fresh"


def test_the_dashboard_is_json_whose_panels_do_not_overlap():
    made = json.loads(dashboard.document())
    (source,) = made["templating"]["list"]
    cells = set()
    for panel in made["panels"]:
        place = panel["gridPos"]
        covered = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not covered & cells
        assert max(x for x, _ in covered) < 24
        cells |= covered
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {f"${{{source['name']}}}"}
    assert len({panel["id"] for panel in made["panels"]}) == len(made["panels"]) == len(dashboard.PANELS)


def test_the_page_names_every_alert_with_its_severity_and_runbook():
    rows = re.findall(
        r"^\| `(\w+)` \| (\w+) \| .* \| \[.*\]\(doctor/(\S+)\) \|$", (ROOT / "docs" / "monitoring.md").read_text(), re.M
    )
    assert sorted(rows) == sorted((alert.name, alert.severity, alert.runbook) for alert in alerts.ALERTS)
