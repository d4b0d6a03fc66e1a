"""The package as `pip install` makes it: everything that the code reads is in it, under its own names."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from unittest import mock

import grpc
import pytest
import yaml
from packaging.metadata import Metadata
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

ROOT = Path(__file__).parents[2]
PACKAGES = {"components": "eks_cluster_autoscaler", "doctor": "ca_doctor"}
"""The name that each folder has when it is installed."""


def pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", *map(str, arguments), "--quiet", "--no-index", "--no-deps"]
    env = os.environ | {"SOURCE_DATE_EPOCH": EPOCH}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


EPOCH = "1796000000"
"""Time of the commit that is built; `make wheel` reads it from git."""


def built(folder: Path) -> Path:
    """A wheel made from a copy, because setuptools leaves a `build` folder behind."""
    source = folder / "source"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__", "venv"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip("wheel", source, "--no-build-isolation", "--wheel-dir", folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("wheel"))


def test_two_builds_of_one_commit_are_the_same_bytes(wheel: Path, tmp_path: Path):
    again = tmp_path / "deeper" / "again"
    again.mkdir(parents=True)
    # copytree keeps the times of files; another checkout has others.
    with mock.patch("shutil.copystat"):
        assert built(again).read_bytes() == wheel.read_bytes()


def test_the_metadata_is_valid_and_complete(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        found = Metadata.from_email(archive.read(name), validate=True)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (found.name, str(found.version)) == (project["name"], project["version"])
    assert found.license_expression == project["license"]
    assert found.license_files == ["LICENSE"]
    assert found.description == (ROOT / "README.md").read_text()
    assert found.description_content_type == "text/markdown"
    assert str(found.requires_python) == project["requires-python"]
    assert set(found.project_urls or {}) == {"Source", "Documentation", "Changelog", "Issues"}
    for text in (found.author, found.keywords, found.classifiers, found.summary):
        assert text
    assert set(found.provides_extra or ()) == set(project["optional-dependencies"])


def test_the_wheel_holds_every_file_of_both_packages_and_nothing_else(wheel: Path):
    expected = sorted(
        f"{name}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, name in PACKAGES.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not {"__pycache__", "venv"} & set(path.parts)
    )
    held = sorted(name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name)
    assert held == expected, "list packages and package data in pyproject.toml"


@pytest.fixture(scope="module")
def site(wheel: Path) -> Path:
    """A folder with the installed packages."""
    folder = wheel.parent / "site"
    pip("install", wheel, "--no-compile", "--target", folder)
    return folder


def test_the_installed_packages_work_apart_from_the_repository(site: Path, tmp_path: Path):
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
        [sys.executable, "-I", "-c", program, site],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(site / name / "__init__.py") for name in PACKAGES.values()]


def test_a_plain_install_shows_how_to_get_the_doctors_packages(site: Path, tmp_path: Path):
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["doctor"]
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        # What a plain install lacks: an import of it fails as if it did not exist.
        f"sys.modules.update(dict.fromkeys({extra}))\n"
        "from importlib.metadata import distribution\n"
        "(command,) = distribution('pulumi-eks-cluster-autoscaler').entry_points.select(group='console_scripts')\n"
        "assert command.name == 'ca-doctor'\n"
        "command.load()()\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, site], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "is not installed. Run: pip install 'pulumi-eks-cluster-autoscaler[doctor]'" in done.stderr


def test_the_installed_package_serves_the_plugin(site: Path, tmp_path: Path):
    program = (
        "import runpy, sys; sys.path.insert(0, sys.argv.pop(1))\n"
        "runpy.run_module('eks_cluster_autoscaler', run_name='__main__', alter_sys=True)\n"
    )
    # The engine's address, which the plugin needs to start and does not use for its schema.
    command = [sys.executable, "-I", "-u", "-c", program, site, "127.0.0.1:1"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as plugin:
        assert plugin.stdout
        assert plugin.stderr
        try:
            port = plugin.stdout.readline().strip()
            assert port.isdigit(), plugin.stderr.read()
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = provider_pb2_grpc.ResourceProviderStub(channel)
                schema = stub.GetSchema(provider_pb2.GetSchemaRequest(), wait_for_ready=True, timeout=60).schema
        finally:
            plugin.kill()
    assert '"eks-cluster-autoscaler:index:ClusterAutoscaler"' in schema


def test_the_plugin_installs_what_the_package_requires():
    options = yaml.safe_load((ROOT / "components" / "PulumiPlugin.yaml").read_text())["runtime"]["options"]
    # Pulumi installs into a folder of the plugin: from git, nothing else exists.
    assert options == {"toolchain": "pip", "virtualenv": "venv"}
    lines = (ROOT / "components" / "requirements.txt").read_text().splitlines()
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert [line for line in lines if not line.startswith("#")] == required
