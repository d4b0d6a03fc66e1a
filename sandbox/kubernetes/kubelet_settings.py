"""Labels and taints with which the user data of a self-managed node registers it."""

from __future__ import annotations

import re
import tomllib
from typing import Any, NamedTuple

_FLAG = r'--{name}=([^"\s]+)'


class KubeletSettings(NamedTuple):
    """What the kubelet registers.

    Attributes:
        labels: Value by key.
        taints: As in the node's `spec`.
    """

    labels: dict[str, str]
    taints: list[dict[str, str]]


NO_SETTINGS = KubeletSettings({}, [])


def kubelet_settings(user_data: str) -> KubeletSettings:
    """Read the kubelet's flags of a nodeadm NodeConfig, or the tables of Bottlerocket's TOML.

    A flag has pairs `key=value` or taints `key=value:Effect` (`parseTaint` of kubernetes/kubernetes, pkg/util/taints).
    In a table a taint is a list of `value:Effect` (`KUBERNETES_TAINT_VALUE` of bottlerocket-os/bottlerocket).
    """
    if "[settings.kubernetes" in user_data:
        tables: dict[str, Any] = tomllib.loads(user_data)["settings"]["kubernetes"]
        taints = [(key, each) for key, values in tables.get("node-taints", {}).items() for each in values]
        return KubeletSettings(dict(tables.get("node-labels", {})), [_taint(key, each) for key, each in taints])
    labels = dict(pair.split("=", 1) for pair in _flag("node-labels", user_data))
    return KubeletSettings(labels, [_taint(*pair.split("=", 1)) for pair in _flag("register-with-taints", user_data)])


def _flag(name: str, user_data: str) -> list[str]:
    return [pair for found in re.findall(_FLAG.format(name=name), user_data) for pair in found.split(",")]


def _taint(key: str, text: str) -> dict[str, str]:
    value, _, effect = text.rpartition(":")
    return {"key": key, "value": value, "effect": effect}
