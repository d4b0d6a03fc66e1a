"""Reads what ``init`` needs: a dozen calls, and one for each managed node group."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

from ..arguments import parse_arguments
from ..case import choose_deployment
from ..clients import Aws, Json, Kubernetes
from ..errors import CannotCheckError
from ..facts import Cluster, Deployment
from ..gather import SIDE_BY_SIDE, Connect
from ..gather import aws as aws_reads
from ..gather import kubernetes as kubernetes_reads
from ..gather.kubernetes import autoscalers
from ..readings import Reading, Unreadable, then
from .command_line import PRIORITY_CONFIG_MAP
from .facts import NAME, RELEASE_ANNOTATION, Account, Found, Installed, LiveNode, NamedObject, texts

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_WANTED: Mapping[str, str] = {
    "clusterrole": f"{_RBAC}/clusterroles/{NAME}",
    "clusterrolebinding": f"{_RBAC}/clusterrolebindings/{NAME}",
    "role": f"{_RBAC}/namespaces/{{namespace}}/roles/{NAME}",
    "rolebinding": f"{_RBAC}/namespaces/{{namespace}}/rolebindings/{NAME}",
    "service": f"/api/v1/namespaces/{{namespace}}/services/{NAME}",
    "poddisruptionbudget": f"/apis/policy/v1/namespaces/{{namespace}}/poddisruptionbudgets/{NAME}",
    "configmap": f"/api/v1/namespaces/{{namespace}}/configmaps/{PRIORITY_CONFIG_MAP}",
}
"""Objects of the program's release by kind, but for its Deployment."""

T = TypeVar("T")


def gather(name: str, aws: Aws, connect: Connect) -> Found:
    """Read the cluster, its groups, and the autoscaler that runs on it.

    Raises:
        CannotCheckError: When there is no such cluster, or it may not be read.
    """
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        cluster = aws_reads.cluster(aws, name)
        if isinstance(cluster, Unreadable):
            raise CannotCheckError(f"The cluster {name} cannot be read. {cluster.call}: {cluster.message}")
        groups = pool.submit(aws_reads.groups, aws)
        provider = pool.submit(aws_reads.oidc_provider, aws, cluster)
        names = aws_reads.node_group_names(aws, name)
        described = pool.map(
            lambda each: aws_reads.node_group(aws, name, each), [] if isinstance(names, Unreadable) else names
        )
        kubernetes = connect(cluster)
        found = Found(
            cluster,
            node_groups=names if isinstance(names, Unreadable) else _all(list(described)),
            groups=groups.result(),
            oidc_provider=provider.result(),
        )
        return _with_kubernetes(pool, found, aws, kubernetes)


def _all(readings: list[Reading[T | None]]) -> Reading[tuple[T, ...]]:
    found: list[T] = []
    for each in readings:
        if isinstance(each, Unreadable):
            return each
        if each is not None:
            found.append(each)
    return tuple(found)


def _with_kubernetes(pool: ThreadPoolExecutor, found: Found, aws: Aws, kubernetes: Reading[Kubernetes]) -> Found:
    if isinstance(kubernetes, Unreadable):
        return replace(found, nodes=kubernetes, installed=kubernetes)
    nodes = pool.submit(kubernetes.read_all, "/api/v1/nodes")
    raw = kubernetes_reads.deployments(kubernetes)
    live = then(nodes.result(), lambda items: tuple(map(live_node, items)))
    if isinstance(raw, Unreadable):
        return replace(found, nodes=live, installed=raw)
    running = autoscalers(raw)
    chosen = choose_deployment(running, found.cluster.name)
    others = tuple(f"{each.namespace}/{each.name}" for each in running if each is not chosen)
    installed = _installed(pool, chosen, raw, found.cluster, aws, kubernetes) if chosen else None
    addon: Reading[str | None] = None
    if installed and installed.associations and not isinstance(installed.associations, Unreadable):
        addon = aws_reads.agent_addon(aws, found.cluster.name)
    return replace(
        found,
        nodes=live,
        agent_addon=addon,
        installed=installed,
        others=others,
        karpenter=kubernetes_reads.karpenter(raw),
    )


def live_node(it: Json) -> LiveNode:
    """A node, as Kubernetes gives it."""
    spec, status = it.get("spec") or {}, it.get("status") or {}
    return LiveNode(
        name=it["metadata"]["name"],
        instance_id=(spec.get("providerID") or "").rpartition("/")[2],
        labels=texts(it["metadata"].get("labels")),
        taints=kubernetes_reads.taints(spec),
        allocatable=texts(status.get("allocatable")),
    )


def _installed(
    pool: ThreadPoolExecutor,
    deployment: Deployment,
    raw: list[Json],
    cluster: Cluster,
    aws: Aws,
    kubernetes: Kubernetes,
) -> Installed:
    """What belongs to a Deployment; of its release only the labels of Helm's record, never the record."""
    namespace, account = deployment.namespace, deployment.service_account
    given = parse_arguments(deployment.arguments)
    it = next(each for each in raw if _names(each, deployment))
    associations = pool.submit(aws_reads.associations, aws, cluster.name, namespace, account)
    read = pool.submit(kubernetes.read, f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}")
    priorities = (
        pool.submit(kubernetes_reads.config_map, kubernetes, given.namespace, PRIORITY_CONFIG_MAP)
        if any("priority" in word for word in deployment.arguments)
        else None
    )
    installed = Installed(deployment, texts(it["metadata"].get("annotations")), it["spec"]["template"]["spec"])
    release = installed.release
    record = pool.submit(kubernetes_reads.newest_revision, kubernetes, namespace, release) if release else None
    objects = () if release == NAME else _objects(pool, kubernetes, namespace)
    return Installed(
        deployment,
        installed.annotations,
        installed.pod_spec,
        account=then(read.result(), lambda found: _account(found) if found else None),
        associations=associations.result(),
        release_status=then(record.result(), lambda newest: newest.status) if record else None,
        priorities=then(priorities.result(), lambda found: found.data.get("priorities") if found else None)
        if priorities
        else None,
        objects=objects,
    )


def _names(it: Json, deployment: Deployment) -> bool:
    metadata = it["metadata"]
    return (metadata["namespace"], metadata["name"]) == (deployment.namespace, deployment.name)


def _account(it: Json) -> Account:
    metadata = it["metadata"]
    return Account(metadata["name"], texts(metadata.get("labels")), texts(metadata.get("annotations")))


def _objects(pool: ThreadPoolExecutor, kubernetes: Kubernetes, namespace: str) -> Reading[tuple[NamedObject, ...]]:
    asked = {kind: pool.submit(kubernetes.read, path.format(namespace=namespace)) for kind, path in _WANTED.items()}
    return _all([_named(kind, answer.result()) for kind, answer in asked.items()])


def _named(kind: str, it: Reading[Json | None]) -> Reading[NamedObject | None]:
    if it is None or isinstance(it, Unreadable):
        return it
    metadata: Mapping[str, Any] = it["metadata"]
    owner = texts(metadata.get("annotations")).get(RELEASE_ANNOTATION, "")
    return NamedObject(kind, metadata["name"], owner, str((it.get("roleRef") or {}).get("name", "")))
