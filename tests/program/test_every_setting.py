"""Every setting arrives where it counts: three environments set them all, and their graphs are recorded.

What is written in a file and then dropped on the way to the cloud changes no graph of the environments that ship.
"""

from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import yaml
from pydantic.alias_generators import to_camel

from settings import Settings
from tests.program.test_program import PROJECT, SNAPSHOTS, assert_recorded, run_program

FOLDER = Path(__file__).parent / "environments"
ENVIRONMENTS = sorted(path.name.split(".")[1] for path in FOLDER.glob("Pulumi.*.yaml"))
REQUIRED = object()


def shapes(annotation):
    """The settings objects that an annotation names: itself, in a list, or as one of several."""
    if is_dataclass(annotation):
        return [annotation]
    return [shape for part in get_args(annotation) for shape in shapes(part)]


def known(shape=Settings, above=""):
    """Path -> default of every key that may be set."""
    found = {}
    hints = get_type_hints(shape)
    for field in fields(shape):
        path = f"{above}{to_camel(field.name)}"
        inner = shapes(hints[field.name])
        for each in inner:
            found |= known(each, f"{path}.")
        if not inner:
            given = field.default_factory() if field.default_factory is not MISSING else field.default
            found[path] = REQUIRED if given is MISSING else given
    return found


def given(value, above):
    """(path, value) of every key that a file sets, down to what is known."""
    if above in KNOWN:
        yield above, value
    elif isinstance(value, list):
        for item in value:
            yield from given(item, above)
    else:
        for key, item in value.items():
            yield from given(item, f"{above}.{key}")


KNOWN = known()


def test_every_setting_is_set_to_something_else_than_its_default():
    found = {}
    for environment in ENVIRONMENTS:
        config = yaml.safe_load((FOLDER / f"Pulumi.{environment}.yaml").read_text())["config"]
        for key, value in config.items():
            for path, inner in given(value, key.removeprefix(f"{PROJECT['name']}:")):
                found.setdefault(path, []).append(inner)
    assert found.keys() == KNOWN.keys()
    assert [path for path, values in found.items() if all(value == KNOWN[path] for value in values)] == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_graph_is_the_recorded_one(environment):
    assert_recorded(run_program(environment, folder=FOLDER), SNAPSHOTS / f"every-setting-{environment}.txt")
