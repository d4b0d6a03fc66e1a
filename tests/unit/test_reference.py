"""Pages made from the code are current."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_of_settings_is_made_from_the_code_as_it_is():
    script = runpy.run_path(str(ROOT / "scripts" / "settings_reference.py"))
    assert (ROOT / "docs" / "settings.md").read_text() == script["page"]()
