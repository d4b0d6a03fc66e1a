"""The examples in other languages, held against the plugin's schema; their hosts are not run here.

TypeScript is not compiled: the arguments of each component are read as the plain object literal that they are, calls of
the configuration aside, so an example must stay that plain for this test to understand it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PACKAGE = "eks-cluster-autoscaler"
PACKAGE_FOLDER = "../../components"
SCHEMA = json.loads((Path(__file__).parent / "schema.json").read_text())

UNKNOWN = {"type": "string", "pattern": r"^\$\{.+\}$"}
"""A value that comes from elsewhere, as YAML writes it."""

TYPESCRIPT_COMPONENT = re.compile(r"const (\w+) = new autoscaler\.(\w+)\(\s*\"[^\"]+\",\s*(\{.*?\n    \}),", re.DOTALL)
TYPESCRIPT_CALL = re.compile(r"config\.require(?:Object)?(?:<[^>]*>)?\(\"(\w+)\"\)")


class Use(NamedTuple):
    """One component of an example."""

    token: str
    arguments: dict[str, Any]
    outputs_read: set[str]


def in_yaml(text: str) -> Iterator[Use]:
    """The components of a Pulumi YAML program."""
    for name, resource in yaml.safe_load(text)["resources"].items():
        if resource["type"].startswith(f"{PACKAGE}:"):
            read = set(re.findall(rf"\$\{{{re.escape(name)}\.(\w+)\}}", text))
            yield Use(resource["type"], resource["properties"], read)


def in_typescript(text: str) -> Iterator[Use]:
    """The components of a TypeScript program; an object literal of plain values is YAML as it stands."""
    found = list(TYPESCRIPT_COMPONENT.finditer(text))
    assert len(found) == text.count("new autoscaler."), "a component is written in a way that this test cannot read"
    for match in found:
        variable, component, literal = match.groups()
        arguments = yaml.safe_load(TYPESCRIPT_CALL.sub(r'"${\1}"', literal))
        yield Use(f"{PACKAGE}:index:{component}", arguments, set(re.findall(rf"\b{variable}\.(\w+)", text)))


USES = [
    *in_yaml((EXAMPLES / "yaml-consumer" / "Pulumi.yaml").read_text()),
    *in_typescript((EXAMPLES / "typescript-consumer" / "index.ts").read_text()),
]


def as_json_schema(shape: dict[str, Any], properties: str, required: str) -> dict[str, Any]:
    """An object of the plugin's schema as JSON Schema: nothing else may be given, and values may be unknown."""
    return {
        "type": "object",
        "properties": {name: {"anyOf": [UNKNOWN, each]} for name, each in shape.get(properties, {}).items()},
        "required": shape.get(required, []),
        "additionalProperties": False,
    }


def faults(use: Use) -> list[str]:
    """What the schema has against the arguments of a component."""
    types = {token: as_json_schema(shape, "properties", "required") for token, shape in SCHEMA["types"].items()}
    inputs = as_json_schema(SCHEMA["resources"][use.token], "inputProperties", "requiredInputs")
    validator = jsonschema.Draft202012Validator({**inputs, "types": types})
    return [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(use.arguments)]


@pytest.mark.parametrize("use", USES, ids=["yaml", "typescript"])
def test_an_example_gives_what_the_schema_asks_for_in_its_names_and_types(use: Use):
    assert faults(use) == []


@pytest.mark.parametrize("use", USES, ids=["yaml", "typescript"])
def test_an_example_reads_outputs_that_there_are(use: Use):
    assert use.outputs_read
    assert use.outputs_read <= SCHEMA["resources"][use.token]["properties"].keys()


@pytest.mark.parametrize(
    "change",
    [
        {"min_size": 0},
        {"minSize": "two"},
        {"taints": [{"key": "dedicated", "Effect": "NoSchedule"}]},
        {"clusterName": None},
    ],
    ids=[
        "a name in another spelling",
        "a word for a number",
        "a nested name in another spelling",
        "a required one left out",
    ],
)
@pytest.mark.parametrize("use", USES, ids=["yaml", "typescript"])
def test_what_does_not_fit_the_schema_is_found(use: Use, change: dict[str, Any]):
    changed = {name: value for name, value in {**use.arguments, **change}.items() if value is not None}
    assert faults(use._replace(arguments=changed))


@pytest.mark.parametrize("example", ["yaml-consumer", "typescript-consumer"])
def test_an_example_takes_the_plugin_from_this_repository(example: str):
    project = yaml.safe_load((EXAMPLES / example / "Pulumi.yaml").read_text())
    assert project["packages"] == {PACKAGE: PACKAGE_FOLDER}
    assert (EXAMPLES / example / PACKAGE_FOLDER / "PulumiPlugin.yaml").resolve() == (
        ROOT / "components" / "PulumiPlugin.yaml"
    )
