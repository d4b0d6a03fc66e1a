"""How the doctor is built: who imports whom, and what stays pure."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "doctor"
SOURCES = sorted(path for path in ROOT.rglob("*.py") if "__pycache__" not in path.parts)
PURE = [path for path in SOURCES if path.parent.name == "checks" or (
    path.parent.name == "init" and path.name not in {"command.py", "gathering.py"}
) or path.name in {
    "access.py", "arguments.py", "case.py", "credentials.py", "documents.py", "facts.py", "findings.py",
    "fixes.py", "metrics.py", "readings.py", "redaction.py", "status.py", "symptoms.py", "templates.py",
}]  # fmt: skip


def imported(path: Path) -> set[str]:
    """Top-level packages that a file imports by their names; relative imports are left out."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_package_works_under_any_name(path: Path):
    assert not imported(path) & {"doctor", "ca_doctor"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_pulumi_resource_is_ever_imported(path: Path):
    assert not {name for name in imported(path) if name.startswith("pulumi")}


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(ROOT)))
def test_checks_and_what_they_stand_on_touch_nothing_outside(path: Path):
    outside = {"boto3", "botocore", "kubernetes", "urllib3", "subprocess", "os", "socket", "typer", "rich", "pathlib"}
    assert not imported(path) & outside
    tree = ast.parse(path.read_text())
    now = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & {"now", "utcnow", "today"}
    assert not now


def test_every_module_that_checks_is_in_the_chain():
    from doctor import checks

    in_chain = {path.stem for path in (ROOT / "checks").glob("*.py")} - {"__init__", "wording"}
    assert in_chain == {name for name in vars(checks) if name in in_chain}
