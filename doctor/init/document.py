"""The settings as YAML with comments, in a form that every reader of YAML takes for the same."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

WIDTH = 118

_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9_./:-]*[A-Za-z0-9_./-])?|\d+(?:ms|s|m|h)")
"""Words, and durations: texts to every reader."""
_WORDS_OF_YAML = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}


@dataclass(frozen=True)
class Entry:
    """One key with its value.

    Attributes:
        value: Plain data, entries of a map, or items of a list.
        comments: What is written above it, each a paragraph.
        disabled: Whether the whole is written as a comment, for the reader to enable.
    """

    key: str
    value: Any
    comments: tuple[str, ...] = ()
    disabled: bool = False


@dataclass(frozen=True)
class Item:
    """One item of a list: a map."""

    value: Mapping[str, Any]
    comments: tuple[str, ...] = ()
    disabled: bool = False


class _Dumper(yaml.SafeDumper):
    """Quotes every text that is not a plain word.

    PyYAML reads YAML 1.1 and Pulumi's CLI 1.2: what is a number or a boolean to one of them is text to the other.
    """

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _text)


def render(entries: Iterable[Entry], indent: int = 0) -> list[str]:
    """Return the lines of a map."""
    lines: list[str] = []
    for entry in entries:
        lines += comment(entry.comments, indent)
        lines += _disabled(_entry(entry, indent), indent) if entry.disabled else _entry(entry, indent)
    return lines


def comment(paragraphs: Sequence[str], indent: int = 0) -> list[str]:
    """Return paragraphs as comments. A line that begins with ``$ `` is a command, which is not wrapped."""
    return [f"{' ' * indent}# {line}".rstrip() for text in paragraphs for line in _wrapped(text, WIDTH - indent - 2)]


def clean(text: str) -> str:
    """One line without characters that YAML forbids; names and values of a cluster may hold any."""
    return _printable(" ".join(text.split()))


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)


def _wrapped(text: str, width: int) -> list[str]:
    if text.startswith("$ "):
        return [f"     {_printable(line)}" for line in text[2:].splitlines()]
    one_line = clean(text)
    hanging = "  " if one_line.startswith("- ") else "   " if one_line[1:3] == ". " else ""
    return textwrap.wrap(
        one_line, width, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
    ) or [""]


def _entry(entry: Entry, indent: int) -> list[str]:
    space = " " * indent
    value = entry.value
    if isinstance(value, list | tuple) and any(isinstance(each, Entry) for each in value):
        return [f"{space}{_key(entry.key)}:", *render(value, indent + 2)]
    if isinstance(value, list | tuple) and any(isinstance(each, Item) for each in value):
        mark = "" if any(not each.disabled for each in value) else "# "
        return [f"{space}{mark}{_key(entry.key)}:", *(line for each in value for line in _item(each, indent + 2))]
    return [space + line for line in _dump({entry.key: value})]


def _item(item: Item, indent: int) -> Iterator[str]:
    space = " " * indent
    lines = [f"{space}{line}" for line in _dump([dict(item.value)])]
    yield from comment(item.comments, indent)
    yield from _disabled(lines, indent) if item.disabled else lines


def _disabled(lines: Iterable[str], indent: int) -> list[str]:
    space = " " * indent
    return [line if line.startswith(f"{space}#") else f"{space}# {line[indent:]}" for line in lines]


def _key(key: str) -> str:
    return _dump({key: None})[0].partition(": null")[0]


def _dump(data: Any) -> list[str]:
    text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=2**20, allow_unicode=False, default_flow_style=False)
    return text.splitlines()
