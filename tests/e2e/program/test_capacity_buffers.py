"""Headroom by CapacityBuffers: definition, rights, flags and buffers come in this order and go in the other.

The API server and the Kubernetes provider are real. The stand-in of Cluster Autoscaler does nothing with buffers; with
``CLUSTER_AUTOSCALER_BIN`` the real one answers, and the nodes that it adds are counted too.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client

from components.pure import capacity_buffers
from sandbox.tests.harness import Sandbox
from tests.e2e.program.stack import Stack
from tests.e2e.program.test_scaling import Workload

pytestmark = pytest.mark.full

REAL = bool(os.environ.get("CLUSTER_AUTOSCALER_BIN"))
BUFFER = {"name": "burst", "kind": "CapacityBuffer", "cpu": "1200m", "memory": "256Mi", "replicas": 4}
"""One for each of the two nodes that run, and two that need a node: the maximum of the group is four."""


@pytest.fixture
def workload(sandbox: Sandbox, stack: Stack) -> Iterator[Workload]:
    made = Workload(sandbox, stack)
    yield made
    made.stop()
    stack.up()
    made.wait_for("the nodes to go again", lambda: made.desired() == 2 and made.nodes() == 2)


def with_buffers(stack: Stack, **capacity_buffers: bool) -> dict[str, Any]:
    """Settings with one buffer."""
    return {"headroom": [BUFFER], "autoscaler": {**stack.get("autoscaler"), "capacityBuffers": capacity_buffers}}


def definitions(workload: Workload) -> list[str]:
    found = client.ApiextensionsV1Api(workload.core.api_client).list_custom_resource_definition().items
    return [each.metadata.name for each in found if each.metadata.name == capacity_buffers.DEFINITION]


def buffer(workload: Workload) -> Any:
    group, version = capacity_buffers.API_VERSION.split("/")
    objects = client.CustomObjectsApi(workload.core.api_client)
    return objects.get_namespaced_custom_object(
        group, version, "kube-system", capacity_buffers.PLURAL, "headroom-burst"
    )


def may(workload: Workload, verb: str, resource: str, *options: str) -> bool:
    account = "system:serviceaccount:kube-system:cluster-autoscaler"
    return workload.kubectl("auth", "can-i", verb, resource, *options, f"--as={account}").startswith("yes")


def test_buffers_are_accepted_with_their_definition_flags_and_rights(workload: Workload, stack: Stack) -> None:
    assert definitions(workload) == []
    assert not may(workload, "list", "resourcequotas")

    with stack.edited(**with_buffers(stack, installDefinition=True)):
        stack.up()
        assert definitions(workload) == [capacity_buffers.DEFINITION]
        assert buffer(workload)["spec"]["replicas"] == 4
        template = workload.core.read_namespaced_pod_template("headroom-burst", "kube-system").template
        assert template.spec.containers[0].resources.requests == {"cpu": "1200m", "memory": "256Mi"}
        deployment = workload.apps.read_namespaced_deployment("cluster-autoscaler", "kube-system")
        flags = deployment.spec.template.spec.containers[0].command
        assert {f"--{flag}={value}" for flag, value in capacity_buffers.flags((1, 36, 1)).items()} <= set(flags)
        assert may(workload, "list", "resourcequotas")
        assert may(workload, "update", capacity_buffers.DEFINITION, "--subresource=status")
        assert not may(workload, "create", "pods"), "who may create pods in kube-system controls the cluster"
        assert stack.planned() == []
        if REAL:
            workload.wait_for("the buffer to bring nodes", lambda: workload.desired() == workload.nodes() == 4)
            workload.start(4, cpu="1200m")
            workload.wait_for("the burst to run", lambda: workload.running() == 4)
            workload.stop()
    stack.up()

    assert definitions(workload) == [capacity_buffers.DEFINITION], "an installed definition stays by default"
    assert not may(workload, "list", "resourcequotas")

    with stack.edited(**with_buffers(stack)):
        stack.up()
        assert buffer(workload)["spec"]["replicas"] == 4, "the definition that exists is enough"
    with stack.edited(**with_buffers(stack, installDefinition=True, retainDefinition=False)):
        stack.up()
        assert stack.planned() == []
    stack.up()
    assert definitions(workload) == [], "the stack owned it, and the buffer went first"
