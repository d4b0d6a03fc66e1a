"""docs/components.md: every component with its arguments and outputs, from the plugin's golden schema."""

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .markdown import cell

SCHEMA = Path(__file__).parents[2] / "tests" / "schema" / "schema.json"

HEAD = """\
# Components

Importable from Python (`from eks_cluster_autoscaler import ClusterAutoscaler`) and, as a plugin, from every language
that Pulumi has. `make pages` writes this page from the plugin's schema.

Arguments are spelt as in YAML, TypeScript, Java and .NET; Python's are the same in snake case (`clusterName` is
`cluster_name`), Go's begin with a capital. **Bold** ones are required. A *plain* one must be known when the program
runs; all others may be outputs of other resources.
"""


def page() -> str:
    """The whole page."""
    schema = json.loads(SCHEMA.read_text())
    return "\n".join(_lines(schema)) + "\n"


def _lines(schema: dict[str, Any]) -> Iterator[str]:
    yield HEAD
    yield from (f"- [{_name(token)}](#{_name(token).lower()}): {_summary(shape)}" for token, shape in _sorted(schema))
    for token, shape in _sorted(schema):
        yield from ("", f"## {_name(token)}", "", inspect.cleandoc(cell(shape["description"])), "")
        yield from _table("argument", shape["inputProperties"], shape.get("requiredInputs", []))
        yield ""
        yield from _table("output", shape["properties"], [])
    yield from ("", "## Shapes", "", "Objects within arguments.")
    for token, shape in sorted(schema["types"].items()):
        yield from ("", f"### {_name(token)}", "", inspect.cleandoc(cell(shape["description"])), "")
        yield from _table("key", shape["properties"], shape.get("required", []))


def _sorted(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return sorted(schema["resources"].items())


def _summary(shape: dict[str, Any]) -> str:
    return " ".join(cell(shape["description"]).split()).split(". ")[0].removesuffix(".")


def _table(what: str, properties: dict[str, Any], required: list[str]) -> Iterator[str]:
    yield from (f"| {what} | type | meaning |", "| --- | --- | --- |")
    for name, each in properties.items():
        spelled = f"**`{name}`**" if name in required else f"`{name}`"
        kind = _type(each) + (", *plain*" if each.get("plain") else "")
        yield f"| {spelled} | {kind} | {' '.join(cell(each['description']).split())} |"


def _type(shape: dict[str, Any]) -> str:
    if reference := shape.get("$ref"):
        if reference == "pulumi.json#/Any":
            return "any"
        name = _name(reference)
        return f"[{name}](#{name.lower()})"
    if shape["type"] == "array":
        return f"list of {_type(shape['items'])}"
    if shape["type"] == "object":
        return f"map of {_type(shape['additionalProperties'])}"
    return str(shape["type"])


def _name(token: str) -> str:
    return token.rsplit(":", 1)[-1]
