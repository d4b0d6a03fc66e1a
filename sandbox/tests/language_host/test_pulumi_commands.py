"""What the real CLI shows of Python that the language host runs or cannot run: programs and policy packs.

How they run when nothing is wrong, and the component package and its SDK, is seen by the end-to-end tests.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.tests.harness import Sandbox

Project = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox, tools: Path) -> Project:
    """Writes a Pulumi program into a separate folder and makes its stack ``dev``."""

    def write(program: str, *, runtime: str = "python", name: str | None = None) -> Path:
        folder = tmp_path / "program"
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text(f"name: {name or tmp_path.name}\nruntime: {runtime}\n")
        (folder / "__main__.py").write_text(program)
        sandbox.pulumi("stack", "init", "dev", folder=folder)
        return folder

    return write


def test_an_exception_is_shown_once_with_its_place(sandbox: Sandbox, project: Project):
    folder = project("raise LookupError('no such thing')\n")
    output = sandbox.pulumi("preview", folder=folder, check=False)
    assert "LookupError: no such thing" in output
    assert "__main__.py" in output
    assert "non-zero exit code" not in output


def test_an_exit_code_is_passed_on(sandbox: Sandbox, project: Project):
    folder = project("import os; os._exit(3)\n")
    output = sandbox.pulumi("preview", folder=folder, check=False)
    assert "program exited with non-zero exit code: 3" in output


def test_a_missing_virtual_environment_stops_the_command_with_the_way_out(sandbox: Sandbox, project: Project):
    folder = project("", runtime="{name: python, options: {virtualenv: venv}}")
    output = sandbox.pulumi("preview", folder=folder, check=False)
    assert "The 'virtualenv' option" in output
    assert "python3 -m venv" in output


def test_about_returns_the_interpreter_and_what_is_installed(sandbox: Sandbox, project: Project):
    output = sandbox.pulumi("about", folder=project(""))
    assert f"executable='{sandbox.layout.venv_bin}/python" in output
    assert re.search(r"^grpcio +\d", output, re.MULTILINE)


def test_no_command_warns_that_the_host_is_not_part_of_the_cli(sandbox: Sandbox, project: Project):
    assert "from $PATH" not in sandbox.pulumi("preview", folder=project(""))


def test_a_dynamic_provider_runs(sandbox: Sandbox, project: Project):
    folder = project(
        "import pulumi\n"
        "from pulumi.dynamic import CreateResult, Resource, ResourceProvider\n"
        "class Numbers(ResourceProvider):\n"
        "    def create(self, props):\n"
        "        return CreateResult('id', {'doubled': props['number'] * 2})\n"
        "class Number(Resource):\n"
        "    doubled: pulumi.Output\n"
        "pulumi.export('doubled', Number(Numbers(), 'n', {'number': 21, 'doubled': None}).doubled)\n"
    )
    assert re.search(r"doubled: 42", sandbox.pulumi("up", "--yes", "--skip-preview", folder=folder))


# -- policy packs ----------------------------------------------------------------------------------------------------

PACK = """
import pulumi
from pulumi_policy import EnforcementLevel, PolicyPack, StackValidationPolicy

def judge(args, report):
    report(f"judged {pulumi.get_project()}/{pulumi.get_stack()}, {pulumi.Config().get('word')}")

policy = StackValidationPolicy("names", "Names what it judges.", judge)
PolicyPack("pack", [policy], EnforcementLevel.ADVISORY)
"""


@pytest.fixture
def pack(tmp_path: Path) -> Callable[[str], Path]:
    def write(program: str) -> Path:
        folder = tmp_path / "pack"
        folder.mkdir()
        (folder / "PulumiPolicy.yaml").write_text("runtime: python\n")
        (folder / "__main__.py").write_text(program)
        return folder

    return write


def test_a_policy_pack_knows_the_stack_and_its_settings(
    sandbox: Sandbox, project: Project, pack: Callable[[str], Path]
):
    folder = project("", name="judged-settings")
    sandbox.pulumi("config", "set", "word", "verdict", folder=folder)
    output = sandbox.pulumi("preview", "--policy-pack", str(pack(PACK)), folder=folder)
    assert "judged judged-settings/dev, verdict" in output


def test_a_policy_pack_that_cannot_start_stops_the_command_with_its_traceback(
    sandbox: Sandbox, project: Project, pack: Callable[[str], Path]
):
    arguments = ("preview", "--policy-pack", str(pack("raise LookupError('no rules')")))
    with pytest.raises(AssertionError, match="LookupError: no rules"):
        sandbox.pulumi(*arguments, folder=project(""))
