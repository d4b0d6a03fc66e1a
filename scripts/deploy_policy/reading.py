"""From the file of an environment to its settings, with one line for each error of the file."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

import settings
from components.errors import FaultsError, raise_if_any
from components.pure.faults import Fault

PROJECT = "eks-cluster-autoscaler"
ACCOUNT = "accountId"

_SECRET = "secure"
"""Key of an encrypted value (``pulumi config set --secret``)."""
_FREE = "autoscaler.values"
"""Values of the chart: they may be secret, and no policy depends on them."""


def read(file: Path, *, without_account: bool = False) -> settings.Settings:
    """Read the settings of an environment's file.

    Args:
        file: The file, `Pulumi.<stack>.yaml`.
        without_account: Whether to leave out the ID of the account, which may then be encrypted.

    Raises:
        FileNotFoundError: There is no such file.
        FaultsError: The file cannot be read, or the settings are not valid.
    """
    config = _config(file)
    own = {key.removeprefix(f"{PROJECT}:"): value for key, value in config.items() if key.startswith(f"{PROJECT}:")}
    if without_account:
        own.pop(ACCOUNT, None)
    raise_if_any(file.name, (fault for key, value in own.items() for fault in _faults(key, value)))
    try:
        return settings.parse(
            {key: value if isinstance(value, str) else json.dumps(value) for key, value in own.items()}
        )
    except FaultsError as error:
        raise FaultsError(file.name, error.faults) from None


def _config(file: Path) -> dict[str, Any]:
    """Return what is under `config`, with the keys as text."""
    try:
        whole = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except OSError as error:
        wrong = Fault("file", f"an error: {error.strerror}", "a file that can be read")
    except UnicodeDecodeError:
        wrong = Fault("file", "bytes that are not UTF-8", "text in UTF-8")
    except yaml.YAMLError as error:
        wrong = _malformed(error)
    else:
        config = _mapping(file, "config", _mapping(file, "file", whole).get("config"))
        raise_if_any(file.name, (_key_fault("config", key) for key in config if not isinstance(key, str)))
        return config
    raise FaultsError(file.name, [wrong])


def _malformed(error: yaml.YAMLError) -> Fault:
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "file"
    reason = getattr(error, "problem", None) or str(error).splitlines()[0]
    return Fault(place, f"malformed YAML: {reason}", "keys, values and lists in YAML")


def _mapping(file: Path, path: str, value: object) -> dict[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        expected = f"a map of `{PROJECT}:<setting>`" if path == "config" else "a map with the key config"
        raise FaultsError(file.name, [Fault(path, _kind(value), expected)])
    return value


def _faults(path: str, value: object) -> Iterator[Fault]:
    """Find what the engine would hand over in another form than YAML reads it, and what is encrypted."""
    if isinstance(value, dict):
        if set(value) == {_SECRET} and path != _FREE and not path.startswith(f"{_FREE}."):
            instead = "--account with the ID" if path == ACCOUNT else "plain text"
            yield Fault(path, "a secret", f"{instead}: this command decrypts nothing")
            return
        for key, inner in value.items():
            if isinstance(key, str):
                yield from _faults(f"{path}.{key}", inner)
            else:
                yield _key_fault(path, key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _faults(f"{path}[{index}]", inner)
    elif not isinstance(value, str | int | float | None):
        yield Fault(path, f"{_kind(value)} {value!s}", "text: put it in quotes")


def _key_fault(path: str, key: object) -> Fault:
    return Fault(path, f"the key {json.dumps(key, default=str)}, {_kind(key)}", "text as a key: put it in quotes")


def _kind(value: object) -> str:
    names = {list: "a list", dict: "a map", str: "text", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "nothing" if value is None else f"a {type(value).__name__}")
