"""What a reviewer reads of a preview."""

import io
import runpy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "preview_report.py"))


def step(op, name, type_="aws:eks/nodeGroup:NodeGroup", **more):
    return {"op": op, "urn": f"urn:pulumi:dev::project::parent:index:Parent${type_}::{name}", **more}


def test_nothing_to_do_is_said_in_two_words():
    assert "No change." in SCRIPT["report"]("dev", {"steps": [step("same", "general")]})


def test_what_is_destroyed_is_told_first_and_loudly():
    text = SCRIPT["report"](
        "dev",
        {
            "steps": [
                step("create", "new"),
                step("replace", "general", replaceReasons=["instanceTypes"]),
                step("create-replacement", "general"),
                step("delete", "old"),
            ]
        },
    )
    assert "**2 of these changes destroy something:** `general` (replace), `old` (delete)" in text
    assert text.index("± **replace**") < text.index("+ create")
    assert "| ± **replace** | `general` | `aws:eks/nodeGroup:NodeGroup` | `instanceTypes` |" in text
    assert "1 to replace, 1 to delete, 1 to create." in text


def test_an_update_names_what_changes_and_raises_no_alarm():
    text = SCRIPT["report"]("dev", {"steps": [step("update", "general", diffReasons=["scalingConfig"])]})
    assert "CAUTION" not in text
    assert "`scalingConfig`" in text


def test_warnings_of_the_program_are_kept():
    text = SCRIPT["report"](
        "dev",
        {
            "steps": [step("create", "a")],
            "diagnostics": [{"severity": "warning", "message": "credentials: nodeRole\n"}],
        },
    )
    assert "- **warning**: credentials: nodeRole" in text


@given(st.text(max_size=40))
def test_what_is_no_preview_gets_one_line_and_no_traceback(text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO(text))
        assert SCRIPT["main"]() in (0, 2)
