"""What the real CLI does with Python through the language host: programs, plugins, policy packs, SDKs."""

import re
import sys
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


def outputs(sandbox: Sandbox, folder: Path) -> dict[str, object]:
    result: dict[str, object] = sandbox.pulumi_json("stack", "output", "--json", "--stack", "dev", folder=folder)
    return result


def test_a_program_runs_with_its_names_and_settings(sandbox: Sandbox, project: Project):
    folder = project(
        "import pulumi\n"
        "config = pulumi.Config()\n"
        "pulumi.export('names', [pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack()])\n"
        "pulumi.export('plain', config.require('plain'))\n"
        "pulumi.export('tree', config.require_object('tree'))\n"
        "pulumi.export('secret', config.require_secret('secret'))\n"
        "print('preview' if pulumi.runtime.is_dry_run() else 'for real')\n",
        name="names",
    )
    sandbox.pulumi("config", "set", "plain", "x", folder=folder)
    sandbox.pulumi("config", "set", "--path", "tree.a[0]", "1", folder=folder)
    sandbox.pulumi("config", "set", "--secret", "secret", "hush", folder=folder)
    output = sandbox.pulumi("up", "--yes", folder=folder)
    assert "preview" in output
    assert "for real" in output
    assert "hush" not in output
    found = outputs(sandbox, folder)
    assert found == {"names": ["organization", "names", "dev"], "plain": "x", "tree": {"a": [1]}, "secret": "[secret]"}


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


def test_the_virtual_environment_of_the_project_runs_the_program(sandbox: Sandbox, project: Project):
    folder = project(
        "import pulumi, sys; pulumi.export('prefix', sys.prefix)\n",
        runtime="{name: python, options: {toolchain: pip, virtualenv: environment}}",
    )
    (folder / "environment").symlink_to(sys.prefix)
    sandbox.pulumi("up", "--yes", "--skip-preview", folder=folder)
    assert outputs(sandbox, folder)["prefix"] == str(folder / "environment")


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
    sandbox.pulumi("up", "--yes", "--skip-preview", folder=folder)
    assert outputs(sandbox, folder) == {"doubled": 42}


# -- policy packs ----------------------------------------------------------------------------------------------------

PACK = """
import pulumi
from pulumi_policy import EnforcementLevel, PolicyPack, StackValidationPolicy

def judge(args, report):
    report(f"judged {pulumi.get_project()}/{pulumi.get_stack()}, {pulumi.Config().get('word')}")

policy = StackValidationPolicy("names", "Names what it judges.", judge)
PolicyPack("pack", [policy], EnforcementLevel.%s)
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
    output = sandbox.pulumi("preview", "--policy-pack", str(pack(PACK % "ADVISORY")), folder=folder)
    assert "judged judged-settings/dev, verdict" in output


def test_a_mandatory_policy_stops_the_command(sandbox: Sandbox, project: Project, pack: Callable[[str], Path]):
    arguments = ("preview", "--policy-pack", str(pack(PACK % "MANDATORY")))
    with pytest.raises(AssertionError, match=r"\[mandatory\] +names"):
        sandbox.pulumi(*arguments, folder=project(""))


def test_a_policy_pack_that_cannot_start_stops_the_command_with_its_traceback(
    sandbox: Sandbox, project: Project, pack: Callable[[str], Path]
):
    arguments = ("preview", "--policy-pack", str(pack("raise LookupError('no rules')")))
    with pytest.raises(AssertionError, match="LookupError: no rules"):
        sandbox.pulumi(*arguments, folder=project(""))


# -- component packages ----------------------------------------------------------------------------------------------

COMPONENTS = """
from typing import Optional, TypedDict
import pulumi
from pulumi.provider.experimental import component_provider_host

class GreetingArgs(TypedDict):
    name: pulumi.Input[str]

class Greeting(pulumi.ComponentResource):
    text: pulumi.Output[str]
    def __init__(self, name: str, args: GreetingArgs, opts: Optional[pulumi.ResourceOptions] = None):
        super().__init__("acme:index:Greeting", name, {}, opts)
        self.text = pulumi.Output.concat("hello ", args["name"])
        self.register_outputs({"text": self.text})

if __name__ == "__main__":
    component_provider_host(name="acme", components=[Greeting])
"""


@pytest.fixture
def components(tmp_path: Path) -> Path:
    folder = tmp_path / "components"
    folder.mkdir()
    (folder / "PulumiPlugin.yaml").write_text("runtime: python\n")
    (folder / "__main__.py").write_text(COMPONENTS)
    return folder


def test_the_schema_of_a_component_package_is_read_off_its_source(sandbox: Sandbox, project: Project, components: Path):
    schema = sandbox.pulumi_json("package", "get-schema", str(components), folder=project(""))
    assert list(schema["resources"]) == ["acme:index:Greeting"]


def test_a_component_package_is_added_to_a_program_and_runs(sandbox: Sandbox, project: Project, components: Path):
    folder = project("")
    output = sandbox.pulumi("package", "add", str(components), folder=folder)
    assert "import pulumi_acme as acme" in output
    assert "sdks/acme" in (folder / "requirements.txt").read_text()
    assert "class Greeting" in (folder / "sdks" / "acme" / "pulumi_acme" / "greeting.py").read_text()
    # The generated SDK would have to be installed; without one a component is registered by its token.
    (folder / "__main__.py").write_text(
        "import pulumi\n"
        "greeting = pulumi.ComponentResource('acme:index:Greeting', 'g', {'name': 'you', 'text': None}, remote=True)\n"
        "pulumi.export('text', greeting.text)\n"
    )
    sandbox.pulumi("up", "--yes", "--skip-preview", folder=folder)
    assert outputs(sandbox, folder) == {"text": "hello you"}
