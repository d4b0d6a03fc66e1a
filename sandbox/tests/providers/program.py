"""A Pulumi program of a test, run by the real CLI against providers of the test's choice."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.layout import Layout


@dataclass
class Program:
    """A program with one stack, ``dev``.

    Attributes:
        layout: The sandbox whose tools and backend it uses.
        folder: Where it is.
        providers: Package name to port of an attached provider.
    """

    layout: Layout
    folder: Path
    providers: Mapping[str, int]
    config: dict[str, str] = field(default_factory=dict)

    def write(self, source: str) -> None:
        """Sets its source; makes the stack when there is none."""
        fresh = not self.folder.exists()
        self.folder.mkdir(exist_ok=True)
        (self.folder / "Pulumi.yaml").write_text(f"name: {self.folder.parent.name}\nruntime: python\n")
        (self.folder / "__main__.py").write_text(source)
        if fresh:
            self.layout.pulumi_state.mkdir(parents=True, exist_ok=True)
            self.run("stack", "init", "dev")

    def run(self, *arguments: str, fails: bool = False) -> str:
        """Runs ``pulumi`` and returns what it prints, stderr after stdout."""
        attached = ",".join(f"{name}:{port}" for name, port in self.providers.items())
        result = subprocess.run(
            [str(self.layout.bin / "pulumi"), "--non-interactive", "--color", "never", *arguments],
            cwd=self.folder,
            env=self.layout.env() | {"PULUMI_DEBUG_PROVIDERS": attached, **self.config},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        output = result.stdout + result.stderr
        assert (result.returncode != 0) is fails, output
        return output

    def up(self, *arguments: str, fails: bool = False) -> str:
        """``pulumi up`` without asking."""
        return self.run("up", "--yes", "--skip-preview", *arguments, fails=fails)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        found: dict[str, Any] = json.loads(self.run("stack", "output", "--json"))
        return found

    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources in the state, by name."""
        exported = json.loads(self.run("stack", "export"))["deployment"].get("resources", [])
        return {each["urn"].rsplit("::", 1)[1]: each for each in exported}
