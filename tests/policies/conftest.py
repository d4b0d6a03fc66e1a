"""Each test is a separate run: what a pack keeps of one is forgotten before the next."""

from collections.abc import Iterator

import pytest

from policies.rules.model import memory


@pytest.fixture(autouse=True)
def new_run() -> Iterator[None]:
    """Forgets the resources of earlier tests."""
    memory.forget()
    yield
    memory.forget()
