"""`explain` on the live stack: its answers agree with what the scheduler and the autoscaler do."""

import shlex

from kubernetes import client

from sandbox.tests.harness import Sandbox
from tests.e2e.doctor.commands import CLUSTER, Doctor, wait_for
from tests.e2e.program.stack import Stack
from tests.markdown import executed_by

NAMESPACE = "default"


def documented(about: str) -> list[str]:
    """The words of the command that the page shows, from the command's name on."""
    blocks = [shlex.split(block.text) for block in executed_by("test_doctor_explain")]
    (words,) = [words for words in blocks if words[:5] == ["python", "-m", "doctor", "explain", about]]
    return words[3:]


def test_every_node_has_an_answer_and_the_groups_at_their_minimum_keep_theirs(doctor: Doctor, stack: Stack) -> None:
    result = doctor.run(*documented("node"), "--json")
    assert result.code == 0, result.err
    nodes = result.document["nodes"]
    assert nodes
    reasons = {each["rule"] for node in nodes for each in node["reasons"]}
    assert "NodeGroupMinSizeReached" in reasons
    assert {node["verdict"] for node in nodes} <= {"blocked", "needed", "waiting"}


def test_a_pod_that_no_group_fits_is_explained_with_the_arithmetic(doctor: Doctor, sandbox: Sandbox) -> None:
    core = client.CoreV1Api(sandbox.kubernetes(CLUSTER))
    huge = client.V1Pod(
        metadata=client.V1ObjectMeta(name="explain-huge"),
        spec=client.V1PodSpec(
            containers=[
                client.V1Container(
                    name="app",
                    image="registry.example.com/app:1",
                    resources=client.V1ResourceRequirements(requests={"cpu": "64"}),
                )
            ]
        ),
    )
    core.create_namespaced_pod(NAMESPACE, huge)
    try:

        def refused() -> list[str]:
            events = core.list_namespaced_event(NAMESPACE, field_selector="involvedObject.name=explain-huge").items
            return [event.message for event in events if event.reason == "NotTriggerScaleUp"]

        wait_for("the autoscaler's word", refused)
        result = doctor.run(*documented("pod")[:-1], f"{NAMESPACE}/explain-huge", "--json")
        assert result.code == 0, result.err
        groups = result.document["groups"]
        assert groups
        assert all(any(reason.startswith("CPU: requests 64000m") for reason in each["reasons"]) for each in groups)
        assert result.document["change"]
    finally:
        core.delete_namespaced_pod("explain-huge", NAMESPACE, grace_period_seconds=0)
