"""What a pod of the autoscaler goes through, from its first status to its end."""

import json
import os
import stat
from pathlib import Path

import pytest

from tests.sandbox.kubelet.installation import NAME, Installation
from tests.sandbox.kubernetes.eks import eventually


def pod_folders(installation: Installation) -> list[Path]:
    return sorted(Path(installation.cluster.files.folder, "pods").glob("*"))


def processes(installation: Installation) -> set[int]:
    """The autoscalers of the cluster that run on this machine."""
    folder = str(installation.cluster.files.folder)
    listed = installation.account.sandbox.run(["ps", "-eo", "pid=,args="]).splitlines()
    return {int(line.split()[0]) for line in listed if "sandbox.autoscaler" in line and folder in line}


def ready(installation: Installation) -> bool:
    pods = installation.pods()
    conditions = [c for pod in pods for c in pod["status"].get("conditions", ()) if c["type"] == "Ready"]
    return bool(pods) and all(c["status"] == "True" for c in conditions) and bool(conditions)


@pytest.fixture
def installed(installation):
    installation.install()
    eventually(installation.runs, 60)
    return installation


def test_a_running_pod_says_where_and_since_when(installed):
    (pod,) = installed.pods()
    status = pod["status"]

    assert (status["phase"], status["hostIP"]) == ("Running", status["podIP"])
    assert {c["type"]: c["status"] for c in status["conditions"]}["PodScheduled"] == "True"
    assert ready(installed)
    assert installed.container()["restartCount"] == 0
    assert installed.container()["state"]["running"]["startedAt"] >= status["startTime"]


def test_its_log_says_loudly_that_it_is_a_stand_in(installed):
    assert "THIS IS sandbox-autoscaler, the sandbox's stand-in for Cluster Autoscaler 1.36.1" in installed.logs()
    assert "sandbox's stand-in" in installed.status()["message"]


def test_its_files_are_for_nobody_else(installed):
    (folder,) = pod_folders(installed)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("api-token", "aws-token", "kubeconfig"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name


def test_it_gets_nothing_of_our_own_environment(installed):
    (pid,) = processes(installed)
    variables = Path(f"/proc/{pid}/environ").read_text()

    assert "AWS_SHARED_CREDENTIALS_FILE" not in variables
    assert "AWS_ACCESS_KEY_ID" not in variables
    assert "POD_NAMESPACE=kube-system" in variables
    assert f"SERVICE_ACCOUNT={NAME}" in variables


def test_a_deleted_pod_ends_in_order_and_leaves_nothing(installed):
    (pid,) = processes(installed)
    installed.uninstall()

    assert processes(installed) == set()
    assert pod_folders(installed) == []
    assert installed.status() == {}, "it removes its status when it is asked to stop"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_unknown_flag_is_a_crash_loop_with_exit_code_2(installation):
    installation.install({"max-empty-bulk-delete": "5"})
    eventually(lambda: installation.container().get("restartCount", 0) >= 2)

    assert installation.container()["lastState"]["terminated"]["exitCode"] == 2
    assert installation.container()["lastState"]["terminated"]["reason"] == "Error"
    eventually(lambda: installation.container()["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff")
    assert not ready(installation)
    assert "unknown flag: --max-empty-bulk-delete" in installation.logs()


def test_an_image_that_was_never_published_cannot_be_pulled(installation):
    installation.install(image={"tag": "v1.36.99"})
    waiting = eventually(lambda: installation.container().get("state", {}).get("waiting"))

    assert waiting["reason"] == "ErrImagePull"
    assert "v1.36.99" in waiting["message"]
    assert installation.pods()[0]["status"]["phase"] == "Pending"


def test_of_two_replicas_one_leads_and_the_other_takes_over(installation):
    installation.install({"leader-elect-lease-duration": "4s", "leader-elect-renew-deadline": "3s"}, replicaCount=2)
    eventually(lambda: len(processes(installation)) == 2 and installation.runs(), 60)

    def leader():
        leases = installation.cluster.objects("leases", "-n", "kube-system", f"--field-selector=metadata.name={NAME}")
        return leases[0]["spec"]["holderIdentity"]

    first = leader()
    assert first in {pod["metadata"]["name"] for pod in installation.pods()}
    installation.cluster.kubectl("delete", "pod", "-n", "kube-system", first)
    eventually(lambda: leader() != first)


def test_pods_survive_their_kubelet_as_restarted_containers(installed):
    sandbox = installed.account.sandbox
    sandbox.stop("kubelet")
    assert processes(installed) == set()

    sandbox.start("kubelet")
    eventually(lambda: installed.container()["restartCount"] == 1)
    eventually(lambda: len(processes(installed)) == 1)


def test_an_autoscaler_without_kubelet_does_not_live_on(installed):
    sandbox = installed.account.sandbox
    record = json.loads((sandbox.layout.run / "kubelet.json").read_text())
    os.kill(record["pid"], 9)

    eventually(lambda: processes(installed) == set())
    sandbox.start("kubelet")
    eventually(lambda: len(processes(installed)) == 1)


def test_with_its_instance_a_pod_is_gone_and_comes_up_on_the_next(installed):
    (pod,) = installed.pods()
    (instance,) = installed.group()["Instances"]
    installed.autoscaling.terminate_instance_in_auto_scaling_group(
        InstanceId=instance["InstanceId"], ShouldDecrementDesiredCapacity=False
    )

    def elsewhere():
        pods = installed.pods()
        return [one["spec"].get("nodeName") for one in pods] not in ([None], [pod["spec"]["nodeName"]]) and ready(
            installed
        )

    eventually(elsewhere, 60)
    assert len(processes(installed)) == 1
