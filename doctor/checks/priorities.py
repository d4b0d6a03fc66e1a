"""Sixth link, first part: the ConfigMap of the expander ``priority``."""

import re
from collections.abc import Iterator, Sequence

import yaml

from ..access import PRIORITY_CONFIG_MAP, PRIORITY_KEY
from ..case import Case
from ..facts import ConfigMap
from ..findings import Finding
from ..readings import Unreadable
from ..rules import autoscaler as rules
from .wording import number, some


def check(case: Case, _: Sequence[Finding]) -> Iterator[Finding]:
    """Check the ConfigMap if the expander is ``priority``."""
    if "priority" not in case.arguments.get("expander").split(","):
        return
    found = case.snapshot.kubernetes.priorities
    if isinstance(found, Unreadable):
        yield rules.PRIORITIES.unread(found)
        return
    if found is None:
        yield rules.PRIORITIES.broken(
            f"The expander is priority, but the ConfigMap {PRIORITY_CONFIG_MAP} does not exist.",
            "a ConfigMap with the key priorities",
            case.fixer.create_priorities(PRIORITY_CONFIG_MAP, PRIORITY_KEY),
        )
        return
    edit = case.fixer.edit_priorities(PRIORITY_CONFIG_MAP, PRIORITY_KEY)
    try:
        patterns = parse_priorities(found)
    except ValueError as error:
        yield rules.PRIORITIES.broken(
            f"The ConfigMap {PRIORITY_CONFIG_MAP} is invalid: {error}.", "lists of patterns by number", edit
        )
        return
    unmatched = [group.name for group in case.discovered if not any(_matches(each, group.name) for each in patterns)]
    if unmatched and len(unmatched) == len(case.discovered):
        yield rules.PRIORITIES.warning(
            f"No pattern of {PRIORITY_CONFIG_MAP} matches a group: {some(unmatched)}.",
            "patterns of group names, such as eks-<node group>-<id>",
            edit,
        )
    else:
        left_out = f"; no pattern matches {some(unmatched)}" if unmatched else ""
        yield rules.PRIORITIES.ok(f"The priorities have {number(len(patterns), 'pattern')}{left_out}.")


def parse_priorities(config_map: ConfigMap) -> list[str]:
    """Return the patterns of a priority map, of every priority.

    Raises:
        ValueError: If it is not a map of lists by whole number.
    """
    if PRIORITY_KEY not in config_map.data:
        raise ValueError(f"it has the keys {', '.join(config_map.data) or '(none)'}, but not the key {PRIORITY_KEY}")
    try:
        document = yaml.load(config_map.data[PRIORITY_KEY], Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"it is not YAML: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(document, dict) or not all(isinstance(patterns, list) for patterns in document.values()):
        raise ValueError("it is not a map of lists")
    for priority in document:
        if not re.fullmatch(r"-?[0-9]+", str(priority)):
            raise ValueError(f"{priority!r} is not a whole number")
    return [str(pattern) for patterns in document.values() for pattern in patterns]


def _matches(pattern: str, name: str) -> bool:
    """Whether a pattern matches; one that only Go can compile counts as a match."""
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return True
