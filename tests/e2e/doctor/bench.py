"""Where faults are planted and fixed: the deployed program, and the doctor's commands typed as a user types them."""

import json
import shlex
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from doctor.fixes import command_of
from sandbox.tests.harness import Sandbox
from tests.e2e.doctor.commands import PATIENCE, Doctor, Result
from tests.e2e.doctor.faults import Fault, reapply
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

    def restore(self, fault: Fault, doctor: Doctor) -> None:
        """Return to what the stack deploys after a case failed, so that the next case is judged alone."""
        for act in filter(None, (fault.clean, reapply)):
            with suppress(AssertionError):
                act(self)
        self._stack.up("--refresh")
        self.reload()
        doctor.forget_outputs()

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


def cases(faults: Iterable[Fault], *modes: str) -> list[Any]:
    """Faults of these modes as cases of a test: the mode and the fault; some belong to the full form only."""
    return [
        pytest.param(fault.mode, fault, id=fault.name, marks=[pytest.mark.full] if fault.full else [])
        for mode in modes
        for fault in faults
        if fault.mode == mode
    ]


def settled(doctor: Doctor, stack: bool = True, rule: str = "") -> Result:
    """The check, once no link is broken and the finding of a rule is gone.

    The autoscaler writes its first status some seconds after a change, and errors of before stay recent for a while.
    """
    until = time.monotonic() + PATIENCE
    while True:
        result = doctor.run("check", "--json", stack=stack)
        left = [each for each in result.document["findings"] if each["id"] == rule and each["status"] != "ok"]
        if (result.code == 0 and not left) or time.monotonic() > until:
            assert not left, left
            return result
        time.sleep(2)


def assert_named_and_fixed(bench: DeployedBench, doctor: Doctor, fault: Fault) -> None:
    """Plant a fault: its rule is named and no other link; then type the first fix: the finding is gone."""
    fault.plant(bench)
    try:
        fix = named(doctor, fault)["fix"]
        if fault.typed:
            command = command_of(fix)
            assert command, fix
            bench.shell(command)
            if command.startswith("pulumi"):
                bench.reload()
                doctor.forget_outputs()
            assert settled(doctor, fault.stack, fault.rule).code == 0
        if fault.clean:
            fault.clean(bench)
        if fault.clean or not fault.stack:
            assert settled(doctor).code == 0
    except BaseException:
        bench.restore(fault, doctor)
        raise


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
