"""The settings that the documentation shows are settings: the program takes them."""

import pytest
import yaml

from tests.markdown import PAGES, ROOT, blocks
from tests.program.test_program import PROJECT, run_program

SHOWN = [
    block for page in PAGES for block in blocks(page) if block.language == "yaml" and block.text.startswith("config:")
]


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: block.place)
def test_settings_of_the_documentation_are_taken_by_the_program(block):
    config = yaml.safe_load(block.text)["config"]
    prefix = f"{PROJECT['name']}:"
    assert all(key.startswith(prefix) for key in config)
    graph = run_program("dev", **{key.removeprefix(prefix): value for key, value in config.items()})
    assert graph.stack_outputs()["releaseStatus"] == "deployed"


def test_the_errors_on_the_settings_page_are_what_the_program_reports():
    page = ROOT / "docs" / "settings.md"
    (shown,) = [block.text for block in blocks(page) if block.text.startswith("error: settings")]
    taint = {"key": "dedicated", "effect": "NO_SCHEDULE"}
    group = {"name": "general", "minSize": 0, "maxSize": 1, "taints": [taint]}
    with pytest.raises(Exception, match="settings: 2 errors") as refused:
        run_program("dev", nodeGroups=[group], autoscaler={"expander": "price"})
    assert f"error: {refused.value}\n" == shown
