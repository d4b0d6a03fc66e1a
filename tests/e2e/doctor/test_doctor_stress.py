"""A stress test goes up and comes back on a living cluster; whenever it is killed, nothing is left behind."""

import shlex
import signal
import subprocess

import pytest

from tests.e2e.doctor.commands import PATIENCE, Doctor, Traces
from tests.markdown import executed_by

STEPS = ("failed-scheduling", "triggered-scale-up", "desired-up", "node-ready", "pods-running")
GENEROUS = [f"--budget={step}=5m" for step in (*STEPS, "scaled-down")]
"""The machine that runs these tests may be busy with much else."""


def documented(page: str) -> list[str]:
    """The command that a page of the documentation shows, from the command's name on; the test names the stack."""
    (block,) = [block for block in executed_by("test_doctor_stress") if block.page.name == page]
    python, _, module, *words = shlex.split(block.text)
    assert (python, module) == ("python", "doctor")
    return words


def test_it_goes_up_and_comes_back(doctor: Doctor, traces: Traces) -> None:
    result = doctor.run(*documented("whoami-and-stress.md"), "--json", *GENEROUS)
    assert result.code == 0, result.out + result.err
    outcome = result.document
    assert [each["status"] for each in outcome["steps"]] == ["done"] * 6
    assert outcome["plan"]["fits"] < outcome["plan"]["replicas"] == sum(each["stressPods"] for each in outcome["nodes"])
    assert any(each["new"] for each in outcome["nodes"])
    scheduling = outcome["steps"][0]["seen"]
    assert "Insufficient cpu" in scheduling or "Too many pods" in scheduling


def test_a_group_at_zero_scales_up_for_pods_that_tolerate_its_taint(doctor: Doctor, traces: Traces) -> None:
    settings = ("--replicas=2", "--cpu=500m")
    result = doctor.run(*documented("scaling.md"), "--json", "--no-scale-down", *settings, *GENEROUS)
    assert result.code == 0, result.out + result.err
    assert "batch" in result.document["plan"]["groups"][0]


@pytest.mark.parametrize(
    ("step", "number"),
    # Before a node is added, while one is added, and after. `tests/doctor/test_stress_run.py` interrupts every step.
    [
        ("the start", signal.SIGTERM),
        ("desired-up", signal.SIGINT),
        pytest.param("pods-running", signal.SIGTERM, marks=pytest.mark.full),
    ],
)
def test_an_end_at_any_time_leaves_nothing(doctor: Doctor, traces: Traces, step: str, number: signal.Signals) -> None:
    process = doctor.start("stress", *GENEROUS)
    result = _until(process, "pods of" if step == "the start" else f"{step}:")
    process.send_signal(number)
    out, rest = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + number, result + out + rest
    assert "the pods are removed" in rest
    assert traces.objects() == []


@pytest.mark.full
def test_what_a_killed_run_leaves_is_noticed_and_cleaned(doctor: Doctor, traces: Traces) -> None:
    process = doctor.start("stress", *GENEROUS)
    _until(process, "failed-scheduling:")
    process.kill()
    process.communicate()
    assert traces.objects()
    again = doctor.run("stress")
    assert again.code == 2
    assert "--clean" in again.err
    cleaned = doctor.run("stress", "--clean")
    assert cleaned.code == 0, cleaned.err
    assert traces.objects() == []


def test_dangerous_settings_are_refused_before_anything_is_made(doctor: Doctor, traces: Traces) -> None:
    result = doctor.run("stress", "--namespace", "kube-system")
    assert result.code == 2
    assert "--yes" in result.err
    assert traces.objects() == []


def _until(process: "subprocess.Popen[str]", words: str) -> str:
    """Read its progress until some words come."""
    assert process.stderr
    result = ""
    for line in process.stderr:
        result += line
        if words in line:
            return result
    raise AssertionError(f"it ended without {words!r}: {result}")
