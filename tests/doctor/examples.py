"""How many examples Hypothesis tries here: few, because these tests run next to many others."""

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
        message = str(refusal)
    else:
        return
    assert any(word in message for word in words), message
