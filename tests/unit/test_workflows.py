"""What docs/ci.md claims about the workflows, read from the workflows. What they do on GitHub, only GitHub shows."""

import re
import runpy
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yml"))}
SET_UP = "./.github/actions/set-up"
ACTION = yaml.safe_load((ROOT / SET_UP / "action.yml").read_text())
JOBS = [(f"{workflow}.{name}", job) for workflow, found in WORKFLOWS.items() for name, job in found["jobs"].items()]
PULUMI = [
    (where, position, job["steps"])
    for where, job in JOBS
    for position, step in enumerate(job.get("steps", ()))
    if step.get("uses", "").startswith("pulumi/actions@")
]


def triggers(workflow):
    """YAML reads the key `on` as true."""
    return WORKFLOWS[workflow][True]


@pytest.mark.parametrize(("where", "position", "steps"), PULUMI, ids=[where for where, *_ in PULUMI])
def test_pulumi_finds_the_python_of_the_policy_pack_first_on_path(where, position, steps):
    # policies/PulumiPolicy.yaml names no virtual environment: the language host takes python3 from PATH (its pip.go).
    assert SET_UP in [step.get("uses") for step in steps[:position]]
    commands = [step.get("run", "") for step in ACTION["runs"]["steps"]]
    assert commands.index("make setup") < commands.index('echo "$GITHUB_WORKSPACE/.venv/bin" >> "$GITHUB_PATH"')


@pytest.mark.parametrize(("where", "position", "steps"), PULUMI, ids=[where for where, *_ in PULUMI])
def test_the_pulumi_cli_has_the_version_of_the_one_file(where, position, steps):
    arguments = steps[position]["with"]
    assert arguments["pulumi-version-file"] == ".pulumi.version"
    assert "pulumi-version" not in arguments


def test_the_pinned_cli_is_the_one_that_the_tests_run():
    pinned = (ROOT / ".pulumi.version").read_text().strip()
    assert (
        f"github.com/pulumi/pulumi/pkg/v3 v{pinned}\n" in (ROOT / "sandbox" / "tools" / "pulumi" / "go.mod").read_text()
    )


def test_previews_and_deployments_run_the_policy_pack():
    with_pack = {where for where, position, steps in PULUMI if steps[position]["with"].get("policyPacks") == "policies"}
    assert with_pack == {"preview.preview", "deploy-stage.up"}


def test_an_update_and_the_drift_check_refresh_and_run_the_doctor():
    for where, position, steps in PULUMI:
        if where in ("deploy-stage.up", "drift.drift"):
            assert steps[position]["with"]["refresh"] is True, where
            assert any("python -m doctor check" in step.get("run", "") for step in steps[position + 1 :]), where


def test_no_environment_is_previewed_or_deployed_before_the_tests_passed():
    assert "test" in WORKFLOWS["preview"]["jobs"]["preview"]["needs"]
    assert "test" in WORKFLOWS["deploy"]["jobs"]["stage-1"]["needs"]
    for workflow in ("preview", "deploy", "release"):
        assert WORKFLOWS[workflow]["jobs"]["test"]["uses"] == "./.github/workflows/test.yml"


def test_each_stage_waits_for_the_one_before_it():
    jobs = WORKFLOWS["deploy"]["jobs"]
    most = runpy.run_path(str(ROOT / "scripts" / "environments.py"))["MAX_STAGES"]
    numbers = range(1, most + 1)
    assert [name for name in jobs if name.startswith("stage-")] == [f"stage-{number}" for number in numbers]
    for number in numbers:
        job, output = jobs[f"stage-{number}"], f"needs.order.outputs.stage-{number}"
        # No status function such as always() in it, so GitHub also asks that every needed job has succeeded.
        assert job["if"] == output
        assert job["with"]["matrix"] == f"${{{{ {output} }}}}"
        assert job["uses"] == "./.github/workflows/deploy-stage.yml"
        assert job["needs"] == ["order", f"stage-{number - 1}"] if number > 1 else "test" in job["needs"]
        assert f"stage-{number}" in jobs["order"]["outputs"]
    deploying = [where for where, job in JOBS if job.get("uses", "").endswith("deploy-stage.yml")]
    assert deploying == [f"deploy.stage-{number}" for number in numbers]


def test_a_pull_request_that_adds_an_environment_without_a_place_in_the_order_fails():
    commands = [step.get("run") for step in WORKFLOWS["preview"]["jobs"]["environments"]["steps"]]
    assert "python3 scripts/environments.py --stages" in commands
    assert "environments" in WORKFLOWS["preview"]["jobs"]["preview"]["needs"]


def test_a_release_comes_of_a_tag_after_all_tests_with_wheel_schema_and_changelog():
    assert triggers("release") == {"push": {"tags": ["v*"]}}
    jobs = WORKFLOWS["release"]["jobs"]
    assert jobs["test"]["with"] == {"full": True}
    assert jobs["release"]["needs"] == "test"
    commands = " ".join(step.get("run", "") for step in jobs["release"]["steps"])
    for part in ("scripts/release.py", "make wheel", "gh release create", "dist/*", "--notes-file build/notes.md"):
        assert part in commands


def test_everything_is_tested_every_night_and_before_a_release():
    full = WORKFLOWS["test"]["jobs"]["full"]
    assert "schedule" in triggers("test")
    assert "inputs.full" in full["if"]
    assert "github.event_name == 'schedule'" in full["if"]
    assert full["steps"][-2]["run"] == ".ci/run"
    assert full["steps"][-1] == {"if": "github.event_name == 'schedule'", "run": "make test-full"}


def test_the_site_is_built_with_every_run_of_the_fast_tests():
    assert "make site" in [step.get("run") for step in WORKFLOWS["test"]["jobs"]["fast"]["steps"]]


def test_actions_are_pinned_by_commit_and_name_their_version():
    for path in (*FOLDER.glob("*.yml"), *(ROOT / ".github" / "actions").rglob("*.yml")):
        for line in re.findall(r"uses: (.+)", path.read_text()):
            assert line.startswith("./") or re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), (
                path.name,
                line,
            )


def test_dependabot_watches_every_pinned_requirement_and_every_action():
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    watched = {update["package-ecosystem"]: set(update["directories"]) for update in updates}
    assert watched["github-actions"] == {"/", "/.github/actions/set-up"}
    folders = (ROOT, ROOT / "policies", ROOT / "tests")
    pinned = {
        "/" + path.parent.relative_to(ROOT).as_posix().strip(".")
        for folder in folders
        for path in folder.glob("**/requirements*.txt" if folder.name == "tests" else "requirements*.txt")
    }
    assert watched["pip"] == pinned


def test_the_page_lists_each_workflow():
    page = (ROOT / "docs" / "ci.md").read_text()
    assert set(re.findall(r"\.github/workflows/([\w-]+)\.yml\)", page)) == set(WORKFLOWS)
