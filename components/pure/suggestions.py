"""What the user may have meant: the known name that an unknown one is a typo of."""

import difflib
import re
from collections.abc import Iterable

_CUTOFF = 0.8
"""How alike two names are at least: one letter in five may differ. At difflib's own 0.6, colour is like cluster."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a user probably meant, or None; case and separators of words do not count."""
    byletters = {letters(each): each for each in reversed(list(known))}
    close = difflib.get_close_matches(letters(name), byletters, n=1, cutoff=_CUTOFF)
    return byletters[close[0]] if close else None


def letters(name: str) -> str:
    """Return a name without case and separators: the same for ``minSize``, ``min_size`` and ``min-size``."""
    return re.sub(r"\W|_", "", name).lower()
