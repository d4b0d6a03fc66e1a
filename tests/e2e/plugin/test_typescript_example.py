"""The example in TypeScript type-checks against the SDK that Pulumi's own generator writes for the plugin.

It is not run: Pulumi's Node.js language host is in no package registry.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.tools.build import cache_folder
from sandbox.tools.golang import find_go
from tests.markdown import ROOT

EXAMPLE = ROOT / "examples" / "typescript-consumer"
SDK = "sdks/eks-cluster-autoscaler"

pytestmark = [pytest.mark.full, pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not on PATH")]


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example with its packages and the SDK, as `pulumi install` leaves it."""
    folder = tmp_path_factory.mktemp("typescript") / "example"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules", "sdks"))
    generator = folder.parent / "nodejs_sdkgen"
    go = find_go(cache_folder(), os.environ["PATH"])
    # In the module of the Pulumi CLI and with its flags, so that nothing but the generator is compiled.
    build = [go, "build", "-trimpath", "-o", generator, Path(__file__).with_name("nodejs_sdkgen.go")]
    steps: list[list[str | Path]] = [
        [generator, ROOT / "tests" / "schema" / "schema.json", folder / SDK],
        # Install scripts would download plugins; the SDK's own one compiles it, which the last step does.
        ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"],
        [folder / "node_modules" / ".bin" / "tsc", "--project", SDK],
    ]
    for command, where in [(build, ROOT / "sandbox" / "tools" / "pulumi"), *((step, folder) for step in steps)]:
        done = run(*command, folder=where)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return folder


def unchanged(program: str) -> str:
    return program


def misspelt(program: str) -> str:
    return program.replace("maxSize: 3", "maximumSize: 3")


@pytest.mark.parametrize(("edit", "error"), [(unchanged, ""), (misspelt, "maximumSize")])
def test_the_example_type_checks_and_a_misspelt_argument_does_not(
    example: Path, edit: Callable[[str], str], error: str
) -> None:
    (example / "index.ts").write_text(edit((EXAMPLE / "index.ts").read_text()))
    done = run("npm", "run", "--silent", "check", folder=example)
    assert bool(done.returncode) is bool(error), done.stdout + done.stderr
    assert error in done.stdout
