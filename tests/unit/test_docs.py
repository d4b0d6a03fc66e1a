"""The documentation holds together: links lead somewhere, examples parse, and each command names what executes it."""

import ast
import json
import re
from pathlib import Path

import pytest
import yaml

from tests.markdown import PAGES, ROOT, Block, anchors, blocks, executed_by, links, spans

BLOCKS = [block for page in PAGES for block in blocks(page)]
SHELL = [block for block in BLOCKS if block.language == "sh"]
PARSERS = {"json": json.loads, "python": ast.parse, "yaml": yaml.safe_load}
OTHERS = {"sh", "text", "markdown"}
NEEDS = {
    "needs-aws": "an account of AWS, or a cluster there",
    "needs-github": "the published repository",
    "needs-a-registry": "packages from outside",
    "make": "nothing: targets of the Makefile, which is what `make test` and CI run themselves",
}
"""Marks of blocks that no test executes, and what they would need."""

TARGETS = frozenset(
    target
    for name in ("Makefile", "sandbox/sandbox.mk")
    for target in re.findall(r"^([a-z0-9-]+):", (ROOT / name).read_text(), re.MULTILINE)
)
MODULES = {path.stem: path for path in (ROOT / "tests").rglob("test_*.py")}


def by_place(block: Block) -> str:
    return block.place


def short(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("block", BLOCKS, ids=by_place)
def test_a_block_names_its_language_and_is_well_formed(block: Block):
    assert block.language in PARSERS.keys() | OTHERS, "fence it, and name the language: sh for a shell, text for output"
    PARSERS.get(block.language, str)(block.text)


@pytest.mark.parametrize("block", SHELL, ids=by_place)
def test_a_shell_block_names_what_executes_it(block: Block):
    if block.mark in NEEDS:
        return
    if block.mark.startswith("like "):
        # A test that must stand between the commands makes the same calls by itself.
        assert block.mark.removeprefix("like ") in MODULES
        return
    assert block.mark in MODULES, f"expected a test module or one of {', '.join(NEEDS)} behind sh"
    assert "executed_by(" in MODULES[block.mark].read_text(), f"{block.mark} does not read its commands from the pages"
    assert block in executed_by(block.mark)


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_links_lead_somewhere(page: Path):
    for link in links(page):
        if re.match(r"[a-z]+://", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert target.is_file(), f"{link} is a folder, which only some readers can open"
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_tests_that_are_named_as_proof_exist(page: Path):
    for name, target in re.findall(r"\[`(test_\w+)`\]\(([^)#]+)\)", page.read_text()):
        assert f"def {name}(" in (page.parent / target).read_text(), f"{target} has no {name}"


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_commands_within_sentences_exist(page: Path):
    mentioned = [
        *spans(page),
        *(line for block in blocks(page) if block.mark == "make" for line in block.text.splitlines()),
    ]
    for words in (text.partition(" #")[0].split() for text in mentioned):
        match words:
            case ["make", *targets]:
                assert TARGETS.issuperset(word for word in targets if "=" not in word), words
            case ["python", "-m", module, *_]:
                path = ROOT / module.replace(".", "/")
                assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), words
            case ["python", script, *_] if script.endswith(".py"):
                assert (ROOT / script).exists(), words


def test_every_page_is_reached_from_the_readme():
    reached, left = set(), [ROOT / "README.md"]
    while left:
        page = left.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = ((page.parent / link.partition("#")[0]).resolve() for link in links(page) if "://" not in link)
        left += [target for target in targets if target in PAGES]
    assert set(PAGES) == reached
