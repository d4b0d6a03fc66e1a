"""Every setting arrives where it counts: three environments set them all, and their graphs are recorded.

What is written in a file and then dropped on the way to the cloud changes no graph of the environments that ship.
"""

from pathlib import Path

import pytest
import yaml

import settings
from tests.program.test_program import PROJECT, SNAPSHOTS, assert_recorded, run_program

FOLDER = Path(__file__).parent / "environments"
ENVIRONMENTS = sorted(path.name.split(".")[1] for path in FOLDER.glob("Pulumi.*.yaml"))


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


def known():
    """Path -> default of every key that may be set and is no tree of further ones."""
    found = {path: key.default for path, key in settings.known_keys().items()}
    trees = {path.rpartition(".")[0].removesuffix("[]") for path in found}
    return {path.replace("[]", ""): default for path, default in found.items() if path not in trees}


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
