"""The project's Markdown as tests read it: fenced blocks with their marks, links and anchors.

A shell block names behind its language what executes it: ``sh test_migration`` is executed by the test module of that
name, ``sh needs-aws`` by no test. What a test executes it reads from the page, so there is one source.
"""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for folder in (".", "docs", "examples", "policies", "sandbox")
    for page in (ROOT / folder).glob("*.md" if folder in (".", "sandbox") else "**/*.md")
)


class Block(NamedTuple):
    """One block of code.

    Attributes:
        page: The page it stands on.
        line: Line of its first fence.
        language: First word behind the fence; empty without one.
        mark: What follows.
        text: The code.
    """

    page: Path
    line: int
    language: str
    mark: str
    text: str

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@cache
def _tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def blocks(page: Path) -> list[Block]:
    """All blocks of code of a page; one that is only indented has no language."""
    found = []
    for token in _tokens(page):
        if token.type in ("fence", "code_block"):
            assert token.map
            language, _, mark = token.info.strip().partition(" ")
            found.append(Block(page, token.map[0] + 1, language, mark, token.content))
    return found


def executed_by(test: str) -> list[Block]:
    """The shell blocks that name this test module, page by page."""
    return [block for page in PAGES for block in blocks(page) if block.mark == test]


def spans(page: Path) -> list[str]:
    """Code within sentences."""
    return [child.content for child in _inline(page) if child.type == "code_inline"]


def links(page: Path) -> list[str]:
    """Targets of links and pictures."""
    wanted = {"link_open": "href", "image": "src"}
    return [str(child.attrs[wanted[child.type]]) for child in _inline(page) if child.type in wanted]


@cache
def anchors(page: Path) -> frozenset[str]:
    """What a link to the page may end with: its headings as GitHub spells them, and explicit anchors."""
    tokens = _tokens(page)
    headings = [tokens[index + 1].content for index, token in enumerate(tokens) if token.type == "heading_open"]
    explicit = re.findall(r'<a id="([^"]+)"></a>', page.read_text(encoding="utf-8"))
    return frozenset([*map(_slug, headings), *explicit])


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _inline(page: Path) -> list[Token]:
    return [child for token in _tokens(page) if token.type == "inline" for child in token.children or []]
