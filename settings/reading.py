"""From Pulumi config to settings, every fault reported at once: of shapes and, beside broken ones, of values."""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from components.errors import raise_if_any
from components.pure.faults import Fault
from settings.rules import faults
from settings.shapes import STRUCTURED, Settings, known_keys


def load(project: str | None = None) -> Settings:
    """Read the settings of the stack at hand.

    Raises:
        FaultsError: With every fault: unknown keys, wrong types, and values that do not fit together.
    """
    namespace = f"{project or pulumi.get_project()}:"
    # pulumi.Config answers for one key at a time; an unknown key is only found by looking at them all.
    known: Mapping[str, str] = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    return parse({key.removeprefix(namespace): value for key, value in known.items() if key.startswith(namespace)})


def parse(config: Mapping[str, str]) -> Settings:
    """Turn config values, as Pulumi hands them over, into settings.

    Raises:
        FaultsError: With every fault.
    """
    raw: dict[str, Any] = {}
    found: list[Fault] = []
    for key, value in config.items():
        try:
            raw[key] = json.loads(value) if key in STRUCTURED else value
        except ValueError:
            found.append(Fault(key, repr(value), "an object or a list (pulumi config set --path, or YAML in the file)"))
    broken: list[_Place] = [(fault.path,) for fault in found]
    try:
        settings = _shaped(raw)
    except ValidationError as error:
        errors = [each for each in error.errors() if each["loc"] not in broken]
        found += map(_fault, errors)
        broken += [each["loc"] for each in errors]
    raise_if_any("settings", [*found, *(_faults_beside(raw, broken) if broken else faults(settings))])
    return settings


_Place = tuple[int | str, ...]
"""Where something stands, as pydantic tells it: ``("nodeGroups", 0, "minSize")``."""


def _shaped(raw: Mapping[str, Any]) -> Settings:
    settings: Settings = TypeAdapter(Settings).validate_json(json.dumps(raw))
    return settings


_EITHER: tuple[Mapping[str, Any], Mapping[str, Any]] = (
    {
        "region": "us-east-1",
        "cluster": {"name": "one"},
        "nodeGroups[]": {"name": "one", "minSize": 0, "maxSize": 1},
        "existingNodeGroups[]": {"name": "one"},
    },
    {
        "region": "eu-west-1",
        "cluster": {
            "name": "another",
            "create": {"kubernetesVersion": "1.36", "network": {"zones": ["eu-west-1a", "eu-west-1b"]}},
        },
        "nodeGroups": [{"name": "another", "minSize": 0, "maxSize": 1}],
        "nodeGroups[]": {"name": "another", "minSize": 0, "maxSize": 1},
        "existingNodeGroups": [{"name": "another"}],
        "existingNodeGroups[]": {"name": "another"},
    },
)
"""What stands in for that whose shape is broken, twice with nothing in common; a key that is not here is left out.

A fault that is found with either is a fault of the rest, not of what stands in.
"""


def _faults_beside(raw: Mapping[str, Any], broken: Iterable[_Place]) -> list[Fault]:
    """What is wrong with the values of the rest, whatever the broken keys and items of lists were meant to be."""
    one, another = (faults(_shaped(_replaced(raw, broken, stand_ins))) for stand_ins in _EITHER)
    return [fault for fault in one if fault in another]


def _replaced(raw: Mapping[str, Any], broken: Iterable[_Place], stand_ins: Mapping[Any, Any]) -> dict[str, Any]:
    mended: dict[Any, Any] = {key: list(value) if isinstance(value, list) else value for key, value in raw.items()}
    for key, *inside in broken:
        if inside and f"{key}[]" in stand_ins:
            mended[key][inside[0]] = stand_ins[f"{key}[]"]
        elif key in stand_ins:
            mended[key] = stand_ins[key]
        else:
            mended.pop(key, None)
    return mended


def _fault(error: ErrorDetails) -> Fault:
    """One error of pydantic in this project's words: the key's path, what was given, what was expected."""
    path = _path(error["loc"])
    if error["type"] == "missing":
        return Fault(path, "nothing", "a value: this key is required")
    if error["type"] == "unexpected_keyword_argument":
        return Fault(path, "an unknown key", _nearest(str(error["loc"][-1]), _place(error["loc"][:-1])))
    expected = error["msg"].removeprefix("Input should be ")
    got = json.dumps(error["input"], default=str)
    if error["type"] == "string_type" and isinstance(error["input"], int | float):
        expected = f'a string: write "{got}" in quotes'
    if error["type"] == "dataclass_type":
        expected = "an object with keys of its own"
    return Fault(path, got if len(got) <= 80 else f"{got[:77]}...", expected)


def _path(location: tuple[int | str, ...]) -> str:
    path = Fault("", "", "")
    for part in reversed(location):
        path = path.under(f"[{part}]" if isinstance(part, int) else part)
    return path.path


def _place(location: tuple[int | str, ...]) -> str:
    """The path as :func:`known_keys` writes it, whichever item of a list it is in."""
    return re.sub(r"\[\d+\]", "[]", _path(location))


def _nearest(key: str, place: str) -> str:
    """Hint at the known key that was probably meant: one of those at that very place, else one of another place."""
    known = [path.rpartition(".") for path in known_keys()]
    here = {name: name for above, _, name in known if above == place}
    elsewhere = {name: f"{above}.{name}" if above else name for above, _, name in reversed(known)}
    for candidates in (here, elsewhere):
        if near := difflib.get_close_matches(key, candidates, n=1):
            return f"a known key; did you mean {candidates[near[0]]}?"
    return "a known key; see Pulumi.yaml"
