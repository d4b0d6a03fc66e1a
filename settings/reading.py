"""From Pulumi config to settings: names and types first, then values."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi
from pulumi.runtime import config as runtime_config

from components.errors import raise_if_any
from components.pure.arguments import camel_case, check
from components.pure.faults import Fault
from settings.rules import faults
from settings.shapes import DEFAULTS, Settings, fields_of

_STRUCTURED = {camel_case(name) for name, field in fields_of(Settings).items() if field.hint is not str}
"""Keys whose value Pulumi hands over as JSON."""

_TEXT = ("flags", "autoscalingOptions")
"""Maps whose values become text, of a command line or a tag: any scalar of YAML is welcome."""


def load(project: str | None = None) -> Settings:
    """Read the settings of the selected stack.

    Raises:
        FaultsError: As ``parse`` does, and with the settings of the AWS provider that the program would ignore.
    """
    namespace = f"{project or pulumi.get_project()}:"
    # pulumi.Config answers for one key at a time; to find an unknown one, read them all.
    known: Mapping[str, str] = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    own = {key.removeprefix(namespace): value for key, value in known.items() if key.startswith(namespace)}
    return parse(own, provider_faults(known))


def provider_faults(config: Mapping[str, str]) -> list[Fault]:
    """Find settings of the AWS provider in the stack's file: the program makes its own provider, which ignores them.

    ``aws:region`` is accepted if it equals the program's ``region``.
    """
    instead = {
        "aws:region": "the same region as in region, or leave it out",
        "aws:allowedAccountIds": "accountId of this program",
        "aws:defaultTags": "tags of this program",
        "aws:profile": "the environment variable AWS_PROFILE, which the program and `aws eks get-token` both read",
    }
    expected = "none: give credentials and endpoints by the environment or ~/.aws/config, for `aws eks get-token` too"
    region = next((value for key, value in config.items() if key.endswith(":region") and key != "aws:region"), None)
    return [
        Fault(key, "a setting of the AWS provider, which this program would ignore", instead.get(key, expected))
        for key, value in config.items()
        if key.startswith("aws:") and (key, value) != ("aws:region", region)
    ]


def parse(config: Mapping[str, str], further: Sequence[Fault] = ()) -> Settings:
    """Turn config values, as Pulumi hands them over, into settings.

    Values are judged only where every name and type is right: a rule that reads a default in the place of what a
    misspelled key was meant to set reports errors of settings that are right (docs/decisions, 9).

    Args:
        config: The values.
        further: Errors of other config, which are reported with those found here.

    Raises:
        FaultsError: With every unknown key and wrong type, or with every value that does not fit.
    """
    raw: dict[str, Any] = {}
    unread: list[Fault] = []
    for key, value in config.items():
        try:
            raw[key] = _with_text(json.loads(value)) if key in _STRUCTURED else value
        except ValueError:
            expected = "an object or a list (pulumi config set --path, or YAML in the file)"
            unread.append(Fault(key, repr(value), expected))
    cleaned, misshapen = check(raw, Settings, camel_case, fields_of)
    reported = {fault.path for fault in unread}
    if unread or misshapen:
        unfit = [*unread, *(fault for fault in misshapen if fault.path not in reported)]
        raise_if_any("settings", [*further, *unfit])
    settings = cast(Settings, {**DEFAULTS, **cleaned})
    raise_if_any("settings", [*further, *faults(settings)])
    return settings


def _with_text(value: Any, key: str = "") -> Any:
    """The same tree, with text for the values of the maps that hold text; ``values`` are the chart's own."""
    if isinstance(value, list):
        return [_with_text(item) for item in value]
    if not isinstance(value, dict) or key == "values":
        return value
    return {name: _text(inner) if key in _TEXT else _with_text(inner, name) for name, inner in value.items()}


def _text(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    return value
