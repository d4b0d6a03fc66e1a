"""The report: its schema, its exit codes, its links left out, and its three ways to be read."""

import io
import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import jsonschema
import pytest
from rich.console import Console

from doctor.checks import all_rules, examine
from doctor.errors import CannotCheckError
from doctor.findings import ExitCode, FailOn, Link, Report, Status
from doctor.fixes import lines_of
from doctor.ignoring import read_ignored, without
from doctor.owners import owner_of
from doctor.readings import Unreadable
from doctor.rendering import document, junit, text
from doctor.rendering.html import page

from . import snapshots
from .test_known_misconfigurations import PLANTS

SCHEMA = jsonschema.Draft202012Validator(document.schema())


def broken() -> Report:
    """No OIDC provider: one link broken, one behind it out of reach."""
    return examine(snapshots.crashed(snapshots.with_aws(snapshots.healthy(), oidc_provider=None)))


def out_of_reach() -> Report:
    unreadable = Unreadable("iam:SimulatePrincipalPolicy", True, "not authorized")
    return examine(snapshots.with_aws(snapshots.healthy(), decisions=unreadable))


def on_a_terminal(report: Report, width: int = 80, **options) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    with console.capture() as shown:
        text.print_report(report, console, **options)
    return shown.get()


def test_the_first_lines_are_wrapped_at_words_on_a_terminal():
    report = replace(broken(), notice="The version tables are old. " * 5)
    shown = on_a_terminal(report).splitlines()
    assert [line for line in shown[: shown.index("")] if len(line) > 80] == []
    assert text.plain(report).splitlines()[1] == report.notice


def everything(report: Report) -> str:
    return text.plain(report, everything=True)


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
    unknown_key = {**document.as_document(examine(snapshots.healthy())), "colour": "green"}
    with pytest.raises(jsonschema.ValidationError, match="colour"):
        SCHEMA.validate(unknown_key)


def test_the_schema_requires_a_fix_for_everything_broken():
    found = document.as_document(broken())
    worst = next(finding for finding in found["findings"] if finding["status"] == "broken")
    worst["fix"] = ""
    with pytest.raises(jsonschema.ValidationError):
        SCHEMA.validate(found)


def test_every_exit_code_has_its_verdict():
    reports = [examine(snapshots.healthy()), broken(), out_of_reach()]
    assert [report.exit_code for report in reports] == [0, 1, 2]
    verdicts = [document.as_document(report)["verdict"] for report in reports]
    assert verdicts == ["healthy", "broken", "could-not-check"]


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
def test_a_link_left_out_is_not_checked_and_reported_as_left_out(link: Link):
    report = examine(snapshots.healthy(), skip={link})
    assert report.of(link) == ()
    assert report.skipped == (link,)
    assert report.exit_code is ExitCode.HEALTHY
    assert {each["link"]: each["status"] for each in document.as_document(report)["links"]}[link] is None
    assert re.search(rf"^left out +{link} +--skip$", text.plain(report), re.MULTILINE)
    assert f"| {link} | left out |" in text.markdown(report)
    assert re.search(rf"left out +{link}", on_a_terminal(report))


def test_a_broken_link_that_is_left_out_breaks_nothing():
    report = examine(snapshots.with_aws(snapshots.healthy(), oidc_provider=None), skip={Link.ROLE})
    assert report.exit_code is ExitCode.HEALTHY


@pytest.mark.parametrize("show", [text.plain, text.markdown, on_a_terminal], ids=["plain", "markdown", "terminal"])
def test_each_format_shows_what_is_wrong_and_how_to_fix_it(show):
    shown = show(broken())
    assert "role.oidc-provider" in shown
    assert f"aws iam create-open-id-connect-provider --url {snapshots.ISSUER}" in shown
    assert "docs/doctor/role.md#oidc-provider" in shown
    assert "the chain is broken" in shown
    assert "cannot check this while other rules are broken: role.oidc-provider" in " ".join(shown.split())


def test_plain_lines_carry_neither_colour_nor_frame():
    assert re.fullmatch(r"[\x20-\x7e\n…]*", text.plain(broken()))


def test_markup_in_what_was_seen_is_shown_as_it_is():
    snapshot = snapshots.with_deployment(snapshots.healthy(), image="x/cluster-autoscaler:[bold]latest")
    assert "[bold]latest" in on_a_terminal(examine(snapshot), everything=True)


