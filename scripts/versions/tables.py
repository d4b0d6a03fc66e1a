"""Tables of tab-separated text under dated comments: read, written, and compared row by row."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

_READ = re.compile(r"read \d{4}-\d{2}-\d{2}\.$")


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        comments: Lines that name what it holds, its source and the day on which that was read.
        header: Names of the columns; the first one is the key.
        rows: The rows, each as long as the header.
    """

    comments: tuple[str, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def load(cls, path: Path) -> "Table":
        """Read a table."""
        lines = path.read_text(encoding="utf-8").splitlines()
        header, *rows = (tuple(line.split("\t")) for line in lines if not line.startswith("#"))
        return cls(tuple(line for line in lines if line.startswith("#")), header, tuple(rows))

    def text(self) -> str:
        """The table as text."""
        return "\n".join([*self.comments, *("\t".join(row) for row in (self.header, *self.rows))]) + "\n"

    def read(self, today: str) -> "Table":
        """The table with another day on which its source was read."""
        return replace(self, comments=tuple(_READ.sub(f"read {today}.", line) for line in self.comments))

    def column(self, name: str) -> list[str]:
        """One column."""
        index = self.header.index(name)
        return [row[index] for row in self.rows]


def differences(name: str, before: Table, after: Table) -> Iterator[str]:
    """What changed in a table, one line each; a new day alone is no change."""
    for column in after.header:
        if column not in before.header:
            yield f"{name}: new column {column}"
    old, new = _by_key(before), _by_key(after)
    for key, row in new.items():
        if key not in old:
            yield f"{name}: new {key} ({', '.join(f'{column} {value}' for column, value in row.items() if value)})"
            continue
        for column, value in row.items():
            was = old[key].get(column)
            if was is not None and was != value:
                yield f"{name}: {key}: {column} {was or '(empty)'} -> {value or '(empty)'}"
    for key in old:
        if key not in new:
            yield f"{name}: {key} is gone"


def _by_key(table: Table) -> dict[str, dict[str, str]]:
    """Rows by their first column, or by all but the last where the first is not unique."""
    unique = len({row[0] for row in table.rows}) == len(table.rows)
    return {
        row[0] if unique else " ".join(filter(None, row[:-1])): dict(zip(table.header, row, strict=True))
        for row in table.rows
    }
