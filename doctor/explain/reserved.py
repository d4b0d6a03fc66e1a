"""Pods that only Cluster Autoscaler sees: the capacity that CapacityBuffers keep free.

It simulates them on nodes like running pods, so they keep a node as running pods do (kubernetes/autoscaler 1.36.1,
``processors/capacitybuffer/pod_list_processor.go``). No API lists them: they follow from the status of each buffer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from .._shared import capacity_buffers
from ..clients import Json
from .drain import SAFE_TO_EVICT
from .fit import Surroundings, misfits
from .workload import Workload, read_pod


def reserved_pods(buffers: Iterable[Json], templates: Iterable[Json]) -> tuple[Workload, ...]:
    """Return the pods that Cluster Autoscaler simulates for CapacityBuffers (``Process``, ``makeFakePods``).

    Args:
        buffers: CapacityBuffers of the cluster.
        templates: PodTemplates of the cluster.
    """
    by_name = {(each["metadata"].get("namespace"), each["metadata"]["name"]): each for each in templates}
    found: list[Workload] = []
    for buffer in buffers:
        namespace, status = buffer["metadata"].get("namespace"), buffer.get("status") or {}
        template = by_name.get((namespace, (status.get("podTemplateRef") or {}).get("name") or ""))
        if template and _is_provisioned(status, template):
            found += _pods(buffer, template, int(status.get("replicas") or 0))
    return tuple(found)


def _is_provisioned(status: Json, template: Json) -> bool:
    conditions = {each.get("type"): each.get("status") for each in status.get("conditions") or ()}
    return (
        status.get("provisioningStrategy") == capacity_buffers.ACTIVE
        and conditions.get("ReadyForProvisioning") == "True"
        and status.get("podTemplateGeneration") == template["metadata"].get("generation")
    )


def _pods(buffer: Json, template: Json, count: int) -> Iterable[Workload]:
    name, namespace = buffer["metadata"]["name"], buffer["metadata"].get("namespace")
    pod = template.get("template") or {}
    meta = pod.get("metadata") or {}
    for number in range(1, count + 1):
        yield read_pod(
            {
                "metadata": {
                    "name": f"capacity-buffer-{name}-{number}",
                    "namespace": namespace,
                    "labels": meta.get("labels") or {},
                    "annotations": {**(meta.get("annotations") or {}), SAFE_TO_EVICT: "true"},
                    "ownerReferences": [{"kind": capacity_buffers.KIND, "name": name, "controller": True}],
                },
                "spec": pod.get("spec") or {},
            }
        )


def is_reserved(pod: Workload) -> bool:
    """Return whether a pod is a CapacityBuffer's: it runs nowhere."""
    return pod.owner[0] == capacity_buffers.KIND


def with_reserved(surroundings: Surroundings, pods: Sequence[Workload]) -> Surroundings:
    """Return the nodes with the pods of buffers on them, each on the first node that it fits.

    The pods of higher priority first, as Cluster Autoscaler does (``filter_out_schedulable.go``). Where several nodes
    have capacity for a pod, Cluster Autoscaler may have chosen another one of them.
    """
    nodes = list(surroundings.nodes)
    # A buffer may have thousands of pods. They are alike, so a node that one did not fit is closed to the next.
    closed: dict[tuple[str, str], int] = {}
    for pod in sorted(pods, key=lambda each: -each.priority):
        buffer = (pod.namespace, pod.owner[1])
        around = replace(surroundings, nodes=tuple(nodes))
        open_nodes = range(closed.get(buffer, 0), len(nodes))
        place = next((index for index in open_nodes if not misfits(pod, nodes[index], around)), len(nodes))
        closed[buffer] = place
        if place < len(nodes):
            nodes[place] = nodes[place].with_pod(pod)
    return replace(surroundings, nodes=tuple(nodes))
