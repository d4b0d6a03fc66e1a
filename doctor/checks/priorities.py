"""Sixth link, beforehand: the ConfigMap of the expander ``priority``."""

import re
from collections.abc import Iterator, Sequence

import yaml

from ..access import PRIORITY_CONFIG_MAP, PRIORITY_KEY
from ..case import Case
from ..facts import ConfigMap
from ..findings import Finding, Link, RuleBook
from ..readings import Unreadable
from .wording import some

BOOK = RuleBook(Link.AUTOSCALER)

PRIORITIES = BOOK.rule(
    "priorities",
    "The priorities can be read and match groups",
    "Without a valid map the priority expander has no effect; groups that match no pattern are left out.",
)


def check(case: Case, _: Sequence[Finding]) -> Iterator[Finding]:
    """Look at the ConfigMap, where the expander is ``priority``."""
    if "priority" not in case.arguments.get("expander").split(","):
        return
    found = case.snapshot.kubernetes.priorities
    if isinstance(found, Unreadable):
        yield PRIORITIES.unread(found)
        return
    kubectl = f"kubectl --namespace {case.mender.namespace}"
    if found is None:
        yield PRIORITIES.broken(
            f"The expander is priority, and the ConfigMap {PRIORITY_CONFIG_MAP} does not exist.",
            "a ConfigMap with the key priorities",
            f"{kubectl} create configmap {PRIORITY_CONFIG_MAP} --from-literal {PRIORITY_KEY}='10: [\".*\"]'",
        )
        return
    edit = f"{kubectl} edit configmap {PRIORITY_CONFIG_MAP}   # {PRIORITY_KEY}: '10: [\".*\"]'"
    try:
        patterns = parse_priorities(found)
    except ValueError as error:
        yield PRIORITIES.broken(f"The ConfigMap {PRIORITY_CONFIG_MAP}: {error}.", "lists of patterns by number", edit)
        return
    unmatched = [group.name for group in case.discovered if not any(_matches(each, group.name) for each in patterns)]
    if unmatched and len(unmatched) == len(case.discovered):
        yield PRIORITIES.warning(
            f"No pattern matches any group: {some(unmatched)}.", "patterns of names: eks-<node group>-<id> by EKS", edit
        )
    else:
        left_out = f"; no pattern matches {some(unmatched)}" if unmatched else ""
        yield PRIORITIES.ok(f"{len(patterns)} patterns{left_out}.")


def parse_priorities(config_map: ConfigMap) -> list[str]:
    """The patterns of a priority map, whatever their priorities.

    Raises:
        ValueError: When it is no map of lists by whole number.
    """
    if PRIORITY_KEY not in config_map.data:
        raise ValueError(
            f"it has {', '.join(config_map.data) or 'nothing'}, and doesn't contain the key {PRIORITY_KEY}"
        )
    try:
        document = yaml.load(config_map.data[PRIORITY_KEY], Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"not YAML: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(document, dict) or not all(isinstance(patterns, list) for patterns in document.values()):
        raise ValueError("not a map of lists")
    for priority in document:
        if not re.fullmatch(r"-?[0-9]+", str(priority)):
            raise ValueError(f"{priority!r} is no whole number")
    return [str(pattern) for patterns in document.values() for pattern in patterns]


def _matches(pattern: str, name: str) -> bool:
    """Whether a pattern matches; one that only Go understands is believed to."""
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return True
