"""Read the tables in ``data/``, the one home of every fact that ages: versions, flags, rights, AMI types.

Each table is tab-separated text. Its first lines are comments that name the source and end in ``read <date>``.
``make versions`` writes the tables; the policy pack has copies of some.
"""

import datetime
import re
from functools import cache
from importlib import resources

_READ = re.compile(r"read (\d{4}-\d{2}-\d{2})\.$")


def rows(name: str) -> list[list[str]]:
    """Return the rows of ``data/<name>``, header first, without comments."""
    return [line.split("\t") for line in _lines(name) if not line.startswith("#")]


def records(name: str) -> list[dict[str, str]]:
    """Return the rows of ``data/<name>`` by the names in its header."""
    header, *found = rows(name)
    return [dict(zip(header, row, strict=True)) for row in found]


def read_on(name: str) -> datetime.date:
    """Return the day on which the source of ``data/<name>`` was read.

    Raises:
        ValueError: The table does not state the day.
    """
    for line in _lines(name):
        if line.startswith("#") and (match := _READ.search(line)):
            return datetime.date.fromisoformat(match[1])
    raise ValueError(f'{name}: no comment ends in "read YYYY-MM-DD."')


@cache
def _lines(name: str) -> list[str]:
    return (resources.files(__package__) / "data" / name).read_text(encoding="utf-8").splitlines()
