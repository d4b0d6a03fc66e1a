"""The reference of the policy pack is generated from the rules."""

import json
import re
from pathlib import Path

from policies.rules import RULES
from scripts.pages.policies_reference import page

ROOT = Path(__file__).parents[2]


def test_the_reference_is_current() -> None:
    written = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
    assert written == page(), "run: make pages"


def test_the_reference_has_a_section_for_each_rule() -> None:
    sections = re.findall(r"^## (.+)$", page(), flags=re.MULTILINE)
    assert sections == [rule.name for rule in RULES]


def test_the_configuration_on_the_page_of_the_pack_names_rules_and_settings_that_exist() -> None:
    text = (ROOT / "policies" / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", text, flags=re.DOTALL)
    rules = {rule.name: rule for rule in RULES}
    for name, chosen in json.loads(example).items():
        if isinstance(chosen, dict):
            schema = rules[name].config_schema
            assert set(chosen) - {"enforcementLevel"} <= set(schema.properties if schema else ())
        else:
            assert name in rules
