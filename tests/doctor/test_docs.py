"""The documentation of the doctor: every finding has its section, and examples are what the doctor prints."""

import re
from pathlib import Path

import pytest

from doctor.checks import all_rules, examine
from doctor.findings import Link, Rule
from doctor.rendering import document, text

from . import snapshots
from .fakes import Cloud, Cluster
from .test_gather import take

ROOT = Path(__file__).parents[2]
INDEX = (ROOT / "docs/doctor/README.md").read_text()


def page(link: Link) -> str:
    return (ROOT / f"docs/doctor/{link}.md").read_text()


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_every_finding_is_explained_where_it_points_to(rule: Rule):
    # The pages are generated; `test_reference.py` checks that they are current.
    file, _, anchor = rule.docs.partition("#")
    section = (ROOT / file).read_text().partition(f'<a id="{anchor}"></a>\n')[2].partition("<a id=")[0]
    assert f"## {rule.title} (`{rule.id}`)" in section


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_every_text_of_a_rule_is_whole_sentences(rule: Rule):
    assert not rule.title.endswith(".")
    for written in (rule.why, rule.you_see, rule.how_to_fix):
        assert written.endswith("."), written
        assert written[0].isupper() or written[0] == "`" or written.startswith("pods.eks."), written


@pytest.mark.parametrize("link", Link)
def test_a_generated_page_is_marked_as_generated(link: Link):
    assert "`make pages` generates this page" in " ".join(page(link).split())


def test_relative_links_lead_somewhere():
    folder = ROOT / "docs/doctor"
    for file in folder.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", file.read_text()):
            assert (folder / target).exists(), f"{file.name}: {target}"


def test_the_example_is_what_is_printed():
    report = examine(snapshots.with_aws(snapshots.healthy(), oidc_provider=None))
    assert text.plain(report) in INDEX


def test_the_rights_that_a_reader_needs_are_those_that_are_used():
    block = re.search(r"In AWS, on `\*`:\n\n```text\n(.*?)```", INDEX, re.DOTALL)
    assert block
    used = set()
    for mode in snapshots.MODES:
        cloud = Cloud(mode)
        take(cloud, Cluster(mode))
        used |= set(cloud.calls)
    # Asked for only where a role has inline policies, or a node belongs to no managed node group.
    rare = {"iam:GetRolePolicy", "iam:GetInstanceProfile"}
    assert set(block[1].split()) == used | rare


def test_every_field_of_the_document_is_explained():
    explained = (ROOT / "docs/doctor/json.md").read_text()
    schema = document.schema()
    words = set(re.findall(r"\w+", explained.partition("| --- |")[2]))
    assert {*schema["properties"], *schema["properties"]["findings"]["items"]["properties"]} <= words
