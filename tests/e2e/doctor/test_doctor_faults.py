"""Faults planted in the deployed program, one by one: the doctor names the right link, and its mending mends it."""

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from sandbox.tests.harness import Sandbox
from tests.e2e.doctor.commands import Doctor
from tests.e2e.doctor.test_doctor_modes import settled
from tests.e2e.program.checkout import Checkout
from tests.e2e.program.stack import Stack

COMMENT = "   # "
"""What follows it in a fix is for the reader: the first command must do."""
DEPLOYMENT = ("--namespace", "kube-system", "deployment/cluster-autoscaler")


class Bench:
    """The deployed program, and the plain commands by which it is spoilt and mended."""

    def __init__(self, sandbox: Sandbox, stack: Stack, folder: Path) -> None:
        self._project = Checkout(sandbox, folder, {stack.name: yaml.safe_dump(stack.document)})
        self._project.shell(f"pulumi stack select {stack.name}")
        self._stack = stack
        self.reload()

    def reload(self) -> None:
        """Read the outputs again: a fix by the stack may replace the role."""
        self.outputs = self._stack.outputs()
        self.role = self.outputs["roleArn"].rpartition("/")[2]
        self.group = self.outputs["nodeGroups"][0]["asgName"]
        self.region = self.outputs["region"]

    def aws(self, *words: str) -> str:
        return self.shell(shlex.join(["aws", *words, "--region", self.region]))

    def kubectl(self, *words: str) -> str:
        return self.shell(shlex.join(["kubectl", *words]))

    def apply(self, manifest: Any) -> str:
        return self.shell(f"kubectl apply --filename - <<'END'\n{json.dumps(manifest)}\nEND")

    def shell(self, command: str) -> str:
        return self._project.shell(command)

    def annotate(self, annotation: str) -> None:
        account = "serviceaccount/cluster-autoscaler"
        self.kubectl("annotate", "--overwrite", "--namespace", "kube-system", account, annotation)

    def trust(self, document: Any) -> None:
        self.aws(
            "iam", "update-assume-role-policy", "--role-name", self.role, "--policy-document", json.dumps(document)
        )


class Fault(NamedTuple):
    """One fault.

    Attributes:
        rule: The finding that must name it.
        plant: Plants it.
        clean: Takes away what the mending left beside what was there before.
        mends: Whether the command in the finding is to be tried; else ``clean`` mends.
    """

    rule: str
    plant: Callable[[Bench], object]
    clean: Callable[[Bench], object] = lambda bench: None
    mends: bool = True


def _untag(bench: Bench) -> None:
    key = f"k8s.io/cluster-autoscaler/{bench.outputs['clusterName']}"
    tag = f"ResourceId={bench.group},ResourceType=auto-scaling-group,Key={key}"
    bench.aws("autoscaling", "delete-tags", "--tags", tag)


def _trust_another(bench: Bench) -> None:
    text = bench.outputs["trustDocument"]
    bench.trust(json.loads(text.replace(":kube-system:cluster-autoscaler", ":kube-system:another")))


def _detach(bench: Bench) -> None:
    bench.aws("iam", "detach-role-policy", "--role-name", bench.role, "--policy-arn", bench.outputs["policyArn"])


def _attach_full_access(bench: Bench) -> None:
    arn = "arn:aws:iam::aws:policy/AutoScalingFullAccess"
    bench.aws("iam", "attach-role-policy", "--role-name", bench.role, "--policy-arn", arn)


def _forbid_volume_attachments(bench: Bench) -> None:
    role = json.loads(bench.kubectl("get", "clusterrole", "cluster-autoscaler", "--output", "json"))
    for rule in role["rules"]:
        rule["resources"] = [each for each in rule.get("resources", []) if each != "volumeattachments"]
    rules = [rule for rule in role["rules"] if rule["resources"]]
    bench.kubectl(
        "patch", "clusterrole", "cluster-autoscaler", "--type", "merge", "--patch", json.dumps({"rules": rules})
    )


def _second_autoscaler(bench: Bench) -> None:
    first = json.loads(bench.kubectl("get", *DEPLOYMENT, "--output", "json"))
    selector = {"app": "second-autoscaler"}
    template = first["spec"]["template"]
    template["metadata"]["labels"] = selector
    template["spec"]["nodeSelector"] = {"no-such-node": "on-purpose"}
    second = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "second-autoscaler", "namespace": "kube-system"},
        "spec": {"replicas": 1, "selector": {"matchLabels": selector}, "template": template},
    }
    bench.apply(second)


