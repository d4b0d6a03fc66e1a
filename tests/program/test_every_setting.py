"""Every setting arrives where it counts: three environments set them all, and their graphs are recorded.

What is written in a file and then dropped on the way to the cloud changes no graph of the environments that ship.
"""

from pathlib import Path

import pytest
import yaml

import settings
from components.pure.arguments import camel_case, known_paths
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
    """The paths that may be set and are no tree of further ones."""
    found = known_paths(settings.Settings, camel_case, settings.fields_of)
    trees = {path.rpartition(".")[0].removesuffix("[]") for path in found}
    return {path.replace("[]", "") for path in found if path not in trees}


KNOWN = known()


def test_every_setting_is_set():
    found = set()
    for environment in ENVIRONMENTS:
        config = yaml.safe_load((FOLDER / f"Pulumi.{environment}.yaml").read_text())["config"]
        for key, value in config.items():
            found |= {path for path, _ in given(value, key.removeprefix(f"{PROJECT['name']}:"))}
    assert found == KNOWN, f"set the new setting in one of {FOLDER.relative_to(Path.cwd())}, then make snapshots"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_graph_is_the_recorded_one(environment):
    assert_recorded(run_program(environment, folder=FOLDER), SNAPSHOTS / f"every-setting-{environment}.txt")
