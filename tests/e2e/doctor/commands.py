"""The doctor as its user runs it, a separate process in the sandbox's environment; and what it may leave behind."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from kubernetes import client

from sandbox.layout import REGION
from sandbox.tests.harness import Sandbox
from tests.e2e.program.stack import Stack

CLUSTER = "sandbox"
OWN = "app.kubernetes.io/managed-by=ca-doctor"
PATIENCE = 240.0
"""Seconds that anything may take on a busy machine."""


class Result(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What it printed, as JSON."""
        assert self.out, self.err
        return json.loads(self.out)


class Doctor:
    """``ca-doctor`` on one stack."""

    def __init__(self, sandbox: Sandbox, stack: Stack) -> None:
        self._sandbox, self._stack = sandbox, stack

    def run(self, command: str, *options: str, stack: bool = True) -> Result:
        """Run one command to its end; without the stack it gets only the name of the cluster."""
        process = self.start(command, *options, stack=stack)
        out, err = process.communicate(timeout=500)
        return Result(process.returncode, out, err)

    def run_alone(self, *words: str) -> Result:
        """Run one command to its end, without naming the stack or a cluster."""
        process = self._start(*words)
        out, err = process.communicate(timeout=500)
        return Result(process.returncode, out, err)

    def start(self, command: str, *options: str, stack: bool = True) -> "subprocess.Popen[str]":
        """Start one command, by the stack's outputs in a file."""
        place = ["--outputs", str(self._outputs())] if stack else ["--cluster", CLUSTER, "--region", REGION]
        return self._start(command, *options, *place)

    def _start(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "doctor", *words],
            cwd=self._sandbox.layout.project,
            env=self._sandbox.layout.env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _outputs(self) -> Path:
        file = self._sandbox.layout.root / f"outputs-{self._stack.name}.json"
        if not file.exists():
            file.write_text(json.dumps(self._stack.outputs()))
        return file

    def forget_outputs(self) -> None:
        """The stack has changed."""
        (self._sandbox.layout.root / f"outputs-{self._stack.name}.json").unlink(missing_ok=True)


class Traces:
    """What a command may leave."""

    def __init__(self, sandbox: Sandbox, stack: Stack) -> None:
        api = sandbox.kubernetes(CLUSTER)
        self._apps, self._core = client.AppsV1Api(api), client.CoreV1Api(api)
        self._asg = sandbox.client("autoscaling")
        self._names = [group["asgName"] for group in stack.outputs()["nodeGroups"]]

    def objects(self) -> list[str]:
        """Deployments, ReplicaSets and pods of the doctor's."""
        lists: list[Any] = [
            self._apps.list_deployment_for_all_namespaces(label_selector=OWN),
            self._apps.list_replica_set_for_all_namespaces(label_selector=OWN),
            self._core.list_pod_for_all_namespaces(label_selector=OWN),
        ]
        return [each.metadata.name for found in lists for each in found.items]

    def sizes(self) -> tuple[dict[str, int], int]:
        """Desired capacity of each group, and the number of nodes."""
        groups = self._asg.describe_auto_scaling_groups(AutoScalingGroupNames=self._names)["AutoScalingGroups"]
        desired = {group["AutoScalingGroupName"]: int(group["DesiredCapacity"]) for group in groups}
        return desired, len(self._core.list_node().items)

    def nodes_are_ready(self) -> bool:
        """Whether every group has the nodes that it wants, all ready."""
        desired, _ = self.sizes()
        conditions = [each for node in self._core.list_node().items for each in node.status.conditions or []]
        ready = sum(each.type == "Ready" and each.status == "True" for each in conditions)
        return bool(ready == sum(desired.values()))


def wait_for(
    what: str, read: Callable[[], Any], *, patience: float = PATIENCE, describe: Callable[[], str] = str
) -> Any:
    """Poll until there is something to see; otherwise fail with what the caller describes."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if seen := read():
            return seen
        time.sleep(0.5)
    raise AssertionError(f"timed out after {patience:.0f} s, waiting for {what}\n{describe()}")
