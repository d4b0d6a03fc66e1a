"""How hard Hypothesis looks here: at few examples, for these tests run beside many others."""

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import settings

few = settings(max_examples=40)


@contextmanager
def refused_in_words(error: type[Exception], *words: str) -> Iterator[None]:
    """What is not understood may be refused, but only with one of these words."""
    try:
        yield
    except error as refusal:
        said = str(refusal)
    else:
        return
    assert any(word in said for word in words), said
