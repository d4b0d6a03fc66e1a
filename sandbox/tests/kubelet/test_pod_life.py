"""What a pod of the autoscaler goes through, from its first status to its end."""

import json
import os

import pytest

from sandbox.tests.kubelet.installation import NAME
from sandbox.tests.kubernetes.eks import eventually


@pytest.fixture
def installed(installation):
    installation.install()
    eventually(installation.runs, 60)
    return installation


def test_a_deleted_pod_ends_in_order_and_leaves_nothing(installed):
    (pid,) = installed.processes()
    installed.uninstall()

    assert installed.processes() == set()
    assert installed.pod_folders() == []
    assert installed.status() == {}, "it removes its status when it is asked to stop"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_unknown_flag_is_a_crash_loop_with_exit_code_2(installation):
    installation.install({"max-empty-bulk-delete": "5"})
    eventually(lambda: installation.container().get("restartCount", 0) >= 2)

    assert installation.container()["lastState"]["terminated"]["exitCode"] == 2
    assert installation.container()["lastState"]["terminated"]["reason"] == "Error"
    eventually(lambda: installation.container()["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff")
    assert not installation.ready()
    assert "unknown flag: --max-empty-bulk-delete" in installation.logs()
    (pod,) = installation.pods()
    assert "unknown flag: --max-empty-bulk-delete" in installation.logs(pod["metadata"]["name"], "--previous")


def test_an_image_that_was_never_published_cannot_be_pulled(installation):
    installation.install(image={"tag": "v1.36.99"})
    waiting = eventually(lambda: installation.container().get("state", {}).get("waiting"))

    assert waiting["reason"] == "ErrImagePull"
    assert "v1.36.99" in waiting["message"]
    assert installation.pods()[0]["status"]["phase"] == "Pending"


def test_of_two_replicas_one_leads_and_the_other_takes_over(installation):
    installation.install({"leader-elect-lease-duration": "4s", "leader-elect-renew-deadline": "3s"}, replicaCount=2)
    eventually(lambda: len(installation.processes()) == 2 and installation.runs(), 60)

    def leader():
        leases = installation.cluster.objects("leases", "-n", "kube-system", f"--field-selector=metadata.name={NAME}")
        return leases[0]["spec"]["holderIdentity"]

    first = leader()
    (second,) = {pod["metadata"]["name"] for pod in installation.pods()} - {first}
    assert "Successfully acquired lease" in installation.logs(first)
    assert "Successfully acquired lease" not in installation.logs(second)
    installation.cluster.kubectl("delete", "pod", "-n", "kube-system", first)
    eventually(lambda: leader() != first)


def test_pods_survive_their_kubelet_as_restarted_containers(installed):
    sandbox = installed.account.sandbox
    sandbox.stop("kubelet")
    assert installed.processes() == set()

    sandbox.start("kubelet")
    eventually(lambda: installed.container()["restartCount"] == 1)
    eventually(lambda: len(installed.processes()) == 1)


def test_an_autoscaler_without_kubelet_does_not_live_on(installed):
    sandbox = installed.account.sandbox
    record = json.loads((sandbox.layout.run / "kubelet.json").read_text())
    os.kill(record["pid"], 9)

    eventually(lambda: installed.processes() == set())
    sandbox.start("kubelet")
    eventually(lambda: len(installed.processes()) == 1)


def test_with_its_instance_a_pod_is_gone_and_comes_up_on_the_next(installed):
    (pod,) = installed.pods()
    (instance,) = installed.group()["Instances"]
    installed.autoscaling.terminate_instance_in_auto_scaling_group(
        InstanceId=instance["InstanceId"], ShouldDecrementDesiredCapacity=False
    )

    eventually(lambda: pod["metadata"]["uid"] not in [other["metadata"]["uid"] for other in installed.pods()])
    eventually(lambda: installed.ready(), 60)
    assert len(installed.processes()) == 1
