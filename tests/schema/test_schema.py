"""The plugin's schema: the contract with programs in other languages.

``make schema`` writes the golden file again; review the difference before you commit it.
"""

import json
import os
import runpy
from pathlib import Path

import pytest

import components

HERE = Path(__file__).parent
HOST = runpy.run_path(str(HERE.parents[1] / "components" / "__main__.py"), run_name="host")


@pytest.fixture(scope="module")
def provider():
    return HOST["Host"](HOST["COMPONENTS"], HOST["NAME"], None, components.__version__)


@pytest.fixture(scope="module")
def schema(provider):
    return json.loads(provider.schema)


def test_the_schema_is_the_golden_one(schema):
    golden = HERE / "schema.json"
    text = json.dumps(schema, indent=2, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        golden.write_text(text)
    assert text == golden.read_text(), "the schema changed; make schema, and review the difference"


def test_every_property_is_described(schema):
    shapes = {**schema["resources"], **schema["types"]}
    bare = [
        f"{token}.{name}"
        for token, shape in shapes.items()
        for name, property_ in {**shape.get("inputProperties", {}), **shape.get("properties", {})}.items()
        if not property_.get("description")
    ]
    assert bare == []


def test_every_component_is_served_under_the_token_it_registers_itself_with(schema):
    tokens = {__import__(c.__module__, fromlist=["TOKEN"]).TOKEN for c in HOST["COMPONENTS"]}
    assert set(schema["resources"]) == tokens


def test_the_version_is_one_everywhere(schema):
    project = (HERE.parents[1] / "pyproject.toml").read_text()
    assert f'version = "{components.__version__}"' in project
    assert schema["version"] == components.__version__


def test_the_sizes_of_a_node_group_may_be_outputs(schema):
    inputs = schema["resources"]["eks-cluster-autoscaler:index:ManagedNodeGroup"]["inputProperties"]
    for name in ("minSize", "maxSize", "desiredSize"):
        assert inputs[name]["type"] == "integer"
        assert not inputs[name].get("plain")
    assert inputs["hopLimit"]["plain"]
