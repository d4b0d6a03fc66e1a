"""Fixtures of the component tests."""

import pytest

from tests.cloud import Cloud


@pytest.fixture(params=[False, True], ids=["up", "preview"])
def cloud(request):
    """The same graph must be planned that will be made."""
    return Cloud(preview=request.param)
