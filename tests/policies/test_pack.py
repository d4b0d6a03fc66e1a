"""The pack as it is shipped: a folder of its own, that needs nothing but its requirements."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2_grpc
from pulumi_policy import Policy

from policies import rules

PACK = Path(__file__).parents[2] / "policies"
VERSION = yaml.safe_load((PACK / "PulumiPolicy.yaml").read_text(encoding="utf-8"))["version"]
RULE_MODULES = sorted(path for path in (PACK / "rules").glob("*.py") if path.stem != "__init__")


def _imports(path: Path) -> Iterator[str]:
    """Yields the top-level packages that a module imports; an import from inside the pack is empty."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "" if node.level else (node.module or "").partition(".")[0]


@pytest.mark.parametrize("path", sorted(PACK.rglob("*.py")), ids=lambda path: str(path.relative_to(PACK)))
def test_a_module_imports_the_pack_itself_and_its_requirements_only(path: Path) -> None:
    assert {*_imports(path)} <= {"", "rules", "pulumi_policy", *sys.stdlib_module_names}


@pytest.mark.parametrize("path", RULE_MODULES, ids=lambda path: path.stem)
def test_each_rule_module_makes_the_one_rule_of_its_name_and_is_in_the_pack(path: Path) -> None:
    rule: Policy = getattr(rules, path.stem).RULE
    assert rule.name.replace("-", "_") == path.stem
    assert rule in rules.RULES


@pytest.mark.parametrize("path", RULE_MODULES, ids=lambda path: path.stem)
def test_each_rule_has_tests_and_a_bad_program(path: Path) -> None:
    here = Path(__file__).parent
    assert (here / f"test_{path.stem}.py").is_file()
    assert (here / "programs" / "bad" / f"{path.stem}.py").is_file()


def test_the_entry_point_serves_the_pack_from_a_copy_of_the_folder_alone(tmp_path: Path) -> None:
    copy = tmp_path / "anywhere"
    subprocess.run(["cp", "-r", PACK, copy], check=True)
    server = subprocess.Popen([sys.executable, "-u", copy], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        assert port.isdigit(), "the port on which the engine reaches the pack"
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            info = analyzer_pb2_grpc.AnalyzerStub(channel).GetAnalyzerInfo(empty_pb2.Empty())
    finally:
        server.kill()
        server.communicate()
    assert [found.name for found in info.policies] == [rule.name for rule in rules.RULES]
    assert info.version == VERSION, "the SDK's own is 0.0.1"


def test_the_pack_has_the_projects_version() -> None:
    assert tomllib.loads((PACK.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"] == VERSION
