"""NodeConfig, the document by which nodeadm configures a node of Amazon Linux 2023.

nodeadm ignores a key that it does not know, and a node without a readable NodeConfig never joins its cluster
(``DecodeNodeConfig`` in nodeadm/internal/api/bridge/decode.go of awslabs/amazon-eks-ami).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from .faults import Fault
from .suggestions import nearest

GROUP = "node.eks.aws"
API_VERSION = f"{GROUP}/v1alpha1"
KIND = "NodeConfig"
CONTENT_TYPE = f"application/{GROUP}"

_KEYS: Mapping[str, Any] = {
    "apiVersion": None,
    "kind": None,
    "metadata": None,
    "spec": {
        "cluster": dict.fromkeys(
            ("name", "apiServerEndpoint", "certificateAuthority", "cidr", "enableOutpost", "id"),
        ),
        "containerd": {"config": None, "baseRuntimeSpec": None},
        "instance": {
            "localStorage": dict.fromkeys(("strategy", "mountPath", "disabledMounts")),
            "environment": None,
            "network": dict.fromkeys(("nameservers", "domains")),
        },
        "kubelet": dict.fromkeys(("config", "flags", "maxPodsExpression")),
        "featureGates": None,
    },
}
"""What nodeadm reads (nodeadm/api/v1alpha1/nodeconfig_types.go); None for what it hands on or what is no object."""

_BEGINNING = re.compile(r"""(\s*(#.*|---.*|%.*)?\n)*\s*(---\s+)?(\{|["']?(apiVersion|kind|metadata|spec)["']?\s*:)""")
"""Comments, directives and the mark of a document, and then JSON or one of the keys."""


def is_one(text: str) -> bool:
    """Return whether text is meant as a NodeConfig, well-formed or not, judged by how it begins."""
    return _BEGINNING.match(text) is not None


def faults(path: str, text: str) -> list[Fault]:
    """Find what nodeadm cannot read, what it ignores, and a number of pods that the tags do not know.

    Args:
        path: Path of the user data.
        text: The NodeConfig.
    """
    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        return [Fault(path, "a NodeConfig that is not YAML", f"one YAML document ({problem})")]
    if not isinstance(given, Mapping):
        return [Fault(path, "a NodeConfig that is no object", f"apiVersion: {API_VERSION}, kind: {KIND} and spec")]
    found = [
        Fault(path, f"a NodeConfig with '{key}: {given.get(key)}'", f"'{key}: {expected}'")
        for key, expected in (("apiVersion", API_VERSION), ("kind", KIND))
        if given.get(key) != expected
    ]
    return [*found, *_key_faults(path, given, _KEYS, ""), *_pods_faults(path, given)]


def _key_faults(path: str, given: Mapping[Any, Any], keys: Mapping[str, Any], above: str) -> Iterator[Fault]:
    for key, value in given.items():
        where = f"{above}{key}"
        if key not in keys:
            # A key that is like none may be one of a newer nodeadm.
            if near := nearest(str(key), keys):
                yield Fault(path, f"'{where}', which nodeadm ignores", f"'{above}{near}'")
        elif keys[key] is not None and value is not None:
            if isinstance(value, Mapping):
                yield from _key_faults(path, value, keys[key], f"{where}.")
            else:
                yield Fault(path, f"'{where}: {value}'", f"an object with {', '.join(keys[key])}")


def _pods_faults(path: str, given: Mapping[str, Any]) -> list[Fault]:
    spec = _object(given, "spec")
    kubelet = _object(spec, "kubelet")
    flags = kubelet.get("flags")
    # nodeadm reads it in config alone; elsewhere it is meant all the same.
    levels = (spec, kubelet, _object(kubelet, "config"))
    own = [f"maxPods: {level['maxPods']}" for level in levels if "maxPods" in level]
    if "maxPodsExpression" in kubelet:
        own.append(f"maxPodsExpression: {kubelet['maxPodsExpression']}")
    if isinstance(flags, list):
        own += [str(flag) for flag in flags if str(flag).startswith("--max-pods")]
    return [pods_fault(path, each) for each in own]


def _object(above: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = above.get(key)
    return found if isinstance(found, Mapping) else {}


def pods_fault(path: str, setting: str) -> Fault:
    """Return the error about a number of pods in user data, which the tags of the group do not advertise.

    Args:
        path: Path of the user data.
        setting: The setting in it.
    """
    return Fault(path, f"'{setting}'", "no number of pods: set maxPods, for the kubelet and the tags")
