"""Write every page that is generated from the code: ``python -m scripts.pages``. A test finds outdated pages."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from doctor.rules import BOOKS

from . import components_reference, doctor_fixes, doctor_rules, pictures, policies_reference, settings_reference

ROOT = Path(__file__).parents[2]


def pages() -> Mapping[Path, str]:
    """Text by page."""
    return {
        ROOT / "docs" / "pictures" / "chain.svg": pictures.chain(),
        ROOT / "docs" / "pictures" / "doctor.svg": pictures.doctor_screen(),
        ROOT / "docs" / "settings.md": settings_reference.page(),
        ROOT / "docs" / "components.md": components_reference.page(),
        ROOT / "docs" / "policies.md": policies_reference.page(),
        ROOT / "docs" / "troubleshooting.md": doctor_rules.troubleshooting(),
        **{ROOT / "docs" / "doctor" / f"{book.link}.md": doctor_rules.link_page(book) for book in BOOKS},
        ROOT / "docs" / "doctor" / "fixes.md": doctor_fixes.page(),
    }


def main(arguments: list[str]) -> int:
    """Write the pages."""
    argparse.ArgumentParser(prog="python -m scripts.pages", description=__doc__).parse_args(arguments)
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
