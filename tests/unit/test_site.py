"""What makes pages that are written for GitHub pages of the site."""

import pytest
import yaml

from scripts.site_hooks import adapted
from tests.markdown import ROOT

REPOSITORY = "https://github.com/someone/project/"


@pytest.mark.parametrize(
    ("page", "given", "expected"),
    [
        ("ci.md", "[a](credentials.md#moves)", "[a](credentials.md#moves)"),
        ("doctor/pod.md", "[a](../credentials.md)", "[a](../credentials.md)"),
        ("ci.md", "[a](../README.md#start)", f"[a]({REPOSITORY}blob/main/README.md#start)"),
        ("doctor/pod.md", "[a](../../Makefile)", f"[a]({REPOSITORY}blob/main/Makefile)"),
        ("ci.md", "[a](../nowhere.py)", "[a](../nowhere.py)"),
        ("ci.md", "[a](https://example.com/x.md)", "[a](https://example.com/x.md)"),
        ("ci.md", "[a](#state-in-s3)", "[a](#state-in-s3)"),
        ("ci.md", "```sh needs-aws\npulumi up\n```", "```sh\npulumi up\n```"),
        ("ci.md", "   ```sh like test_x\n   pulumi up\n   ```", "   ```sh\n   pulumi up\n   ```"),
        ("ci.md", "```yaml\na: b\n```", "```yaml\na: b\n```"),
    ],
)
def test_links_out_of_the_documentation_lead_to_the_repository_and_languages_stand_alone(page, given, expected):
    assert adapted(given, page, REPOSITORY) == expected


def test_a_dead_link_or_anchor_fails_the_build():
    text = (ROOT / "mkdocs.yml").read_text()
    rules = yaml.safe_load(text[text.index("validation:") :])["validation"]["links"]
    assert set(rules.values()) == {"warn"}
    (command,) = [line for line in (ROOT / "Makefile").read_text().splitlines() if "mkdocs build" in line]
    # --quiet hides warnings from --strict as well.
    assert command.endswith("mkdocs build --strict")


def test_the_site_names_the_repository_of_the_package():
    text = (ROOT / "mkdocs.yml").read_text()
    (repository,) = [line.split()[1] for line in text.splitlines() if line.startswith("repo_url:")]
    assert f'Source = "{repository}"' in (ROOT / "pyproject.toml").read_text()
