"""What a tag must fit before it is released, and what the release shows."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "release.py"))
CHANGELOG = """# Changelog

## 1.3.0 — unreleased

- Later.

## 1.2.3 — 2026-11-29

- New.
- More.

## 1.2.2 — 2026-01-01

- Old.
"""


@pytest.fixture
def folder(tmp_path):
    """A project at 1.2.3."""
    for name, line in (
        ("pyproject.toml", 'version = "1.2.3"'),
        ("components/__init__.py", '__version__ = "1.2.3"'),
        ("policies/PulumiPolicy.yaml", "version: 1.2.3"),
        ("CHANGELOG.md", CHANGELOG),
        ("mkdocs.yml", "site_name: x"),
        ("components/monitoring.py", 'RUNBOOKS = "https://github.com/someone/project"'),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{line}\n")
    return tmp_path


def errors(tag, folder):
    return list(SCRIPT["errors"](tag, folder))


def test_a_tag_that_fits_is_released_with_its_part_of_the_changelog(folder):
    assert errors("v1.2.3", folder) == []
    assert SCRIPT["notes"]("1.2.3", folder) == "- New.\n- More."
    assert SCRIPT["notes"]("1.2.2", folder) == "- Old."


def test_every_version_that_differs_is_named(folder):
    assert errors("v1.2.2", folder) == [
        f"{name}: got version 1.2.3; expected 1.2.2, as in the tag" for name in SCRIPT["VERSIONS"]
    ]


@pytest.mark.parametrize(("version", "given"), [("1.3.0", "unreleased"), ("2.0.0", "no section")])
def test_a_version_without_a_date_in_the_changelog_is_refused(folder, version, given):
    assert errors(f"v{version}", folder)[-1].startswith(f"CHANGELOG.md: got {given} for {version}")


@pytest.mark.parametrize("name", SCRIPT["PLACEHOLDERS"])
def test_a_release_names_its_repository(folder, name):
    path = folder / name
    path.write_text(f"{path.read_text()}# https://github.com/OWNER/project\n")
    assert errors("v1.2.3", folder) == [
        f"{name}: got github.com/OWNER/ in an address; expected the owner of the repository"
    ]


def test_an_empty_section_is_refused(folder):
    (folder / "CHANGELOG.md").write_text("## 1.2.3 — 2026-11-29\n\n## 1.2.2 — 2026-01-01\n\n- Old.\n")
    assert errors("v1.2.3", folder) == ["CHANGELOG.md: got an empty section for 1.2.3; expected what changed"]


@pytest.mark.parametrize("tag", ["1.2.3", "v1.2", "v1.2.3-rc1", "v1.2.3; ls"])
def test_a_tag_that_is_no_version_is_refused(folder, tag):
    assert errors(tag, folder) == [f"got the tag {tag}; expected v<major>.<minor>.<patch>"]


def test_the_project_states_one_version_in_all_of_these_files():
    found = errors("v0.0.0", ROOT)
    assert len({line.partition("; ")[0].partition("got version ")[2] for line in found if "got version" in line}) == 1
    assert (ROOT / SCRIPT["SCHEMA"]).is_file()
