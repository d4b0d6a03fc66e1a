"""The workload that a pod belongs to, and grouping of what is the same for all its pods."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeVar

_HASH = "pod-template-hash"

T = TypeVar("T")


def owner_of(namespace: str, controller: tuple[str, str], labels: Mapping[str, str]) -> str:
    """Return the workload that a pod belongs to, such as ``Deployment shop/api``; empty if it has no controller.

    The name of a Deployment's ReplicaSet ends with the pods' hash (Kubernetes: `pkg/controller/deployment/sync.go`,
    `getNewReplicaSet`).

    Args:
        namespace: Namespace of the pod.
        controller: Kind and name of its controller; empty strings if it has none.
        labels: Labels of the pod.
    """
    kind, name = controller
    suffix = f"-{labels[_HASH]}" if labels.get(_HASH) else ""
    if kind == "ReplicaSet" and suffix and name.endswith(suffix):
        kind, name = "Deployment", name.removesuffix(suffix)
    return f"{kind} {namespace}/{name}" if kind else ""


def without_name(text: str, pod: str) -> str:
    """Return a text without the name of a pod (``namespace/name``), to compare it with that of another pod."""
    return text.replace(pod.rpartition("/")[2], "")


def alike(items: Iterable[T], key: Callable[[T], Hashable | None]) -> list[list[T]]:
    """Return items in groups of equal key, in the order of the first of each; an item whose key is None is alone."""
    groups: dict[Hashable, list[T]] = {}
    for number, item in enumerate(items):
        found = key(item)
        groups.setdefault((number,) if found is None else ("", found), []).append(item)
    return list(groups.values())
