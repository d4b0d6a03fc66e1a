"""The suite of the sandbox itself."""

from pathlib import Path

from sandbox.tests.sessions import longest_first, pytest_xdist_make_scheduler, sandbox, tools

__all__ = ["pytest_collection_modifyitems", "pytest_xdist_make_scheduler", "sandbox", "tools"]

pytest_collection_modifyitems = longest_first(Path(__file__).parent, ("kubelet", "kubernetes", "providers"))