def test_a_healthy_cluster_takes_one_line_for_each_link():
    lines = text.plain(examine(snapshots.healthy())).splitlines()
    assert len(lines) == 1 + len(Link)
    assert all(re.fullmatch(r"ok +[a-z-]+ +\d+ ok", line) for line in lines[1:])


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.number} {plant.name}")
def test_a_terminal_shows_every_word_and_wraps_all_but_commands(plant, width):
    report = examine(plant.spoil(snapshots.healthy(plant.mode)))
    shown = on_a_terminal(report, width, everything=True)
    commands = {line for finding in report.findings for line in lines_of(finding.fix)}
    for line in shown.splitlines():
        # A word longer than the line, such as an ARN, is not cut.
        is_command = line.removeprefix("fix:").strip() in commands
        assert len(line) <= width or is_command or len(line.split()) <= 2 or line.startswith(report.cluster)
    assert shown.split() == text.plain(report, everything=True).split()


def test_each_command_of_a_fix_has_its_own_line_and_all_can_be_pasted_at_once():
    fix = "aws iam put-role-policy --policy-document '{}' && aws iam detach-role-policy --role-name scaler"
    assert lines_of(fix) == fix.replace(" && ", " &&\n").splitlines()
    assert lines_of("Read the log, then a && b") == ["Read the log, then a && b"]


def test_everything_is_shown_when_it_is_asked_for():
    report = examine(snapshots.healthy())
    shown = everything(report).splitlines()
    assert [line.split()[1].rstrip(":") for line in shown if ": " in line and line.startswith("ok")] == [
        finding.rule.id for finding in report.findings
    ]


def pending(count: int, owner: str, *, name: str = "stress", fits: bool = False, spoil=snapshots.healthy) -> Report:
    """A report on pods of one workload for which no node is added."""
    pods = [snapshots.pending_pod(name=f"{name}-{number}", owner=owner) for number in range(count)]
    events = [snapshots.refused("1 Insufficient cpu", pod.name) for pod in pods] if fits else []
    snapshot = spoil()
    kubernetes = replace(snapshot.kubernetes, pending_pods=tuple(pods), events=tuple(events))
    return examine(replace(snapshot, kubernetes=kubernetes))


def without_provider():
    return snapshots.crashed(snapshots.with_aws(snapshots.healthy(), oidc_provider=None))


OF_PODS = "pending-pods."


def test_pods_of_one_workload_that_cannot_be_checked_are_one_line():
    report = pending(10, "Deployment shop/stress", spoil=without_provider)
    shown = [line for line in text.plain(report).splitlines() if "Deployment shop/stress" in line]
    (line,) = shown
    assert "10 pods of Deployment shop/stress are pending. The doctor cannot check this while" in line
    assert text.plain(report).count("pending-pods.placed: ") == 1
    assert text.markdown(report).count("#### ❔ not reached `pending-pods.placed`") == 1
    assert page(report).count("10 pods of Deployment shop/stress are pending.") == 2


def test_pods_of_one_workload_that_fit_no_group_are_one_finding_with_an_example():
    shown = text.plain(pending(3, "Deployment shop/stress", fits=True))
    assert "3 pods of Deployment shop/stress are pending. For example, the pod shop/stress-0 is pending: 0/1" in shown
    assert "kubectl --namespace shop describe pod stress-0" in shown
    assert "stress-1" not in shown
    assert "1 broken" in shown.splitlines()[0]


def test_a_single_pod_is_named_even_if_it_cannot_be_checked():
    shown = text.plain(pending(1, "Deployment shop/stress", spoil=without_provider))
    assert "seen:        The pod shop/stress-0 is pending. The doctor cannot check this while" in shown


def test_pods_without_a_workload_or_of_another_one_stay_apart():
    alone = pending(2, "", spoil=without_provider)
    assert text.plain(alone).count("pending-pods.placed: ") == 2
    two = replace(alone, findings=(*pending(2, "Job shop/a").findings, *pending(2, "Job shop/b").findings))
    assert [f"2 pods of Job shop/{name} are pending" in text.plain(two) for name in "ab"] == [True, True]


