"""The debug pod of `whoami` shows who it is, and is removed in any case."""

import signal

from tests.e2e.doctor.commands import PATIENCE, Doctor, Traces, wait_for
from tests.e2e.program.stack import Stack

SILENT = "registry.example.com/tools/silent:1"
"""An image whose containers do nothing here."""


def test_a_pod_of_the_same_service_account_has_the_role(doctor: Doctor, stack: Stack, traces: Traces) -> None:
    result = doctor.run("whoami", "--in-pod", "--json")
    assert result.code == 0, result.out + result.err
    role = stack.outputs()["roleArn"].rpartition("/")[2]
    assert result.document["inPod"]["arn"].startswith(f"arn:aws:sts::123456789012:assumed-role/{role}/")
    assert traces.objects() == []


def test_a_pod_that_never_answers_is_reported_and_removed(doctor: Doctor, traces: Traces) -> None:
    result = doctor.run("whoami", "--in-pod", "--image", SILENT, "--timeout", "3", "--json")
    assert result.code == 1, result.out + result.err
    assert result.document["session"]["name"] == "ca-doctor"
    assert "after 3 s the pod was still" in result.document["inPod"]["error"]
    assert traces.objects() == []


def test_a_pod_is_removed_when_the_command_is_ended(doctor: Doctor, traces: Traces) -> None:
    process = doctor.start("whoami", "--in-pod", "--image", SILENT)
    wait_for("the debug pod", traces.objects)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143, err
    assert traces.objects() == []
