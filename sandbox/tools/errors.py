"""What can go wrong with a tool."""


class ToolError(Exception):
    """A tool is neither there nor can it be had; the message names it, the reason and the way out."""
