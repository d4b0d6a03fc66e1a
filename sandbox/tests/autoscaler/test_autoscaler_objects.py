"""What is read from the objects of the Kubernetes API."""

from datetime import UTC, datetime
from decimal import Decimal

from sandbox.autoscaler.objects import Node, Pod, Taint


def a_pod(spec=None, **more):
    return Pod.of({"metadata": {"name": "p", "namespace": "n", **more.pop("metadata", {})}, "spec": spec, **more})


def container(cpu, **more):
    return {"name": "c", "resources": {"requests": {"cpu": cpu}}, **more}


def test_a_node_is_read_with_what_the_decisions_need():
    node = Node.of(
        {
            "metadata": {"name": "a", "labels": {"x": "y"}, "creationTimestamp": "2026-01-02T03:04:05Z"},
            "spec": {"providerID": "aws:///us-east-1a/i-1", "taints": [{"key": "k", "effect": "NoSchedule"}]},
            "status": {
                "allocatable": {"cpu": "1930m", "memory": "1Gi", "pods": "29"},
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        }
    )

    assert node.instance == "i-1"
    assert node.taints == (Taint("k", "", "NoSchedule"),)
    assert node.allocatable == {"cpu": Decimal("1.93"), "memory": 1024**3, "pods": 29}
    assert node.ready
    assert node.created == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_node_without_a_ready_condition_is_not_ready():
    assert not Node.of({"metadata": {"name": "a"}}).ready


def test_containers_and_sidecars_add_up_and_an_init_container_counts_when_it_needs_more():
    def requests(init_cpu):
        sidecar = container("50m", restartPolicy="Always")
        spec = {"containers": [container("100m"), container("200m")], "initContainers": [sidecar, container(init_cpu)]}
        return a_pod(spec | {"overhead": {"cpu": "10m"}}).requests

    assert requests("1")["cpu"] == Decimal("1.06")
    assert requests("10m") == {"cpu": Decimal("0.36"), "pods": 1}


def test_a_pod_is_unschedulable_only_by_the_schedulers_word():
    def judged(reason, status="False"):
        condition = {"type": "PodScheduled", "status": status, "reason": reason}
        return a_pod({"containers": []}, status={"conditions": [condition]}).unschedulable

    assert judged("Unschedulable")
    assert not judged("SchedulingGated")
    assert not judged("Unschedulable", status="True")


def test_its_controller_owns_a_pod():
    owners = [{"kind": "Other", "controller": False}, {"kind": "DaemonSet", "controller": True}]
    pod = a_pod({"containers": []}, metadata={"ownerReferences": owners})

    assert pod.owner == "DaemonSet"
    assert pod.stays_with_its_node


def test_volumes_whose_data_would_be_lost_are_local():
    volumes = [
        {"name": "scratch", "emptyDir": {}},
        {"name": "memory", "emptyDir": {"medium": "Memory"}},
        {"name": "host", "hostPath": {"path": "/"}},
        {"name": "config", "configMap": {"name": "c"}},
    ]

    assert a_pod({"containers": [], "volumes": volumes}).local_volumes == {"scratch", "host"}


def test_demands_that_cannot_be_judged_are_named():
    spec = {
        "containers": [{"name": "c", "ports": [{"hostPort": 80}]}],
        "affinity": {
            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]},
            "podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{}]},
        },
        "topologySpreadConstraints": [{"whenUnsatisfiable": "DoNotSchedule"}],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}],
    }

    assert a_pod(spec).unsupported == (
        "affinity.podAntiAffinity",
        "topologySpreadConstraints",
        "volumes.persistentVolumeClaim",
        "containers.ports.hostPort",
    )


def test_a_mere_preference_is_no_demand():
    spread = {"whenUnsatisfiable": "ScheduleAnyway"}

    assert a_pod({"containers": [], "topologySpreadConstraints": [spread]}).unsupported == ()


def test_the_pod_of_a_daemon_set_comes_from_its_template():
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [container("5m")], "nodeSelector": {"x": "y"}},
    }
    pod = Pod.of_daemon_set({"metadata": {"name": "d", "namespace": "kube-system"}, "spec": {"template": template}})

    assert pod.key == "kube-system/d"
    assert pod.requests["cpu"] == Decimal("0.005")
    assert pod.node_selector == {"x": "y"}
    assert pod.stays_with_its_node
