"""Lines that fit a terminal: wrapped at words, so that nothing that must be copied is cut."""

import textwrap
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text


def screen_width(console: Console) -> int | None:
    """Return the number of columns of a terminal; None in a pipe, where nothing is wrapped."""
    return console.width if console.is_terminal else None


def fit(line: str, width: int | None, hanging: int) -> list[str]:
    """Wrap a line at words; words are never cut.

    Args:
        line: The line; its indentation is kept.
        width: Columns, or None for a line as it is.
        hanging: Indentation of the lines that follow.
    """
    if width is None or len(line) <= width:
        return [line]
    start = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(
        line.lstrip(),
        width,
        initial_indent=start,
        subsequent_indent=" " * hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def labelled(label: Text, value: str, width: int | None) -> Iterator[Text]:
    """Yield a label and its value, wrapped behind the label.

    Args:
        label: The label, padded to its column; the first line keeps its style.
        value: The value.
        width: Columns, or None for one line.
    """
    column = len(label.plain)
    # A single word, such as an ARN, is not moved to a line below its label.
    first, *rest = fit(f"{label.plain}{value}", width if " " in value else None, column)
    yield label.append(first[column:], "")
    for line in rest:
        yield Text(line)
