"""The suite of the sandbox itself."""

from sandbox.tests.sessions import by_folder, pytest_xdist_make_scheduler, sandbox, tools

__all__ = ["pytest_collection_modifyitems", "pytest_xdist_make_scheduler", "sandbox", "tools"]

pytest_collection_modifyitems = by_folder(("kubelet", "kubernetes", "providers"))
