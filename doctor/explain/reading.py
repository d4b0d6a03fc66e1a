"""Read the state that the answers need in addition to the snapshot, each list once, side by side."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

from .. import gather
from .._shared import capacity_buffers, flag_needs
from ..case import Case
from ..clients import Aws, Json, Kubernetes
from ..facts import Cluster, Lease, Snapshot
from ..gather import leader as leader_reads
from ..gather.kubernetes import ZONE_LABELS
from ..readings import Reading, Unreadable, then
from ..target import Target
from .addition import InstanceType
from .fit import Occupied
from .reserved import reserved_pods
from .state import ClusterState
from .workload import Workload, read_budget, read_node, read_pod

T = TypeVar("T")


def take(target: Target, aws: Aws, connect: gather.Connect, now: datetime) -> tuple[Snapshot, ClusterState]:
    """Take a snapshot, and read the state of the cluster by the same client.

    Raises:
        CannotCheckError: When there is no such cluster, or neither AWS nor Kubernetes can be read at all.
    """
    connected: list[Reading[Kubernetes]] = []

    def kept(cluster: Reading[Cluster]) -> Reading[Kubernetes]:
        connected.append(connect(cluster))
        return connected[-1]

    snapshot = gather.take_snapshot(target, aws, kept, now)
    kubernetes = connected[-1]
    if isinstance(kubernetes, Unreadable):
        return snapshot, ClusterState(kubernetes, kubernetes, kubernetes, kubernetes, kubernetes)
    return snapshot, read_state(kubernetes, aws, Case(snapshot))


def read_state(kubernetes: Kubernetes, aws: Aws, case: Case) -> ClusterState:
    """Return the state of a cluster; a list that cannot be read is ``Unreadable`` in it."""
    with ThreadPoolExecutor(8) as pool:
        nodes = pool.submit(_listed, kubernetes, "/api/v1/nodes", read_node)
        pods = pool.submit(_listed, kubernetes, "/api/v1/pods", read_pod)
        volumes = pool.submit(kubernetes.read_all, "/api/v1/persistentvolumes")
        budgets = pool.submit(_listed, kubernetes, "/apis/policy/v1/poddisruptionbudgets", read_budget)
        daemons = pool.submit(_listed, kubernetes, "/apis/apps/v1/daemonsets", daemon)
        types = pool.submit(instance_types, aws, _types(case))
        templates = pool.submit(node_templates, kubernetes, case)
        reserved = pool.submit(_reserved, kubernetes, case)
        listed = volumes.result()
        return ClusterState(
            nodes=nodes.result(),
            pods=pods.result(),
            claim_zones=listed if isinstance(listed, Unreadable) else claim_zones(listed),
            budgets=budgets.result(),
            daemons=daemons.result(),
            instance_types=types.result(),
            templates=templates.result(),
            reserved=reserved.result(),
        )


def _listed(kubernetes: Kubernetes, path: str, read: Callable[[Json], T]) -> Reading[tuple[T, ...]]:
    found = kubernetes.read_all(path)
    return found if isinstance(found, Unreadable) else tuple(map(read, found))


def _reserved(kubernetes: Kubernetes, case: Case) -> Reading[tuple[Workload, ...]]:
    """Pods of CapacityBuffers; none if the autoscaler does not work on buffers."""
    if not case.arguments.is_true(flag_needs.INJECTION_FLAG):
        return ()
    buffers: Reading[list[Json]] = []
    for version in capacity_buffers.VERSIONS:
        # A version that the cluster does not serve is empty.
        buffers = buffers or kubernetes.read_all(f"/apis/{capacity_buffers.GROUP}/{version}/{capacity_buffers.PLURAL}")
    if isinstance(buffers, Unreadable) or not buffers:
        return then(buffers, lambda _: ())
    return then(kubernetes.read_all("/api/v1/podtemplates"), lambda templates: reserved_pods(buffers, templates))


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


def daemon(it: Json) -> Workload:
    """Return a pod of a DaemonSet, as its template makes it."""
    return read_pod(
        {
            "metadata": {
                "name": it["metadata"]["name"],
                "namespace": it["metadata"].get("namespace") or "default",
                "ownerReferences": [{"kind": "DaemonSet", "name": it["metadata"]["name"], "controller": True}],
            },
            "spec": it["spec"]["template"]["spec"],
        }
    )


def node_templates(kubernetes: Kubernetes, case: Case) -> Mapping[str, Occupied]:
    """Return the autoscaler's own node template of each group; empty where it does not give them."""
    deployment, lease = case.deployment, case.snapshot.kubernetes.lease
    if deployment is None:
        return {}
    held = lease if isinstance(lease, Lease) else None
    page = leader_reads.debugging_snapshot(kubernetes, deployment, leader_reads.leader(case.pods, held))
    return {} if page is None or isinstance(page, Unreadable) else parse_templates(page)


def parse_templates(page: str) -> Mapping[str, Occupied]:
    """Return the node templates of a page `/snapshotz` (`debuggingsnapshot/debugging_snapshot.go`), by group.

    A page of another form gives none.
    """
    try:
        templates = json.loads(page)["TemplateNodes"] or {}
        return {
            group: Occupied(read_node(each["Node"]), tuple(map(read_pod, each.get("Pods") or ())))
            for group, each in templates.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


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


def _types(case: Case) -> Sequence[str]:
    """The first instance type of each group, by which Cluster Autoscaler goes."""
    named: list[str] = []
    for group in case.discovered_own:
        managed = case.managed.get(group.name)
        named += ((managed.instance_types if managed else ()) or group.instance_types)[:1]
    return named
