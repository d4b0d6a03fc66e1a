"""One issue about drift: opened, brought up to date, closed; with gh played by a program that notes what is asked."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scripts import drift_issue

RUN = "https://example.com/runs/7"
GH = """
import json, os, sys

with open(os.environ["ASKED"], "a") as asked:
    asked.write(json.dumps([sys.argv[1:], sys.stdin.read()]) + "\\n")
if sys.argv[1:3] == ["issue", "list"]:
    print(os.environ["OPEN"])
"""


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "dev.ok.md").write_text("### Healthy: all is well\n")
    return folder


@pytest.fixture
def keep(tmp_path, reports):
    """Run the script; what it asked of gh, each with its input."""
    fake, asked = tmp_path / "bin" / "gh", tmp_path / "asked"
    fake.parent.mkdir()
    fake.write_text(f"#!{sys.executable}\n{GH}")
    fake.chmod(0o755)

    def run(open_issues):
        environment = {
            "PATH": f"{fake.parent}:{os.environ['PATH']}",
            "ASKED": str(asked),
            "OPEN": json.dumps(open_issues),
        }
        script = Path(drift_issue.__file__)
        subprocess.run([sys.executable, script, str(reports), RUN], env=environment, check=True)
        return [json.loads(line) for line in asked.read_text().splitlines()][1:]

    return run


def test_nothing_is_asked_for_while_all_is_well(keep):
    assert keep([]) == []


def test_the_first_difference_opens_an_issue(keep, reports):
    (reports / "prod.md").write_text("### Broken: prod\n")
    label, (words, text) = keep([])
    assert label[0][:3] == ["label", "create", "drift"]
    assert words[:2] == ["issue", "create"]
    assert "## prod\n\n### Broken: prod" in text
    assert "Without drift: dev." in text
    assert RUN in text


def test_the_open_issue_is_brought_up_to_date(keep, reports):
    (reports / "prod.md").write_text("### Broken: prod\n")
    ((words, text),) = keep([{"number": 12}, {"number": 9}])
    assert words == ["issue", "edit", "9", "--body-file", "-"]
    assert "### Broken: prod" in text


def test_the_issue_is_closed_when_nothing_is_left(keep):
    ((words, _),) = keep([{"number": 9}])
    assert words == ["issue", "close", "9", "--comment", f"No environment has drifted: {RUN}"]


def test_long_reports_are_cut_between_lines_and_none_is_lost(reports):
    for name in ("a", "b", "c"):
        (reports / f"{name}.md").write_text(f"### Broken: {name}\n<details>\n" + "| a row of the table |\n" * 3000)
    text = drift_issue.body(reports, RUN)
    assert len(text) <= drift_issue.LARGEST
    assert all(f"### Broken: {name}" in text for name in ("a", "b", "c"))
    assert text.count("<details>") == text.count("</details>") == 3
    assert text.count("The report is longer: see the run.") == 3


def test_without_a_difference_there_is_no_text(reports):
    assert drift_issue.body(reports, RUN) == ""


DRIFT = yaml.safe_load((Path(drift_issue.__file__).parents[1] / ".github" / "workflows" / "drift.yml").read_text())


@pytest.mark.parametrize(
    ("refresh", "doctor", "file"),
    [
        ("success", "success", "prod.ok.md"),
        ("failure", "success", "prod.md"),
        ("success", "failure", "prod.md"),
        ("failure", "skipped", "prod.md"),
        ("", "", "prod.md"),
    ],
)
def test_the_job_writes_the_report_by_which_the_script_knows_the_environment(tmp_path, refresh, doctor, file):
    (step,) = [each for each in DRIFT["jobs"]["drift"]["steps"] if each.get("name") == "report"]
    summary = tmp_path / "summary"
    if doctor in ("success", "failure"):
        (tmp_path / "doctor.md").write_text("### Broken: prod\n")
    environment = {"STACK": "prod", "REFRESH": refresh, "DOCTOR": doctor, "GITHUB_STEP_SUMMARY": str(summary)}
    subprocess.run(
        ["bash", "-e", "-c", step["run"]], cwd=tmp_path, env={"PATH": os.environ["PATH"], **environment}, check=True
    )
    (written,) = (tmp_path / "reports").iterdir()
    assert written.name == file
    assert summary.read_text() == written.read_text()
    assert ("### Broken: prod" in written.read_text()) == (doctor in ("success", "failure"))
    assert bool(drift_issue.body(tmp_path / "reports", RUN)) == (not file.endswith(".ok.md"))


def test_the_job_that_writes_issues_has_no_cloud_and_the_one_with_the_cloud_writes_none():
    issue, drift = DRIFT["jobs"]["issue"], DRIFT["jobs"]["drift"]
    assert issue["permissions"] == {"contents": "read", "issues": "write"}
    assert "environment" not in issue
    assert not any("aws-actions" in step.get("uses", "") for step in issue["steps"])
    assert drift["permissions"] == {"contents": "read", "id-token": "write"}
    (check,) = [step["run"] for step in drift["steps"] if "python -m doctor check" in step.get("run", "")]
    assert "--all --markdown" in check
