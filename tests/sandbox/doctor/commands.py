"""The doctor as its user runs it: a process of its own, in the sandbox's environment."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from tests.sandbox.harness import Sandbox
from tests.sandbox.program.stack import Stack


class Told(NamedTuple):
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

    def run(self, command: str, *options: str) -> Told:
        """Run one command to its end."""
        process = self.start(command, *options)
        out, err = process.communicate(timeout=500)
        return Told(process.returncode, out, err)

    def start(self, command: str, *options: str) -> "subprocess.Popen[str]":
        """Start one command, by the stack's outputs in a file."""
        return subprocess.Popen(
            [sys.executable, "-m", "doctor", command, "--outputs", str(self._outputs()), *options],
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
