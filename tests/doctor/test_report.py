"""The report: its schema, its exit codes, its links left out, and its three ways to be read."""

import io
import json
import re

import jsonschema
import pytest
from rich.console import Console

from doctor.checks import all_rules, examine
from doctor.findings import ExitCode, Link, Report, Status
from doctor.readings import Unreadable
from doctor.rendering import document, text

from . import snapshots
from .test_known_misconfigurations import PLANTS

SCHEMA = jsonschema.Draft202012Validator(document.schema())


def broken() -> Report:
    """No OIDC provider: one link broken, one behind it out of reach."""
    return examine(snapshots.crashed(snapshots.with_aws(snapshots.healthy(), oidc_provider=None)))


def out_of_reach() -> Report:
    unreadable = Unreadable("iam:SimulatePrincipalPolicy", True, "not authorized")
    return examine(snapshots.with_aws(snapshots.healthy(), decisions=unreadable))


def shown_as_table(report: Report) -> str:
    console = Console(width=200, file=io.StringIO(), force_terminal=True, color_system=None)
    with console.capture() as shown:
        text.print_table(report, console)
    return shown.get()


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(document.schema())


@pytest.mark.parametrize("mode", snapshots.MODES)
def test_the_report_of_a_healthy_cluster_follows_the_schema(mode):
    SCHEMA.validate(document.as_document(examine(snapshots.healthy(mode))))


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.number} {plant.name}")
def test_the_report_of_each_misconfiguration_follows_the_schema(plant):
    report = examine(plant.spoil(snapshots.healthy(plant.mode)))
    SCHEMA.validate(json.loads(document.render(report)))


def test_the_schema_refuses_what_is_not_described():
    stranger = {**document.as_document(examine(snapshots.healthy())), "colour": "green"}
    with pytest.raises(jsonschema.ValidationError, match="colour"):
        SCHEMA.validate(stranger)


def test_the_schema_wants_a_mending_for_everything_broken():
    found = document.as_document(broken())
    worst = next(finding for finding in found["findings"] if finding["status"] == "broken")
    worst["fix"] = ""
    with pytest.raises(jsonschema.ValidationError):
        SCHEMA.validate(found)


def test_every_exit_code_has_its_verdict():
    reports = [examine(snapshots.healthy()), broken(), out_of_reach()]
    assert [report.exit_code for report in reports] == [0, 1, 2]
    verdicts = [document.as_document(report)["verdict"] for report in reports]
    assert verdicts == ["healthy", "broken", "could-not-look"]


def test_what_is_broken_weighs_more_than_what_is_out_of_reach():
    snapshot = snapshots.with_aws(snapshots.healthy(), oidc_provider=None, decisions=Unreadable("iam:X", True, "no"))
    assert examine(snapshot).exit_code is ExitCode.BROKEN


def test_a_warning_is_healthy():
    snapshot = snapshots.with_deployment(snapshots.healthy(), pod_annotations={})
    report = examine(snapshot)
    assert report.verdict(Link.POD) is Status.WARNING
    assert report.exit_code is ExitCode.HEALTHY


def test_the_links_of_the_document_are_the_chain():
    links = document.as_document(broken())["links"]
    assert [each["link"] for each in links] == [link.value for link in Link]
    statuses = {each["link"]: each["status"] for each in links}
    assert (statuses["pod"], statuses["role"], statuses["autoscaler"]) == ("ok", "broken", "not-reached")


@pytest.mark.parametrize("link", Link)
def test_a_link_left_out_is_not_looked_at_and_said_to_be_left_out(link: Link):
    report = examine(snapshots.healthy(), skip={link})
    assert report.of(link) == ()
    assert report.skipped == (link,)
    assert report.exit_code is ExitCode.HEALTHY
    assert {each["link"]: each["status"] for each in document.as_document(report)["links"]}[link] is None
    assert f"skipped      {link}" in text.plain(report).splitlines()
    assert f"| {link} | left out |" in text.markdown(report)
    assert re.search(rf"{link}\s+.?\s*left out", shown_as_table(report))


def test_a_broken_link_that_is_left_out_breaks_nothing():
    report = examine(snapshots.with_aws(snapshots.healthy(), oidc_provider=None), skip={Link.ROLE})
    assert report.exit_code is ExitCode.HEALTHY


@pytest.mark.parametrize("show", [text.plain, text.markdown, shown_as_table], ids=["plain", "markdown", "table"])
def test_each_way_to_read_it_says_what_is_wrong_and_what_mends_it(show):
    shown = show(broken())
    assert "role.oidc-provider" in shown
    assert f"aws iam create-open-id-connect-provider --url {snapshots.ISSUER}" in shown
    assert "docs/doctor/role.md#oidc-provider" in shown
    assert "the chain is broken" in shown
    assert "Cannot be judged while these are broken: role.oidc-provider" in shown


def test_plain_lines_carry_neither_colour_nor_frame():
    assert re.fullmatch(r"[\x20-\x7e\n…]*", text.plain(broken()))


def test_markup_in_what_was_seen_is_shown_as_it_is():
    snapshot = snapshots.with_deployment(snapshots.healthy(), image="x/cluster-autoscaler:[bold]latest")
    assert "[bold]latest" in shown_as_table(examine(snapshot))


def test_ids_are_unique_and_well_formed():
    ids = [rule.id for rule in all_rules()]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z-]+\.[a-z0-9-]+", each) for each in ids)
