"""Errors about tools."""


class ToolError(Exception):
    """A tool does not exist and cannot be built; the message names it, the reason and what to do."""
