"""The command line: which flags a release has, and those that the stand-in obeys (config/flags/flags.go)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import durationpy

from sandbox import versions

_COMPONENT_BASE = """add-dir-header alsologtostderr alsologtostderrthreshold feature-gates kubernetes leader-elect
leader-elect-lease-duration leader-elect-renew-deadline leader-elect-resource-lock leader-elect-resource-name
leader-elect-resource-namespace leader-elect-retry-period legacy-stderr-threshold-behavior log-backtrace-at log-dir
log-file log-file-max-size log-flush-frequency log-json-info-buffer-size log-json-split-stream
log-text-info-buffer-size log-text-split-stream logging-format logtostderr one-output profiling skip-headers
skip-log-headers stderrthreshold v vmodule"""
_BOOLEANS = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}
_OF_NO_CONSEQUENCE = {"address", "alsologtostderr", "cluster-name", "logtostderr", "profiling", "stderrthreshold"}


class FlagError(ValueError):
    """The command line cannot be parsed; the message is what Cluster Autoscaler prints before it exits with 2."""


@dataclass(frozen=True)
class Options:
    """The obeyed flags, each under its own name with ``-`` for ``_``; times in seconds."""

    cloud_provider: str = ""
    expendable_pods_priority_cutoff: int = -10
    initial_node_group_backoff_duration: float = 300.0
    kubeconfig: str = ""
    leader_elect: bool = True
    leader_elect_lease_duration: float = 15.0
    leader_elect_renew_deadline: float = 10.0
    leader_elect_resource_name: str = "cluster-autoscaler"
    leader_elect_retry_period: float = 2.0
    namespace: str = "kube-system"
    node_delete_delay_after_taint: float = 5.0
    node_group_auto_discovery: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    scale_down_delay_after_add: float = 600.0
    scale_down_delay_after_delete: float = 0.0
    scale_down_delay_after_failure: float = 180.0
    scale_down_enabled: bool = True
    scale_down_unneeded_time: float = 600.0
    scan_interval: float = 10.0
    startup_taint: tuple[str, ...] = ()
    status_config_map_name: str = "cluster-autoscaler-status"
    status_taint: tuple[str, ...] = ()
    v: int = 0


def parse(arguments: Sequence[str], minor: int) -> tuple[Options, list[str]]:
    """Return the obeyed options of a release, and the names of the given flags that have no effect here.

    A flag and its value are one word, as the chart writes them.
    """
    flags = known(minor)
    defaults = {one.name.replace("_", "-"): one.default for one in fields(Options)}
    values: dict[str, Any] = {}
    idle: set[str] = set()
    for word in arguments:
        name, assigned, text = word.lstrip("-").partition("=")
        if not word.startswith("--") and name != "v":
            raise FlagError(f"unknown shorthand flag: '{name[:1]}' in {word}")
        if name not in flags:
            raise FlagError(f"unknown flag: {word.partition('=')[0]}")
        if not assigned and not isinstance(defaults.get(name, True), bool):
            raise FlagError(f"flag needs an argument: --{name}")
        if name in defaults:
            value = _read(name, text if assigned else "true", defaults[name])
            values[name] = (*values.get(name, ()), *value) if isinstance(value, tuple) else value
        elif name not in _OF_NO_CONSEQUENCE:
            idle.add(name)
    return Options(**{name.replace("-", "_"): value for name, value in values.items()}), sorted(idle)


def _read(name: str, text: str, default: object) -> Any:
    """Return the value in the type of the flag's default."""
    readers: dict[type, Callable[[str], Any]] = {
        bool: lambda text: _BOOLEANS[text],
        float: lambda text: durationpy.from_str(text).total_seconds(),
        tuple: lambda text: (text,),
    }
    try:
        return readers.get(type(default), type(default))(text)
    except (KeyError, ValueError, durationpy.DurationError):
        raise FlagError(f'invalid argument "{text}" for "--{name}" flag: parse error') from None


def known(minor: int) -> set[str]:
    """Return every flag of a release: its own, and those that klog and k8s.io/component-base bring."""
    table = versions.rows("ca-flags.tsv")
    release = next(name for name in reversed(table[0]) if name.startswith("1.") and minor >= int(name.split(".")[1]))
    return {row["flag"] for row in table if row[release] != "-"} | set(_COMPONENT_BASE.split())
