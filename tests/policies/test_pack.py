"""The pack as it is shipped: a separate folder that needs nothing but its requirements."""

import ast
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi_policy import Policy

from policies import rules
from tests.policies import compliant

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
            stub = analyzer_pb2_grpc.AnalyzerStub(channel)
            info = stub.GetAnalyzerInfo(empty_pb2.Empty())
            resource = {"type": "aws:iam/role:Role", "name": "r", "urn": "urn:pulumi:s::p::aws:iam/role:Role::r"}
            trust = json.dumps(compliant.IRSA_TRUST).replace("cluster-autoscaler", "*")
            properties = struct_pb2.Struct()
            properties.update({"assumeRolePolicy": trust})
            one = stub.Analyze(analyzer_pb2.AnalyzeRequest(**resource, properties=properties))
            stack = analyzer_pb2.AnalyzerResource(**resource, properties=properties)
            whole = stub.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=[stack]))
    finally:
        server.kill()
        server.communicate()
    assert [found.name for found in info.policies] == [rule.name for rule in rules.RULES]
    assert info.version == VERSION, "the SDK's own is 0.0.1"
    assert [(found.policyName, found.policyPackVersion) for found in (*one.diagnostics, *whole.diagnostics)] == [
        ("irsa-trust-pins-service-account", VERSION)
    ]


def test_the_pack_has_the_projects_version() -> None:
    assert tomllib.loads((PACK.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"] == VERSION
