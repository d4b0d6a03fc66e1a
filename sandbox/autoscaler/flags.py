"""The command line of Cluster Autoscaler, parsed as each release parses its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.autoscaler.releases import Release

Value = str | bool | int | float | list[str]

_TABLE = Path(__file__).with_name("flags.tsv")
_GONE = "!"
_TRUE, _FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")


class FlagError(ValueError):
    """The command line cannot be parsed; the message is what Cluster Autoscaler prints before it exits with 2."""


@dataclass(frozen=True)
class CommandLine:
    """A parsed command line.

    Attributes:
        values: Every flag of the release with what was given or else its default; durations are seconds.
        given: The flags that were given.
    """

    values: Mapping[str, Value]
    given: frozenset[str]


def parse(arguments: Sequence[str], release: Release) -> CommandLine:
    """Parses what follows the program's name.

    Raises:
        FlagError: A flag is unknown to this release or its value is of the wrong type.
    """
    known = {name: (kind, default) for name, kind, default in _flags_of(release)}
    values: dict[str, Value] = {name: _READ[kind](default) for name, (kind, default) in known.items()}
    given: set[str] = set()
    rest = iter(arguments)
    for word in rest:
        if word == "--":
            break
        if not word.startswith("-") or word == "-":
            continue
        name, text = _split(word, rest, known)
        kind, _ = known[name]
        value = _read(name, kind, text)
        before = values[name]
        values[name] = [*before, *value] if isinstance(value, list) and isinstance(before, list) else value
        given.add(name)
    return CommandLine(values, frozenset(given))


def duration(text: str) -> float:
    """Seconds of a Go duration such as ``1h30m`` or ``0``.

    Raises:
        ValueError: It is none.
    """
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if digits == "0":
        return 0.0
    parts = _DURATION.findall(digits)
    if not parts or "".join(number + unit for number, unit in parts) != digits:
        raise ValueError("parse error")
    return sign * sum(float(number) * _UNITS[unit] for number, unit in parts)


def _split(word: str, rest: Iterator[str], known: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    """Name and text of the flag in ``word``; a value of its own word is taken from ``rest``."""
    name, assigned, text = word.lstrip("-").partition("=")
    # As Kubernetes' flag sets do. "-v=4" works, too: the only flag of one letter is v.
    name = name.replace("_", "-")
    if not word.startswith("--") and name != "v":
        raise FlagError(f"unknown shorthand flag: '{word[1]}' in {word}")
    if name not in known:
        raise FlagError(f"unknown flag: {word.partition('=')[0]}")
    if assigned:
        return name, text
    if known[name][0] == "bool":
        return name, "true"
    following = next(rest, None)
    if following is None:
        raise FlagError(f"flag needs an argument: --{name}")
    return name, following


def _read(name: str, kind: str, text: str) -> Value:
    try:
        return _READ[kind](text)
    except ValueError:
        raise FlagError(f'invalid argument "{text}" for "--{name}" flag: parse error') from None


def _bool(text: str) -> bool:
    if text not in _TRUE + _FALSE:
        raise ValueError("parse error")
    return text in _TRUE


_READ: Mapping[str, Callable[[str], Value]] = {
    "string": str,
    "bool": _bool,
    "int": lambda text: int(text, 0),
    "float": float,
    "duration": duration,
    "repeated": lambda text: [text] if text else [],
    "list": lambda text: text.split(",") if text else [],
}


def _flags_of(release: Release) -> Iterator[tuple[str, str, str]]:
    """Name, type and default of every flag of a release, from the table's history of each."""
    for line in _TABLE.read_text().splitlines():
        if line.startswith("#"):
            continue
        name, kind, history = line.split("\t")
        default = _GONE
        for entry in history.split(" "):
            since, _, value = entry.partition("=")
            if int(since.removeprefix("1.")) <= release.minor:
                default = value
        if default != _GONE:
            yield name, kind, default
