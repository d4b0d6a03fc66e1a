"""A consumer of the plugin: a program with a separate environment, as a user of another repository has one."""

import re
import subprocess
from pathlib import Path

from sandbox.tests.harness import Sandbox

ROOT = Path(__file__).parents[3]


class Consumer:
    """A Pulumi program outside the project, with one stack, ``dev``."""

    def __init__(self, sandbox: Sandbox, folder: Path, environment: Path, plugin: Path) -> None:
        self.folder = folder
        self._plugin = plugin
        self._sandbox = sandbox
        self._environment = environment
        folder.mkdir()
        options = f"{{toolchain: pip, virtualenv: {environment}}}"
        (folder / "Pulumi.yaml").write_text(f"name: consumer\nruntime: {{name: python, options: {options}}}\n")
        self.write("")
        self("stack", "init", "dev")

    def __call__(self, *arguments: str) -> str:
        return self._sandbox.pulumi(*arguments, folder=self.folder)

    def write(self, program: str) -> None:
        """Sets the program."""
        (self.folder / "__main__.py").write_text(program)

    def up(self) -> str:
        """`pulumi up`, without asking."""
        return self("up", "--yes", "--skip-preview")

    def add_plugin(self) -> str:
        """`pulumi package add` of the components, and pip's installation of the SDK that it generates."""
        output = self("package", "add", str(self._plugin))
        pip = [self._environment / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
        # Nothing is fetched: what the SDK needs is in the environment already.
        done = subprocess.run(
            [*map(str, pip), "--no-build-isolation", str(self.folder / "sdks" / "eks-cluster-autoscaler")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return output

    def resources(self) -> dict[str, dict[str, object]]:
        """The resources of the state by URN, without the stack and the providers."""
        deployment = self._sandbox.pulumi_json("stack", "export", folder=self.folder)["deployment"]
        return {
            found["urn"]: found
            for found in deployment.get("resources", [])
            if not re.match("pulumi:(pulumi:Stack|providers:)", found["type"])
        }

    def planned(self) -> list[dict[str, object]]:
        """The steps that a preview plans for components and their resources."""
        steps = self._sandbox.pulumi_json("preview", "--json", folder=self.folder)["steps"]
        return [step for step in steps if not re.search("::pulumi:(pulumi:Stack|providers:)", step["urn"])]
