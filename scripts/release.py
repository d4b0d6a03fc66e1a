"""Checks that a tag may be released, and writes what its release shows: `python scripts/release.py v1.2.3`.

Writes `build/notes.md` (the version's part of the changelog) and `dist/schema.json` (the plugin's schema).
"""

import argparse
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = Path("tests") / "schema" / "schema.json"

VERSIONS = {
    "pyproject.toml": r'^version = "(.+)"$',
    "components/__init__.py": r'^__version__ = "(.+)"$',
    "policies/PulumiPolicy.yaml": r"^version: (.+)$",
}
"""Files that state the version, each with the pattern that finds it."""


OWNER = "github.com/OWNER/"
PLACEHOLDERS = ("pyproject.toml", "mkdocs.yml", "components/monitoring.py")
"""Files that ship and name the repository, which must not be the placeholder then."""


def errors(tag: str, folder: Path) -> Iterator[str]:
    """Yield what is wrong with a tag: the versions in the files, and the changelog."""
    if not re.fullmatch(r"v\d+\.\d+\.\d+", tag):
        yield f"got the tag {tag}; expected v<major>.<minor>.<patch>"
        return
    version = tag.removeprefix("v")
    for name, pattern in VERSIONS.items():
        found = re.findall(pattern, (folder / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
        if found != [version]:
            yield f"{name}: got version {', '.join(found) or 'none'}; expected {version}, as in the tag"
    for name in PLACEHOLDERS:
        if OWNER in (folder / name).read_text(encoding="utf-8"):
            yield f"{name}: got {OWNER} in an address; expected the owner of the repository"
    date, text = _section(version, folder)
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", date):
        yield f"CHANGELOG.md: got {date or 'no section'} for {version}; expected ## {version} — <date as 2026-01-31>"
    elif not text:
        yield f"CHANGELOG.md: got an empty section for {version}; expected what changed"


def notes(version: str, folder: Path) -> str:
    """Return the version's part of the changelog, without its heading."""
    return _section(version, folder)[1]


def _section(version: str, folder: Path) -> tuple[str, str]:
    """Date and text of a version in the changelog; both empty if the changelog lacks it."""
    changelog = (folder / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(version)} — (.*?)$(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    return (found[1].strip(), found[2].strip()) if found else ("", "")


def main(arguments: list[str]) -> int:
    """Write the notes and the schema; exit code 1 and a line for each error when the tag may not be released."""
    parser = argparse.ArgumentParser(prog="python scripts/release.py", description=__doc__)
    parser.add_argument("tag", help="the tag, v<major>.<minor>.<patch>")
    tag = parser.parse_args(arguments).tag
    if found := list(errors(tag, ROOT)):
        print(*found, sep="\n", file=sys.stderr)
        return 1
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "notes.md").write_text(notes(tag.removeprefix("v"), ROOT) + "\n", encoding="utf-8")
    (ROOT / "dist").mkdir(exist_ok=True)
    shutil.copy(ROOT / SCHEMA, ROOT / "dist" / "schema.json")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