def test_json_and_junit_have_a_finding_for_each_pod_with_its_workload():
    report = pending(3, "Deployment shop/stress", fits=True)
    found = document.as_document(report)["findings"]
    SCHEMA.validate(document.as_document(report))
    of_pods = [each for each in found if each["id"].startswith(OF_PODS)]
    assert [each["pod"] for each in of_pods] == ["shop/stress-0", "shop/stress-1", "shop/stress-2"]
    assert {each["owner"] for each in of_pods} == {"Deployment shop/stress"}
    assert all(each["pod"] in each["seen"] for each in of_pods)
    assert not [each for each in found if "pod" in each and each not in of_pods]
    cases = ElementTree.fromstring(junit.render(report, FailOn.BROKEN)).findall("testcase")
    assert len([case for case in cases if (case.get("name") or "").startswith(OF_PODS)]) == 3


@pytest.mark.parametrize(
    ("controller", "labels", "owner"),
    [
        (("ReplicaSet", "api-7c9f"), {"pod-template-hash": "7c9f"}, "Deployment shop/api"),
        (("ReplicaSet", "api-7c9f"), {}, "ReplicaSet shop/api-7c9f"),
        (("StatefulSet", "db"), {}, "StatefulSet shop/db"),
        (("", ""), {"pod-template-hash": "7c9f"}, ""),
    ],
)
def test_the_workload_of_a_pod_is_its_deployment_if_it_has_one(controller, labels, owner):
    assert owner_of("shop", controller, labels) == owner


@pytest.mark.parametrize("fail_on", FailOn)
def test_junit_has_a_test_case_for_each_finding(fail_on):
    snapshot = snapshots.with_deployment(snapshots.healthy(), pod_annotations={})
    for report in (examine(snapshot), broken()):
        suite = ElementTree.fromstring(junit.render(report, fail_on))
        cases = suite.findall("testcase")
        assert [case.get("name") for case in cases] == [finding.rule.id for finding in report.findings]
        failed = [case.get("name") for case in cases if case.find("failure") is not None]
        assert failed == [finding.rule.id for finding in report.findings if finding.status in fail_on.statuses]
        assert suite.get("failures") == str(len(failed))


def test_ignored_rules_are_left_out_and_named():
    report = without(broken(), {"role.oidc-provider": "we know"})
    assert report.ignored == ("role.oidc-provider",)
    assert "role.oidc-provider" not in {finding.rule.id for finding in report.findings}
    assert "ignored: role.oidc-provider" in text.summary(report)
    SCHEMA.validate(document.as_document(report))


KNOWN = {rule.id for rule in all_rules()}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("groups.rebalanc: why", "did you mean groups.rebalance?"),
        ("groups.rebalance:", "got no reason for groups.rebalance"),
        ("[groups.rebalance]", "got list; expected a reason for each rule"),
        ("groups.rebalance: [", "doctor-ignore.yaml"),
    ],
)
def test_a_wrong_file_of_ignored_rules_is_an_error_with_the_way_out(tmp_path, content, message):
    file = tmp_path / "doctor-ignore.yaml"
    file.write_text(content)
    with pytest.raises(CannotCheckError, match=re.escape(message)):
        read_ignored(file, KNOWN)


def test_rules_with_reasons_are_read(tmp_path):
    file = tmp_path / "doctor-ignore.yaml"
    assert read_ignored(file, KNOWN) == {}
    file.write_text("groups.rebalance: we rebalance on purpose\n")
    assert read_ignored(file, KNOWN) == {"groups.rebalance": "we rebalance on purpose"}


def test_ids_are_unique_and_well_formed():
    ids = [rule.id for rule in all_rules()]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z-]+\.[a-z0-9-]+", each) for each in ids)


def test_markdown_shows_a_command_as_code_and_other_words_as_text():
    shown = text.markdown(broken(), everything=True)
    assert "- fix: `aws iam create-open-id-connect-provider" in shown
    assert "- fix: Fix role.oidc-provider first." in shown
    assert "| `role.oidc-provider` | ❌ broken | IAM has no OIDC provider" in shown
    assert "Every check" not in text.markdown(broken())


def test_markdown_takes_nothing_of_a_cluster_for_markup_or_a_mention():
    snapshot = snapshots.with_deployment(snapshots.healthy(), image="x/cluster-autoscaler:<b>|@octocat")
    shown = text.markdown(examine(snapshot), everything=True)
    assert "&lt;b>" in shown
    assert "@octocat" not in shown
    rows = [line for line in shown.splitlines() if "octocat" in line and line.startswith("| `")]
    assert rows
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in rows)
