"""Parse the command line of a running Cluster Autoscaler as the binary does (pflag, kube_flag)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ._shared import discovery as known_tags
from ._shared import flags as known_flags

NEW_LIBRARY_FLAGS = {"alsologtostderrthreshold": "String", "legacy-stderr-threshold-behavior": "Bool"}
"""Flags of klog that 1.36.1 has and 1.33.6 has not, with their types."""

PROCESS_FLAGS: Mapping[str, str] = {
    **known_flags.LIBRARY_FLAGS,
    **NEW_LIBRARY_FLAGS,
    "help": "Bool",
    "version": "Bool",
}
"""Type of each flag of the libraries that Cluster Autoscaler is built with, klog and component-base."""

DISCOVERY_FLAG = "node-group-auto-discovery"
_DISCOVERY_PREFIX = "asg:tag="


@dataclass(frozen=True)
class Arguments:
    """The flags of one command line.

    Attributes:
        values: Every value of each flag, in order; names without dashes.
        stray: Words that belong to no flag.
    """

    values: Mapping[str, tuple[str, ...]]
    stray: tuple[str, ...] = ()

    def get(self, flag: str, default: str = "") -> str:
        """Return the value of a flag: the last one if the flag is repeated."""
        return self.values.get(flag, (default,))[-1]

    @property
    def last(self) -> Mapping[str, str]:
        """The last value of each flag."""
        return {flag: values[-1] for flag, values in self.values.items() if values}

    @property
    def namespace(self) -> str:
        """The namespace of the lease, the status and the priorities, wherever the pods run.

        It is `--namespace`; `--leader-elect-resource-namespace` has no effect (main.go, resourcelock.New with
        ConfigNamespace; config/flags/flags.go).
        """
        return self.get("namespace", "kube-system")

    def is_true(self, flag: str, default: bool = False) -> bool:
        """Return the value of a boolean flag."""
        return self.get(flag, str(default)).lower() in {"true", "t", "1"}


def parse_arguments(words: Sequence[str]) -> Arguments:
    """Split a command line into flags and values: ``--a=b``, ``--a b``, ``--switch``; ``_`` in names means ``-``."""
    values: dict[str, list[str]] = {}
    stray: list[str] = []
    rest = list(words)
    while rest and not rest[0].startswith("-"):  # the command itself: ./cluster-autoscaler
        rest.pop(0)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.lstrip("-").partition("=")
        if not word.startswith("-") or not name:
            stray.append(word)
            continue
        name = name.strip().replace("_", "-")
        if not equals:
            takes_next = not _is_switch(name) and rest and not rest[0].startswith("--")
            value = rest.pop(0) if takes_next else "true"
        values.setdefault(name, []).append(value)
    return Arguments({name: tuple(given) for name, given in values.items()}, tuple(stray))


def _is_switch(flag: str) -> bool:
    return (PROCESS_FLAGS.get(flag) or known_flags.table().get(flag, ("", {}))[0]) == "Bool"


@dataclass(frozen=True)
class Discovery:
    """The value of ``--node-group-auto-discovery``.

    Attributes:
        tags: Value by tag key; None if any value matches. Repeated flags are merged: all keys must exist.
        malformed: Specifications that are not of the form ``asg:tag=<key>[=<value>],...``.
    """

    tags: Mapping[str, str | None]
    malformed: tuple[str, ...] = ()

    @property
    def spaced(self) -> tuple[str, ...]:
        """Keys and values with a space at an end, which is not trimmed, so that they match no tag."""
        parts = [part for key, value in self.tags.items() for part in (key, value or "")]
        return tuple(part for part in parts if part != part.strip())

    def finds(self, tags: Mapping[str, str]) -> bool:
        """Return whether a group with these tags is discovered."""
        return bool(self.tags) and not self.missing_from(tags)

    def missing_from(self, tags: Mapping[str, str]) -> dict[str, str | None]:
        """Return the tags that a group lacks, or has with another value, and so is not discovered."""
        return {
            key: value
            for key, value in self.tags.items()
            if key not in tags or (value is not None and tags[key] != value)
        }


def discovery_fault(discovery: Discovery, cluster: str) -> str:
    """Return why a discovery can find no group of a cluster; empty if it can."""
    if discovery.malformed:
        return f"{discovery.malformed[0]!r} is not of the form asg:tag=<key>,<key>"
    if discovery.spaced:
        return f"the space in {discovery.spaced[0]!r} is not trimmed, so no tag matches"
    wrong = [key for key in discovery.tags if key.startswith(known_tags.WRONG_PREFIX)]
    if wrong:
        return f"{wrong[0]} is a tag that neither EKS nor this project sets"
    prefix = f"{known_tags.PREFIX}/"
    named = [key.removeprefix(prefix) for key in discovery.tags if key.startswith(prefix)]
    others = [name for name in named if name not in ("enabled", cluster) and "/" not in name]
    return f"it names the cluster {others[0]}; this one is {cluster}" if others else ""


def parse_discovery(specifications: Iterable[str]) -> Discovery:
    """Parse every value of ``--node-group-auto-discovery``. Like Cluster Autoscaler, it trims no space."""
    tags: dict[str, str | None] = {}
    malformed = []
    for specification in specifications:
        if not specification.startswith(_DISCOVERY_PREFIX):
            malformed.append(specification)
            continue
        for part in specification.removeprefix(_DISCOVERY_PREFIX).split(","):
            key, equals, value = part.partition("=")
            if key.strip():
                tags[key] = value if equals else None
            else:
                malformed.append(specification)
    return Discovery(tags, tuple(malformed))


@dataclass(frozen=True)
class StaticGroup:
    """One ``--nodes=<min>:<max>:<group>``."""

    name: str
    min: int
    max: int


def parse_static_groups(specifications: Iterable[str]) -> tuple[tuple[StaticGroup, ...], tuple[str, ...]]:
    """Return every well-formed ``--nodes``, and the malformed ones."""
    groups, malformed = [], []
    for specification in specifications:
        smallest, _, rest = specification.partition(":")
        largest, _, name = rest.partition(":")
        if name and smallest.isascii() and smallest.isdigit() and largest.isascii() and largest.isdigit():
            groups.append(StaticGroup(name, int(smallest), int(largest)))
        else:
            malformed.append(specification)
    return tuple(groups), tuple(malformed)


def image_tag(image: str) -> str:
    """Return the tag of an image reference, without digest: ``v1.33.6``; empty if it has none."""
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2]
