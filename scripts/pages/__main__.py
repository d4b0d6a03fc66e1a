"""Writes every page that is made from the code: ``python -m scripts.pages``. A test says when one is out of date."""

import re
from collections.abc import Mapping
from pathlib import Path

from . import components_reference, policies_reference, settings_reference, troubleshooting

ROOT = Path(__file__).parents[2]
README_TABLE = re.compile(r"(?<=<!-- settings: made by `make pages` -->\n).*?(?=<!-- end -->)", re.DOTALL)


def readme() -> str:
    """The README with its table of settings made anew."""
    return README_TABLE.sub(lambda _: settings_reference.short_table(), (ROOT / "README.md").read_text())


def pages() -> Mapping[Path, str]:
    """Text by page."""
    return {
        ROOT / "README.md": readme(),
        ROOT / "docs" / "settings.md": settings_reference.page(),
        ROOT / "docs" / "components.md": components_reference.page(),
        ROOT / "docs" / "policies.md": policies_reference.page(),
        ROOT / "docs" / "troubleshooting.md": troubleshooting.page(),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text)
