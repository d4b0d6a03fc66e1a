"""Choosing the group that grows, when several could."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random

import yaml

from sandbox.autoscaler.groups import Group
from sandbox.autoscaler.objects import Node, Pod, total

PRIORITY_MAP = "cluster-autoscaler-priority-expander"
Priorities = Mapping[int, Sequence[str]]


class ExpanderError(ValueError):
    """An ``--expander`` that Cluster Autoscaler does not start with; the message is its own."""


class PriorityMapError(ValueError):
    """The priority expander's ConfigMap cannot be used; the message says why."""


@dataclass(frozen=True)
class Option:
    """One way out: ``nodes`` more nodes like ``template`` in ``group`` would take ``pods``."""

    group: Group
    template: Node
    pods: tuple[Pod, ...]
    nodes: int


def check(names: Sequence[str]) -> None:
    """Refuses a chain of expanders that Cluster Autoscaler refuses, and what the stand-in does not play.

    Raises:
        ExpanderError: At the first fault.
    """
    for position, name in enumerate(names):
        if name == "price":
            raise ExpanderError("Couldn't access cloud provider pricing for price expander: Not implemented")
        if name == "grpc":
            raise ExpanderError("Expander grpc is not played by the sandbox's stand-in")
        if name not in ("random", "most-pods", "least-waste", "least-nodes", "priority"):
            raise ExpanderError(f"Expander {name} not supported")
        if name in names[:position]:
            raise ExpanderError(
                f"Expander {name} was specified multiple times, each expander must not be specified more than once"
            )
        if "random" in names[:position]:
            raise ExpanderError(
                f"Expander {name} came after an expander random that will always return only one result, "
                f"this is not allowed since {name} will never be used"
            )


def choose(options: Sequence[Option], names: Sequence[str], priorities: Priorities, random: Random) -> Option:
    """The best option: each expander keeps its best ones for the next, and chance decides between the last.

    Args:
        options: At least one.
        names: Expanders, as checked by :func:`check`.
        priorities: Of the priority expander; empty: it is passed over.
        random: Source of chance.
    """
    for name in names:
        match name:
            case "most-pods":
                options = _best(options, lambda option: len(option.pods))
            case "least-nodes":
                options = _best(options, lambda option: -option.nodes)
            case "least-waste":
                options = _best(options, lambda option: -_waste(option))
            case "priority" if priorities:
                options = _preferred(options, priorities)
    return random.choice(options)


def read_priorities(data: Mapping[str, str]) -> Priorities:
    """Reads the data of the ConfigMap ``cluster-autoscaler-priority-expander``.

    Raises:
        PriorityMapError: It has no key ``priorities``, or that is no map of numbers to lists of regular expressions.
    """
    if "priorities" not in data:
        raise PriorityMapError("priority expander ConfigMap doesn't contain priorities key")
    try:
        parsed = yaml.safe_load(data["priorities"])
        if not isinstance(parsed, dict):
            raise ValueError("it is no map")
        return {int(priority): [re.compile(str(one)).pattern for one in names] for priority, names in parsed.items()}
    except (ValueError, TypeError, re.error, yaml.YAMLError) as error:
        raise PriorityMapError(f"can't parse YAML with priorities in the configmap: {error}") from None


def _preferred(options: Sequence[Option], priorities: Priorities) -> Sequence[Option]:
    """The options of the highest priority that any pattern gives; all of them when none gives any."""

    def priority(option: Option) -> float:
        matching = (
            p for p, patterns in priorities.items() if any(re.search(one, option.group.name) for one in patterns)
        )
        return max(matching, default=float("-inf"))

    return _best(options, priority)


def _waste(option: Option) -> Decimal:
    """Share of processor plus share of memory of the new nodes that the pods would leave unused."""
    asked = total(pod.requests for pod in option.pods)
    waste = Decimal(0)
    for resource in ("cpu", "memory"):
        offered = option.template.allocatable.get(resource, Decimal(0)) * option.nodes
        if offered:
            waste += (offered - asked.get(resource, Decimal(0))) / offered
    return waste


def _best(options: Sequence[Option], score: Callable[[Option], float | Decimal]) -> Sequence[Option]:
    best = max(score(option) for option in options)
    return [option for option in options if score(option) == best]
