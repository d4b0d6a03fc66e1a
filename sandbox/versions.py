"""The project's dated tables of versions, read as files: the sandbox imports nothing of what it runs."""

from __future__ import annotations

from sandbox.layout import PROJECT

_TABLES = PROJECT / "components" / "pure" / "data"


def rows(table: str) -> list[dict[str, str]]:
    """The rows of a table by the names in its header."""
    lines = (_TABLES / table).read_text(encoding="utf-8").splitlines()
    header, *found = (line.split("\t") for line in lines if not line.startswith("#"))
    return [dict(zip(header, row, strict=True)) for row in found]
