"""Where faults are planted and fixed: the deployed program, and the doctor's commands typed as a user types them."""

import json
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from doctor.fixes import command_of
from sandbox.tests.harness import Sandbox
from tests.e2e.doctor.commands import PATIENCE, Doctor, Told
from tests.e2e.doctor.faults import Fault
from tests.e2e.program.checkout import Checkout
from tests.e2e.program.stack import Stack


class DeployedBench:
    """The deployed program; see ``faults.Bench``."""

    def __init__(self, sandbox: Sandbox, stack: Stack, folder: Path) -> None:
        self._project = Checkout(sandbox, folder, {stack.name: yaml.safe_dump(stack.document)})
        self._project.shell(f"pulumi stack select {stack.name}")
        self._stack = stack
        self.reload()

    def add_charts(self, folder: Path, port: int) -> None:
        """Make the sandbox's chart available under the name that fixes use, in a repository on this machine."""
        self.shell(
            f"helm package sandbox/chart/cluster-autoscaler --destination {folder}\n"
            f"helm repo index {folder}\n"
            f"helm repo add autoscaler http://127.0.0.1:{port} --force-update"
        )

    def reload(self) -> None:
        """Read the outputs again: a fix by the stack may replace the role."""
        self.outputs = self._stack.outputs()
        self.role = (self.outputs.get("roleArn") or "").rpartition("/")[2]
        self.group = self.outputs["nodeGroups"][0]["asgName"]
        self.region = self.outputs["region"]

    def aws(self, *words: str) -> str:
        """Run the AWS CLI."""
        return self.shell(shlex.join(["aws", *words, "--region", self.region]))

    def kubectl(self, *words: str) -> str:
        """Run kubectl."""
        return self.shell(shlex.join(["kubectl", *words]))

    def apply(self, manifest: Any) -> str:
        """Apply a manifest."""
        return self.shell(f"kubectl apply --filename - <<'END'\n{json.dumps(manifest)}\nEND")

    def shell(self, command: str) -> str:
        """Run a command as it is typed in a checkout."""
        return self._project.shell(command)


@contextmanager
def served(folder: Path) -> Iterator[int]:
    """Serve the files of a folder for the length of a with-block; yields the port."""
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    """Files of a folder, without a log."""

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def settled(doctor: Doctor, stack: bool = True) -> Told:
    """The check, once the autoscaler has written its first status since the stack was changed."""
    until = time.monotonic() + PATIENCE
    while (told := doctor.run("check", "--json", stack=stack)).code != 0 and time.monotonic() < until:
        time.sleep(2)
    return told


def assert_named_and_fixed(bench: DeployedBench, doctor: Doctor, fault: Fault) -> None:
    """Plant a fault: its rule is named and no other link; then type the first fix: the finding is gone."""
    fault.plant(bench)
    try:
        fix = named(doctor, fault)["fix"]
        if fault.typed:
            command = command_of(fix)
            assert command, fix
            bench.shell(command)
            bench.reload()
            doctor.forget_outputs()
            assert settled(doctor, fault.stack).code == 0
            assert_gone(doctor, fault)
    finally:
        fault.clean(bench)
    assert settled(doctor).code == 0


def assert_gone(doctor: Doctor, fault: Fault) -> None:
    """The finding is gone, at the latest when the errors of before are no longer recent."""
    until = time.monotonic() + PATIENCE
    while True:
        findings = doctor.run("check", "--json", stack=fault.stack).document["findings"]
        left = [each for each in findings if each["id"] == fault.rule and each["status"] != "ok"]
        if not left:
            return
        assert time.monotonic() < until, left
        time.sleep(5)


def named(doctor: Doctor, fault: Fault) -> dict[str, Any]:
    """The finding that names a fault; some are seen only once the autoscaler, or the scheduler, has reported it."""
    found: list[dict[str, Any]] = []
    for _ in range(20):
        document = doctor.run("check", "--json", stack=fault.stack).document
        found = [each for each in document["findings"] if each["status"] != "ok"]
        for finding in found:
            # Pods that have just been replaced may break another link for a moment.
            only = {each["link"] for each in found if each["status"] == "broken"} <= {finding["link"]}
            if finding["id"] == fault.rule and finding["status"] in ("broken", "warning") and only:
                return finding
    pytest.fail(f"{fault.rule} was not named alone: {found}")
