"""The debug pod of `whoami` is removed in any case. No container runs here, so that it never answers is the case."""

import signal

from tests.sandbox.doctor.commands import PATIENCE, Doctor, Traces, wait_for


def test_a_pod_that_never_answers_is_told_and_removed(doctor: Doctor, traces: Traces) -> None:
    told = doctor.run("whoami", "--in-pod", "--timeout", "3", "--json")
    assert told.code == 1, told.out + told.err
    assert told.document["session"]["name"] == "ca-doctor"
    assert "after 3 s it was still" in told.document["inPod"]["said"]
    assert traces.objects() == []


def test_a_pod_is_removed_when_the_command_is_ended(doctor: Doctor, traces: Traces) -> None:
    process = doctor.start("whoami", "--in-pod")
    wait_for("the debug pod", traces.objects)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143, err
    assert traces.objects() == []
