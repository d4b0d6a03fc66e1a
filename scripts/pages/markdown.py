"""Text for Markdown."""

import re


def escaped(text: str) -> str:
    """Return text without what Markdown would read as HTML, outside code."""
    return re.sub(r"`[^`]*`|<", lambda found: found[0] if len(found[0]) > 1 else r"\<", text)


def cell(text: str) -> str:
    """Return text for a cell of a table."""
    return escaped(text).replace("|", r"\|")
