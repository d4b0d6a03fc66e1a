"""The package as `pip install` makes it: everything that the code reads is in it, under names of its own."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"components": "eks_cluster_autoscaler", "doctor": "ca_doctor"}
"""The name that each folder has when it is installed."""


def pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", *map(str, arguments), "--quiet", "--no-index", "--no-deps"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, because setuptools leaves a `build` folder behind."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip("wheel", source, "--no-build-isolation", "--wheel-dir", folder)
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_holds_every_file_of_both_packages_and_nothing_else(wheel: Path):
    expected = sorted(
        f"{name}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, name in PACKAGES.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )
    held = sorted(name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name)
    assert held == expected, "list packages and package data in pyproject.toml"


def test_the_installed_packages_work_apart_from_the_repository(wheel: Path, tmp_path: Path):
    pip("install", wheel, "--no-compile", "--target", tmp_path / "site")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import eks_cluster_autoscaler, ca_doctor.cli\n"
        "from ca_doctor.rendering import document\n"
        "from eks_cluster_autoscaler.pure import tables\n"
        "assert tables.rows('charts.tsv') and tables.rows('ca-flags.tsv') and document.schema()\n"
        "print(eks_cluster_autoscaler.__file__, ca_doctor.__file__)\n"
    )
    # -I: neither the working directory nor PYTHONPATH may lend it the repository's own folders.
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, tmp_path / "site"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / "site" / name / "__init__.py") for name in PACKAGES.values()]
