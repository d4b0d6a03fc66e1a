"""Read what the answers need in addition to the snapshot: nodes, pods, budgets, volumes and DaemonSets."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..clients import Aws, Json, Kubernetes
from ..errors import CannotLookError
from ..gather.kubernetes import ZONE_LABELS
from ..readings import Reading, Unreadable
from .addition import InstanceType
from .fit import Occupied, Surroundings
from .workload import ENDED, Budget, Workload, read_budget, read_node, read_pod


def surroundings(kubernetes: Kubernetes) -> Surroundings:
    """Return every node with its pods, and where volumes are.

    Raises:
        CannotLookError: When nodes, pods or volumes cannot be listed.
    """
    pods = [read_pod(each) for each in _list(kubernetes, "/api/v1/pods")]
    by_node: dict[str, list[Workload]] = {}
    for each in pods:
        if each.node and each.phase not in ENDED:
            by_node.setdefault(each.node, []).append(each)
    nodes = [read_node(each) for each in _list(kubernetes, "/api/v1/nodes")]
    return Surroundings(
        nodes=tuple(Occupied(node, tuple(by_node.get(node.name, ()))) for node in nodes),
        claim_zones=claim_zones(_list(kubernetes, "/api/v1/persistentvolumes")),
    )


def claim_zones(volumes: Sequence[Json]) -> Mapping[str, frozenset[str]]:
    """Return the zones of each bound volume, by ``namespace/claim``; a volume without zones is left out."""
    found = {}
    for volume in volumes:
        claim = volume["spec"].get("claimRef") or {}
        terms = ((volume["spec"].get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or ()
        zones = {
            zone
            for term in terms
            for each in term.get("matchExpressions") or ()
            if each.get("key") in ZONE_LABELS and each.get("operator") == "In"
            for zone in each.get("values") or ()
        }
        if claim and zones:
            found[f"{claim.get('namespace', '')}/{claim.get('name', '')}"] = frozenset(zones)
    return found


def budgets(kubernetes: Kubernetes) -> list[Budget]:
    """Return every PodDisruptionBudget.

    Raises:
        CannotLookError: When they cannot be listed.
    """
    return [read_budget(each) for each in _list(kubernetes, "/apis/policy/v1/poddisruptionbudgets")]


def daemons(kubernetes: Kubernetes) -> list[Workload]:
    """Return a pod of every DaemonSet, as its template makes it.

    Raises:
        CannotLookError: When DaemonSets cannot be listed.
    """
    return [
        read_pod(
            {
                "metadata": {
                    "name": each["metadata"]["name"],
                    "namespace": each["metadata"].get("namespace") or "default",
                    "ownerReferences": [{"kind": "DaemonSet", "name": each["metadata"]["name"], "controller": True}],
                },
                "spec": each["spec"]["template"]["spec"],
            }
        )
        for each in _list(kubernetes, "/apis/apps/v1/daemonsets")
    ]


def pod(kubernetes: Kubernetes, namespace: str, name: str) -> Workload:
    """Return one pod.

    Raises:
        CannotLookError: When it does not exist, or cannot be read.
    """
    found = _known(kubernetes.read(f"/api/v1/namespaces/{namespace}/pods/{name}"))
    if found is None:
        raise CannotLookError(
            f"The pod {namespace}/{name} does not exist. To list pods: kubectl --namespace {namespace} get pods"
        )
    return read_pod(found)


def instance_types(aws: Aws, names: Sequence[str]) -> Mapping[str, InstanceType]:
    """Return the sizes of instance types from EC2; nothing if you lack the right."""
    if not names:
        return {}
    found = aws.read("ec2", "describe_instance_types", InstanceTypes=sorted(set(names))[:100])
    if isinstance(found, Unreadable) or found is None:
        return {}
    return {each["InstanceType"]: _instance_type(each) for each in found.get("InstanceTypes") or ()}


def _instance_type(it: Mapping[str, Any]) -> InstanceType:
    gpus = (it.get("GpuInfo") or {}).get("Gpus") or ()
    return InstanceType(
        cpu=int(it["VCpuInfo"]["DefaultVCpus"]) * 1000,
        memory=int(it["MemoryInfo"]["SizeInMiB"]) * 2**20,
        gpus=sum(int(each.get("Count") or 0) for each in gpus),
    )


def _list(kubernetes: Kubernetes, path: str) -> list[Json]:
    found: list[Json] = _known(kubernetes.read_all(path))
    return found


def _known(reading: Reading[Any]) -> Any:
    if isinstance(reading, Unreadable):
        way = f"allow `{reading.call}` to your user" if reading.denied else "fix the network path to the API server"
        raise CannotLookError(f"{reading.call}: {reading.message}. To get an answer, {way}.")
    return reading
