"""The command and the environment that a pod asks for. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from sandbox.kubernetes.kubelets_pods import AUTOSCALER_PROGRAM, AWS_CLI_IMAGE

Json = Mapping[str, Any]

AUTOSCALER = "cluster-autoscaler"
AWS_CLI = "aws"
_FIELD_OF_MAP = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")
_VARIABLE = re.compile(r"\$(?:\$|\(([^)]+)\))")


class ConfigError(Exception):
    """The pod asks for what does not exist or is not emulated; the message is that of a kubelet in its status."""


def container_of(pod: Json) -> Json:
    """The pod's container.

    Raises:
        ConfigError: It has several, or init containers.
    """
    spec = pod["spec"]
    containers: list[Json] = spec["containers"]
    if len(containers) > 1 or spec.get("initContainers"):
        names = ", ".join(c["name"] for c in [*spec.get("initContainers", ()), *containers])
        raise ConfigError(f"the sandbox's kubelet runs pods of one container, and this one has: {names}")
    return containers[0]


def program_of(image: str) -> str:
    """Name of the program that an image starts: :data:`AWS_CLI`, or else :data:`AUTOSCALER`."""
    return AWS_CLI if re.search(AWS_CLI_IMAGE, image) else AUTOSCALER


def runs_autoscaler(pod: Json) -> bool:
    """Whether a container of a pod is Cluster Autoscaler, by its image or its command."""
    containers = pod["spec"]["containers"]
    return any(
        re.search(AUTOSCALER_PROGRAM, word) for c in containers for word in (c["image"], *c.get("command", ())[:1])
    )


def asks_aws_once(pod: Json) -> bool:
    """Whether a pod is one call of the AWS CLI, as people start to see who a service account is to AWS."""
    spec = pod["spec"]
    return spec.get("restartPolicy") == "Never" and any(program_of(c["image"]) == AWS_CLI for c in spec["containers"])


def environment(pod: Json, addresses: Mapping[str, str]) -> dict[str, str]:
    """The variables of the pod's container.

    Args:
        pod: The pod.
        addresses: ``status.podIP`` and ``status.hostIP``, which its status may not have yet.

    Raises:
        ConfigError: A value comes from a source that this kubelet does not read.
    """
    result: dict[str, str] = {}
    container = container_of(pod)
    if container.get("envFrom"):
        raise ConfigError("envFrom is not supported by the sandbox's kubelet")
    for entry in container.get("env", ()):
        name = entry["name"]
        if "valueFrom" not in entry:
            result[name] = expand(entry.get("value", ""), result)
        elif "fieldRef" in entry["valueFrom"]:
            result[name] = _field(pod, entry["valueFrom"]["fieldRef"]["fieldPath"], addresses)
        else:
            source = next(iter(entry["valueFrom"]))
            raise ConfigError(f"env {name}: valueFrom.{source} is not supported by the sandbox's kubelet")
    return result


def arguments(pod: Json, variables: Mapping[str, str]) -> list[str]:
    """What follows the program's name.

    Raises:
        ConfigError: The program is not its image's.
    """
    container = container_of(pod)
    expected = program_of(container["image"])
    words = [*container.get("command", ()), *container.get("args", ())]
    # Without a command the image's own is used.
    program = words.pop(0) if container.get("command") else expected
    if PurePosixPath(program).name != expected:
        raise ConfigError(f'exec: "{program}": the sandbox\'s kubelet runs nothing but {expected} for this image')
    return [expand(word, variables) for word in words]


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replaces ``$(NAME)`` by the variable; an unknown one is left as it is, and ``$$`` is a dollar sign."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        return "$" if name is None else variables.get(name, match[0])

    return _VARIABLE.sub(value, text)


def _field(pod: Json, path: str, addresses: Mapping[str, str]) -> str:
    """A field of the pod, as the downward API gives it."""
    of_map = _FIELD_OF_MAP.fullmatch(path)
    if of_map:
        return str(pod["metadata"].get(of_map[1], {}).get(of_map[2], ""))
    fields = {
        "metadata.name": pod["metadata"]["name"],
        "metadata.namespace": pod["metadata"]["namespace"],
        "metadata.uid": pod["metadata"]["uid"],
        "spec.nodeName": pod["spec"].get("nodeName", ""),
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName", "default"),
        **addresses,
    }
    if path not in fields:
        raise ConfigError(f"fieldRef {path} is not supported by the sandbox's kubelet")
    return str(fields[path])
