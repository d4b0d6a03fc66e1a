"""``python -m scripts.versions``: bring the tables up to date and print what changed, as Markdown."""

import argparse
import datetime
import sys
from dataclasses import fields
from pathlib import Path

from .parsing import SourceError
from .refresh import load, refresh
from .sources import Sources
from .tables import differences

ROOT = Path(__file__).parents[2]
HOME = Path("components/pure/data")
COPIES = Path("policies/rules/model/data")
"""The policy pack ships alone: it has copies of the tables that its rules read."""


def main(arguments: list[str]) -> int:
    """Refresh the tables of a checkout; 1 when a source cannot be trusted, and then nothing is written."""
    parser = argparse.ArgumentParser(prog="python -m scripts.versions", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout to refresh (default: this one)")
    parser.add_argument(
        "--today", default=datetime.date.today().isoformat(), help="the day to write into the tables (default: today)"
    )
    for field in fields(Sources):
        if field.type is str:
            parser.add_argument(f"--{field.name}", default=field.default, help=f"default: {field.default}")
    given = parser.parse_args(arguments)
    sources = Sources(images=given.images, charts=given.charts, files=given.files, helm=given.helm)
    before = load(given.root / HOME)
    try:
        after = refresh(before, sources, given.today)
    except SourceError as error:
        print(f"Nothing was changed: {error}", file=sys.stderr)
        return 1
    for name, table in after.items():
        (given.root / HOME / name).write_text(table.text(), encoding="utf-8")
    for copy in (given.root / COPIES).glob("*.tsv"):
        copy.write_text(after[copy.name].text(), encoding="utf-8")
    changed = [line for name, table in after.items() for line in differences(name, before[name], table)]
    print("\n".join(f"- {line}" for line in changed) or "No release since the last refresh.")
    if after["kubernetes.tsv"] == before["kubernetes.tsv"]:
        print("\n`kubernetes.tsv` is as it was: EKS was not asked (no credentials), or it has nothing new.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
