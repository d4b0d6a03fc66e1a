"""Reads the dated tables in ``data/``: tab-separated, with comment lines that say where each fact was read."""

from importlib import resources


def rows(name: str) -> list[list[str]]:
    """The rows of ``data/<name>``, header first, comments left out."""
    text = (resources.files(__package__) / "data" / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
