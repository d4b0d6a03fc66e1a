"""A pod of the autoscaler that runs, seen from all sides."""

import stat
import subprocess
from pathlib import Path

import pytest

from sandbox.tests.autoscaler.making import NEWEST_IMAGE
from sandbox.tests.kubelet.installation import NAME
from sandbox.tests.kubernetes.eks import eventually


@pytest.fixture(scope="module")
def standing(whole):
    """The same for all tests that only read."""
    whole.reset()
    whole.install()
    eventually(whole.runs, 60)
    yield whole
    whole.uninstall()


def test_a_running_pod_reports_its_node_and_start_time(standing):
    (pod,) = standing.pods()
    status = pod["status"]

    assert (status["phase"], status["hostIP"]) == ("Running", status["podIP"])
    assert {c["type"]: c["status"] for c in status["conditions"]}["PodScheduled"] == "True"
    assert standing.ready()
    assert standing.container()["restartCount"] == 0
    assert standing.container()["state"]["running"]["startedAt"] >= status["startTime"]


def test_its_log_shows_that_it_is_a_stand_in(standing):
    assert (
        f"THIS IS sandbox-autoscaler, the sandbox's stand-in for Cluster Autoscaler {NEWEST_IMAGE[1:]}"
        in standing.logs()
    )
    assert "sandbox's stand-in" in standing.status()["message"]


def test_its_log_can_be_followed_and_cut(standing):
    whole = standing.logs()

    assert standing.logs(f"deployment/{NAME}", "--tail=1").count("\n") == 1
    assert len(standing.logs(f"deployment/{NAME}", "--limit-bytes=100")) == 100
    command = [standing.account.sandbox.layout.bin / "kubectl", "--kubeconfig", standing.cluster.files.admin_kubeconfig]
    words = [*command, "logs", "-n", "kube-system", "-f", f"deployment/{NAME}"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout
        for _ in range(whole.count("\n") + 3):
            assert follower.stdout.readline()
        follower.terminate()


def test_its_files_are_readable_by_the_owner_only(standing):
    (folder,) = standing.pod_folders()

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("api-token", "aws-token", "kubeconfig"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name


def test_it_gets_nothing_of_our_own_environment(standing):
    (pid,) = standing.processes()
    variables = Path(f"/proc/{pid}/environ").read_text()

    assert "AWS_SHARED_CREDENTIALS_FILE" not in variables
    assert "AWS_ACCESS_KEY_ID" not in variables
    assert "POD_NAMESPACE=kube-system" in variables
    assert f"SERVICE_ACCOUNT={NAME}" in variables
