"""What a page written for GitHub needs to become a page of the site: see ``hooks`` in mkdocs.yml."""

import re
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

_LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
_FENCE = re.compile(r"^(\s*```\w+) .+$", re.MULTILINE)


def adapted(markdown: str, page: str, repository: str) -> str:
    """Return a page with links out of the documentation led to the repository, and plain names of languages.

    Args:
        markdown: The page, as GitHub shows it.
        page: Its path below ``docs``.
        repository: URL of the repository.
    """
    folder = PurePosixPath("docs", page).parent

    def led(link: re.Match[str]) -> str:
        target = link[2]
        if "://" in target or target.startswith("mailto:"):
            return link[0]
        path = _normal(folder / target)
        if path.parts[:1] == ("docs",):
            return link[0]
        if not (ROOT / path).exists():
            # Left as it is, so that the check of links reports it.
            return link[0]
        return f"{link[1]}{repository.rstrip('/')}/blob/main/{path}{link[3]}"

    # Behind the language stands who executes the block, which only the tests read.
    return _FENCE.sub(r"\1", _LINK.sub(led, markdown))


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Adapt a page; called by mkdocs."""
    return adapted(markdown, page.file.src_uri, config.repo_url)


def _normal(path: PurePosixPath) -> PurePosixPath:
    """The path without ``..``."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return PurePosixPath(*parts)
