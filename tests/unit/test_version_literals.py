"""No test and no page repeats a version that a refresh of the tables moves: they read it from the tables."""

import re
from pathlib import Path

import pytest

from components.pure import compatibility
from components.pure.versions import dotted

ROOT = Path(__file__).parents[2]
PLACES = ("tests", "sandbox/tests", "docs", "examples", "benchmarks", ".")
TEXT = {".py", ".md", ".yaml", ".yml", ".json", ".ts", ".txt", ".go"}

ABOUT_THAT_VERSION = {
    "tests/doctor/recordings": "what that release of Cluster Autoscaler logged",
    "tests/e2e/program/baselines": "the state that a released version of this project left",
    "tests/program/snapshots": "written by `make versions`, to be read in its pull request",
    "tests/unit/test_flag_needs.py": "the first chart with some of the rights of capacity buffers",
    "docs/karpenter.md": "the release whose source was read",
    "docs/monitoring.md": "the release whose metrics were recorded",
    "tests/unit/test_monitoring.py": "the release whose source was read",
    "docs/reliability.md": "what ran on the day that the page names",
    "docs/benchmarks/figures.json": "what ran on the day that the page names",
}
"""Files and folders that are about the very versions that they name, and why."""


def files() -> list[Path]:
    """Every text file of the places, but for the ones that are about a version."""
    found = {
        path
        for place in PLACES
        for path in ((ROOT / place).glob("*") if place == "." else (ROOT / place).rglob("*"))
        if path.suffix in TEXT and path.is_file()
    }
    return sorted(path for path in found if not any(is_below(path, excepted) for excepted in ABOUT_THAT_VERSION))


def is_below(path: Path, place: str) -> bool:
    return path.relative_to(ROOT).is_relative_to(place)


def newest() -> list[str]:
    """Newest chart, and newest Cluster Autoscaler of each minor: what a refresh moves."""
    return [dotted(compatibility.newest_chart().version), *map(dotted, compatibility.NEWEST_PATCH.values())]


def found_in(path: Path, wanted: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for match in wanted.finditer(line)
    ]


def test_tests_and_pages_read_the_newest_versions_from_the_tables() -> None:
    wanted = re.compile(rf"(?<![\d.])(?:{'|'.join(map(re.escape, newest()))})(?![\d.]*\d)")
    assert [hit for path in files() for hit in found_in(path, wanted)] == []


@pytest.mark.parametrize("place", ABOUT_THAT_VERSION)
def test_every_exception_exists(place: str) -> None:
    assert (ROOT / place).exists()
