"""Environments that a user adds to the shipped ones: a light check, and no test of this project is in their way."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import settings
from components.errors import FaultsError
from tests.program.test_program import PROJECT, ROOT, STACKS

OWN = f"{PROJECT['name']}:"
COPIED = (
    "__main__.py",
    "components",
    "conftest.py",
    "outputs.py",
    "pyproject.toml",
    "sandbox/chart",
    "scripts",
    "settings",
    "tests",
)


def added(folder: Path) -> list[Path]:
    """The files of environments that do not ship with the project."""
    return sorted(path for path in folder.glob("Pulumi.*.yaml") if path.name.split(".")[1] not in STACKS)


def check(file: Path) -> None:
    """Check that a file's settings are valid.

    An encrypted setting cannot be read here, so a file that has one is only parsed.
    """
    config = yaml.safe_load(file.read_text()).get("config") or {}
    values = {key.removeprefix(OWN): value for key, value in config.items() if key.startswith(OWN)}
    if not any(isinstance(value, dict) and "secure" in value for value in values.values()):
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
        settings.parse(texts)


def test_the_settings_of_every_environment_that_was_added_are_valid() -> None:
    for file in added(ROOT):
        try:
            check(file)
        except FaultsError as error:
            raise AssertionError(f"{file.name}: {error}") from error


def test_the_light_check_accepts_a_copy_and_refuses_an_invalid_setting(tmp_path: Path) -> None:
    copy = tmp_path / "Pulumi.prod.yaml"
    shutil.copy(ROOT / "Pulumi.dev.yaml", copy)
    assert added(tmp_path) == [copy]
    check(copy)
    copy.write_text(copy.read_text().replace("us-east-1", "virginia"))
    with pytest.raises(FaultsError, match="virginia"):
        check(copy)


def test_an_environment_that_was_added_leaves_the_tests_green(tmp_path: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "e2e", "venv"))
        else:
            shutil.copy(source, tmp_path / name)
    for file in (ROOT / "Pulumi.yaml", *(ROOT / f"Pulumi.{stack}.yaml" for stack in STACKS)):
        shutil.copy(file, tmp_path)
    shutil.copy(ROOT / "Pulumi.dev.yaml", tmp_path / "Pulumi.prod.yaml")
    graphs = "tests/program/test_program.py::test_the_graph_of_each_environment_is_the_recorded_one"
    tests = ["tests/unit/test_environments.py", graphs]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if not key.startswith("PYTEST")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