def _unknown_flag(bench: Bench) -> None:
    path = "/spec/template/spec/containers/0/command/-"
    patch = json.dumps([{"op": "add", "path": path, "value": "--max-empty-bulk-delete=10"}])
    bench.kubectl("patch", *DEPLOYMENT, "--type", "json", "--patch", patch)


def _pod_for_no_group(bench: Bench) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "fits-nowhere", "namespace": "default"},
        "spec": {
            "nodeSelector": {"no-such-label": "on-purpose"},
            "containers": [{"name": "pause", "image": "registry.k8s.io/pause:3.10"}],
        },
    }
    bench.apply(pod)


FAULTS = (
    Fault("groups.tags", _untag),
    Fault(
        "groups.processes",
        lambda bench: bench.aws(
            "autoscaling",
            "suspend-processes",
            "--auto-scaling-group-name",
            bench.group,
            "--scaling-processes",
            "Launch",
        ),
    ),
    Fault("role.trust-subject", _trust_another),
    Fault(
        "role.oidc-provider",
        lambda bench: bench.aws(
            "iam",
            "delete-open-id-connect-provider",
            "--open-id-connect-provider-arn",
            bench.outputs["oidcProviderArn"],
        ),
    ),
    Fault("permissions.reads", _detach),
    Fault("permissions.narrow", _attach_full_access),
    Fault("pod.replicas", lambda bench: bench.kubectl("scale", *DEPLOYMENT, "--replicas=0")),
    Fault("pod.rbac", _forbid_volume_attachments),
    Fault("pod.single", _second_autoscaler),
    Fault("pod.flags", _unknown_flag),
    Fault(
        "service-account.source",
        lambda bench: bench.annotate("eks.amazonaws.com/role-arn-"),
    ),
    Fault(
        "waiting-pods.fits",
        _pod_for_no_group,
        lambda bench: bench.kubectl("delete", "pod", "fits-nowhere", "--namespace", "default", "--now"),
        mends=False,
    ),
)


@pytest.fixture(scope="module")
def bench(sandbox: Sandbox, stack: Stack, doctor: Doctor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The program by IRSA; afterwards it is as its state says, whatever happened here."""
    assert stack.get("credentials") == "irsa"
    assert settled(doctor).code == 0
    yield Bench(sandbox, stack, tmp_path_factory.mktemp("checkout"))
    stack.up("--refresh")
    doctor.forget_outputs()


def _named(doctor: Doctor, rule: str) -> dict[str, Any]:
    """The finding that names a fault; some are seen only once the autoscaler, or the scheduler, has said so."""
    found: list[dict[str, Any]] = []
    for _ in range(20):
        found = [each for each in doctor.run("check", "--json").document["findings"] if each["status"] != "ok"]
        for finding in found:
            if finding["id"] == rule and finding["status"] in ("broken", "warning"):
                assert {each["link"] for each in found if each["status"] == "broken"} <= {finding["link"]}, found
                return finding
    pytest.fail(f"{rule} was not named: {found}")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.rule)
def test_a_planted_fault_is_named_and_mended_as_the_doctor_says(bench: Bench, doctor: Doctor, fault: Fault) -> None:
    fault.plant(bench)
    try:
        mending = _named(doctor, fault.rule)["fix"]
        if fault.mends:
            bench.shell(mending.partition(COMMENT)[0])
            bench.reload()
            doctor.forget_outputs()
            told = settled(doctor)
            assert told.code == 0, told.out
            left = [each for each in told.document["findings"] if each["status"] != "ok"]
            assert fault.rule not in {each["id"] for each in left}, left
    finally:
        fault.clean(bench)
    assert settled(doctor).code == 0


def test_a_cluster_that_is_only_named_is_found_healthy_too(bench: Bench, sandbox: Sandbox) -> None:
    name = bench.outputs["clusterName"]
    command = [".venv/bin/python", "-m", "doctor", "check", "--cluster", name, "--region", bench.region]
    assert "every link holds" in sandbox.run(command)
