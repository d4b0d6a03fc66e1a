"""The tools of this machine's sandbox: there, in a version that fits, and whole."""

import os
import subprocess
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from sandbox.tools.catalog import TOOLS, Tool

# A plugin prints no version: it serves the engine until that is gone. Other tests run each.
PROGRAMS = [tool for tool in TOOLS if tool.version_arguments]
HOSTS = [tool for tool in TOOLS if not tool.version_arguments and not tool.plugin]


@pytest.mark.parametrize("tool", HOSTS, ids=lambda tool: tool.name)
def test_each_host_exists(tools: Path, tool: Tool):
    assert os.access(tools / tool.name, os.X_OK)


@pytest.mark.parametrize("tool", PROGRAMS, ids=lambda tool: tool.name)
def test_each_tool_runs_and_prints_a_version_that_fits(tools: Path, tool: Tool):
    command = [str(tools / tool.name), *tool.version_arguments]
    environment = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    versions = [word.lstrip("v").partition("+")[0] for word in output.split()]
    assert any(version in SpecifierSet(tool.accepts) for version in versions if version[:1].isdigit()), output


def test_the_machines_language_host_is_the_clis_own(tools: Path):
    host = (tools / "pulumi").resolve().parent / "pulumi-language-python"
    assert os.access(host, os.X_OK)
    assert os.access(host.with_name("pulumi-language-python-exec"), os.X_OK)
