"""The engine at work in the background, followed event by event, and killed without mercy."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sandbox.private_api import PrivateApi
from sandbox.providers.aws.session import USER_AGENT
from sandbox.tests.harness import Sandbox
from tests.e2e.program.stack import Stack

PROVIDERS = ("aws-provider", "eks-provider")
"""The stand-ins, which run on their own; the engine starts the Kubernetes provider."""
_PATIENCE = 120.0


class Event(NamedTuple):
    """One resource operation, as the engine's event log shows it."""

    stage: str
    """`started` or `finished`."""
    op: str
    type: str
    name: str


class Engine:
    """`pulumi up` or `pulumi destroy` of a stack, in a separate process group."""

    def __init__(self, stack: Stack, command: str) -> None:
        self.stack, self.sandbox = stack, stack.sandbox
        self._log = stack.sandbox.layout.root / f"{stack.name}.events"
        self._log.unlink(missing_ok=True)
        self._output = stack.sandbox.layout.root / f"{stack.name}.output"
        # The event log is a flag that the CLI knows only when it is being debugged.
        environment = self.sandbox.layout.env() | {"PULUMI_DEBUG_COMMANDS": "true"}
        line = stack.command(command, "--yes", "--skip-preview", "--event-log", str(self._log))
        with self._output.open("w") as output:
            self._process = subprocess.Popen(
                [str(word) for word in line],
                cwd=stack.project,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id of the CLI."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it has not come to its end yet."""
        return self._process.poll() is None

    def events(self) -> list[Event]:
        """What it has printed so far."""
        found = []
        for line in self._log.read_text().splitlines() if self._log.exists() else []:
            try:
                event = json.loads(line)
            except ValueError:
                break  # written only in part yet
            for key, stage in (("resourcePreEvent", "started"), ("resOutputsEvent", "finished")):
                if metadata := event.get(key, {}).get("metadata"):
                    found.append(Event(stage, metadata["op"], metadata["type"], metadata["urn"].rpartition("::")[2]))
        return found

    def run_until(self, seen: Callable[["Engine"], object], what: str) -> None:
        """Lets it work until there is something to see; fails when it ends before."""
        until = time.monotonic() + _PATIENCE
        while not seen(self):
            assert self.runs, f"it ended before {what}:\n{self.output()}"
            assert time.monotonic() < until, f"timed out after {_PATIENCE:.0f} s, waiting for {what}:\n{self.output()}"
            time.sleep(0.01)

    def kill(self) -> None:
        """SIGKILL to the CLI, the language host, the program and the providers, as the fall of their machine would.

        The stand-ins are no children of the engine and would outlive it.
        """
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        kill_providers(self.sandbox)

    def wait(self) -> int:
        """Lets it come to its end; the exit code."""
        return self._process.wait(_PATIENCE)

    def output(self) -> str:
        """All that it has printed."""
        return self._output.read_text()


def switches(sandbox: Sandbox) -> PrivateApi:
    """The emulated AWS' own switches: the engine's calls fail by them, and only they are counted."""
    return PrivateApi(sandbox.layout.aws_endpoint, USER_AGENT)


def kill_providers(sandbox: Sandbox) -> None:
    """SIGKILL to the Kubernetes provider and to the stand-ins; `sandbox.start()` brings these back."""
    for name in PROVIDERS:
        record = json.loads((sandbox.layout.run / f"{name}.json").read_text())
        os.killpg(record["pid"], signal.SIGKILL)
    for pid in kubernetes_providers(sandbox):
        os.kill(pid, signal.SIGKILL)


def kubernetes_providers(sandbox: Sandbox) -> list[int]:
    """Process ids of the Kubernetes providers that engines of this sandbox run, each in a separate process group."""
    home = f"PULUMI_HOME={sandbox.layout.pulumi_home}\0".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            # The kernel keeps 15 characters of the name.
            ours = (process / "comm").read_text() == "pulumi-resource\n" and home in (process / "environ").read_bytes()
            found += [int(process.name)] if ours else []
    return found


def lock_files(stack: Stack) -> list[Path]:
    """The locks on a stack, as the file backend keeps them."""
    return sorted(stack.sandbox.layout.pulumi_state.glob(f".pulumi/locks/organization/*/{stack.name}/*.json"))


def pending(stack: Stack) -> list[tuple[str, str]]:
    """What the state does not know the end of: kind of operation and URN."""
    exported = stack.sandbox.pulumi_json("stack", "export", "--stack", stack.name)
    operations = exported["deployment"].get("pending_operations") or []
    return [(each["type"], each["resource"]["urn"]) for each in operations]
