"""Read from Kubernetes, each fact by one request or one paged list."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ..clients import Json, Kubernetes
from ..facts import (
    PLAIN_ENVIRONMENT,
    Access,
    AgentDaemonSet,
    ConfigMap,
    Deployment,
    Event,
    Lease,
    LogLine,
    Node,
    PendingPod,
    Pod,
    ServiceAccount,
    Taint,
    Toleration,
    ZonalVolume,
)
from ..owners import owner_of
from ..readings import Reading, Unreadable, then

AUTOSCALER_IMAGE = "cluster-autoscaler"
AGENT = "eks-pod-identity-agent"
_LOG_LINES = "2000"
_LOG_SECONDS = "900"
ZONE_LABELS = (
    "topology.kubernetes.io/zone",
    "topology.ebs.csi.aws.com/zone",
    "failure-domain.beta.kubernetes.io/zone",
)


def version(kubernetes: Kubernetes) -> Reading[str]:
    """Version of the API server, ``v1.33.5-eks-abc``."""
    return then(kubernetes.read("/version"), lambda it: str((it or {}).get("gitVersion", "")))


def api_groups(kubernetes: Kubernetes) -> Reading[Mapping[str, tuple[str, ...]]]:
    """Versions served, by API group."""
    return then(
        kubernetes.read("/apis"),
        lambda it: {
            group["name"]: tuple(each["version"] for each in group.get("versions") or ())
            for group in (it or {}).get("groups") or ()
        },
    )


def deployments(kubernetes: Kubernetes) -> Reading[list[Json]]:
    """Every Deployment, as Kubernetes gives it."""
    return kubernetes.read_all("/apis/apps/v1/deployments")


def autoscalers(deployments: Iterable[Json]) -> tuple[Deployment, ...]:
    """Those that run Cluster Autoscaler."""
    found = ((each, _container(each["spec"]["template"]["spec"])) for each in deployments)
    return tuple(_deployment(each, container) for each, container in found if container)


def karpenter(deployments: Iterable[Json]) -> tuple[str, ...]:
    """Those that run Karpenter, by name."""
    return tuple(
        f"{each['metadata']['namespace']}/{each['metadata']['name']}"
        for each in deployments
        if (each["spec"].get("replicas", 1) or 0) > 0
        and any(
            "karpenter/" in (it.get("image") or "") for it in each["spec"]["template"]["spec"].get("containers") or ()
        )
    )


def _container(pod_spec: Json) -> Json | None:
    """The container of a pod that runs Cluster Autoscaler."""
    return next((each for each in pod_spec.get("containers") or () if _is_autoscaler(each.get("image") or "")), None)


def _is_autoscaler(image: str) -> bool:
    """``registry/x/cluster-autoscaler:v1`` and ``cluster-autoscaler-arm64@sha256:..``, not the proportional one."""
    name = image.rpartition("/")[2].partition("@")[0].partition(":")[0]
    return name == AUTOSCALER_IMAGE or name.startswith(f"{AUTOSCALER_IMAGE}-")


def _deployment(it: Json, container: Json) -> Deployment:
    pod = it["spec"]["template"]
    return Deployment(
        namespace=it["metadata"]["namespace"],
        name=it["metadata"]["name"],
        replicas=it["spec"].get("replicas", 1),
        image=container.get("image", ""),
        arguments=(*(container.get("command") or ()), *(container.get("args") or ())),
        service_account=pod["spec"].get("serviceAccountName") or "default",
        labels=it["metadata"].get("labels") or {},
        selector=(it["spec"].get("selector") or {}).get("matchLabels") or {},
        pod_annotations=(pod.get("metadata") or {}).get("annotations") or {},
        environment=_environment(container),
        static_keys=_has_static_keys(container),
        memory_limit=str(((container.get("resources") or {}).get("limits") or {}).get("memory", "")),
        host_network=bool(pod["spec"].get("hostNetwork")),
        edited_at=max(_edits(it["metadata"].get("managedFields") or ()), default=None),
    )


_OWN_MANAGERS = ("helm", "pulumi", "kube-controller-manager", "kubectl-rollout")
"""Field managers, or prefixes of their names, that do not edit what a release describes.

Helm calls itself by the name of its program, which is `pulumi-resource-kubernetes` inside Pulumi's provider (helm:
pkg/kube/client.go, getManagedFieldsManager).
"""


def _edits(entries: Iterable[Json]) -> Iterator[datetime]:
    """When each change of the spec was made that is not the release's own, by `metadata.managedFields`."""
    for entry in entries:
        own = str(entry.get("manager", "")).startswith(_OWN_MANAGERS)
        at = moment(entry.get("time"))
        if "f:spec" in (entry.get("fieldsV1") or {}) and not own and at:
            yield at


def _environment(container: Json) -> dict[str, str]:
    """The variables whose values are no secrets."""
    return {
        each["name"]: str(each.get("value") or "")
        for each in container.get("env") or ()
        if each["name"] in PLAIN_ENVIRONMENT
    }


def _has_static_keys(container: Json) -> bool:
    return any(
        each["name"] == "AWS_ACCESS_KEY_ID" and (each.get("value") or each.get("valueFrom"))
        for each in container.get("env") or ()
    )


def pods(kubernetes: Kubernetes, deployment: Deployment) -> Reading[tuple[Pod, ...]]:
    """The pods of a Deployment, those that have ended left out."""
    selector = ",".join(f"{key}={value}" for key, value in deployment.selector.items())
    found = kubernetes.read_all(f"/api/v1/namespaces/{deployment.namespace}/pods", labelSelector=selector)
    return then(
        found,
        lambda items: tuple(
            _pod(each)
            for each in items
            if (each.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
            and not each["metadata"].get("deletionTimestamp")
        ),
    )


def _pod(it: Json) -> Pod:
    spec, status = it["spec"], it.get("status") or {}
    container = _container(spec) or (spec.get("containers") or [{}])[0]
    statuses: list[Json] = status.get("containerStatuses") or []
    own: Json = next((each for each in statuses if each.get("name") == container.get("name")), {})
    state = own.get("state") or {}
    ended = (own.get("lastState") or {}).get("terminated") or state.get("terminated") or {}
    waiting = state.get("waiting") or {}
    return Pod(
        name=it["metadata"]["name"],
        node=spec.get("nodeName") or "",
        phase=status.get("phase") or "",
        ready=bool(own.get("ready")),
        service_account=spec.get("serviceAccountName") or "default",
        started_at=moment((state.get("running") or {}).get("startedAt") or status.get("startTime")),
        environment=_environment(container),
        static_keys=_has_static_keys(container),
        restarts=own.get("restartCount") or 0,
        waiting=waiting.get("reason") or "",
        waiting_message=waiting.get("message") or "",
        ended=ended.get("reason") or "",
    )


def logs(kubernetes: Kubernetes, namespace: str, pods: Iterable[Pod]) -> Reading[tuple[LogLine, ...]]:
    """The log of the last 15 minutes; of a pod that is not ready also the end of its previous container's log."""
    lines: list[LogLine] = []
    for pod in pods:
        path = f"/api/v1/namespaces/{namespace}/pods/{pod.name}/log"
        asked = [{"tailLines": _LOG_LINES, "sinceSeconds": _LOG_SECONDS, "timestamps": "true"}]
        if not pod.ready and pod.restarts:
            asked.insert(0, {"tailLines": "500", "previous": "true", "timestamps": "true"})
        for query in asked:
            text = kubernetes.read_text(path, **query)
            if isinstance(text, Unreadable):
                return text
            lines += [parse_log_line(pod.name, line) for line in (text or "").splitlines()]
    return tuple(lines)


def parse_log_line(pod: str, line: str) -> LogLine:
    """A line with a leading time, as the kubelet writes it; any other line has no time."""
    stamp, space, text = line.partition(" ")
    at = moment(stamp) if space else None
    return LogLine(pod, text, at) if at else LogLine(pod, line)


def service_accounts(kubernetes: Kubernetes, namespace: str) -> Reading[tuple[ServiceAccount, ...]]:
    """The service accounts of a namespace."""
    return then(
        kubernetes.read_all(f"/api/v1/namespaces/{namespace}/serviceaccounts"),
        lambda items: tuple(
            ServiceAccount(each["metadata"]["name"], each["metadata"].get("annotations") or {}) for each in items
        ),
    )


def allowed(kubernetes: Kubernetes, namespace: str, service_account: str, access: Access) -> Reading[bool]:
    """Whether a service account has a right."""
    attributes = {
        "verb": access.verb,
        "group": access.group,
        "resource": access.resource,
        "subresource": access.subresource,
        "namespace": access.namespace,
        "name": access.name,
    }
    return kubernetes.review(
        {
            "user": f"system:serviceaccount:{namespace}:{service_account}",
            "groups": ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"],
            "resourceAttributes": {key: value for key, value in attributes.items() if value},
        }
    )


def config_map(kubernetes: Kubernetes, namespace: str, name: str) -> Reading[ConfigMap | None]:
    """A ConfigMap."""
    return then(
        kubernetes.read(f"/api/v1/namespaces/{namespace}/configmaps/{name}"),
        lambda it: ConfigMap(it.get("data") or {}, it["metadata"].get("annotations") or {}) if it else None,
    )


def lease(kubernetes: Kubernetes, namespace: str, name: str) -> Reading[Lease | None]:
    """A lease."""
    return then(
        kubernetes.read(f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}"),
        lambda it: Lease(it["spec"].get("holderIdentity") or "", moment(it["spec"].get("renewTime"))) if it else None,
    )


class Revision(NamedTuple):
    """The newest revision of a Helm release; without a number there is none, or it is not known.

    Attributes:
        status: Its status; None if there is none.
        number: Its number.
        at: When Helm last wrote it.
    """

    status: Reading[str | None] = None
    number: int | None = None
    at: datetime | None = None


def release(kubernetes: Kubernetes, namespace: str, name: str) -> Revision:
    """The newest revision of a Helm release, by the labels of its records.

    Return none if the caller may not list Secrets: the status is optional, and many readers lack this right.
    """
    newest = newest_revision(kubernetes, namespace, name)
    if isinstance(newest, Unreadable):
        return Revision(None if newest.denied else newest)
    return newest


def newest_revision(kubernetes: Kubernetes, namespace: str, name: str) -> Reading[Revision]:
    """The newest revision of a Helm release, by the labels of its records."""

    def newest(records: list[Json]) -> Revision:
        labels = [each["metadata"].get("labels") or {} for each in records]
        revisions = {int(it["version"]): it for it in labels if it.get("version", "").isdigit()}
        if not revisions:
            return Revision()
        number = max(revisions)
        return Revision(revisions[number].get("status"), number, _written(revisions[number]))

    path = f"/api/v1/namespaces/{namespace}/secrets"
    return then(kubernetes.read_labels(path, labelSelector=f"owner=helm,name={name}"), newest)


def _written(labels: Mapping[str, str]) -> datetime | None:
    """When Helm wrote a record (helm: pkg/storage/driver/secrets.go, Create and Update set one label each)."""
    seconds = labels.get("modifiedAt") or labels.get("createdAt") or ""
    return datetime.fromtimestamp(int(seconds), UTC) if seconds.isdigit() else None


def pod_events(kubernetes: Kubernetes, reason: str) -> Reading[tuple[Event, ...]]:
    """The events of one reason, in all namespaces."""
    return _events(kubernetes.read_all("/api/v1/events", fieldSelector=f"reason={reason}"))


def config_map_events(kubernetes: Kubernetes, namespace: str) -> Reading[tuple[Event, ...]]:
    """The events about ConfigMaps of a namespace, where Cluster Autoscaler reports about its groups."""
    path = f"/api/v1/namespaces/{namespace}/events"
    return _events(kubernetes.read_all(path, fieldSelector="involvedObject.kind=ConfigMap"))


def _events(found: Reading[list[Json]]) -> Reading[tuple[Event, ...]]:
    return then(found, lambda items: tuple(map(_event, items)))


def _event(it: Json) -> Event:
    about = it.get("involvedObject") or {}
    series = it.get("series") or {}
    return Event(
        reason=it.get("reason") or "",
        message=it.get("message") or "",
        kind=about.get("kind") or "",
        namespace=about.get("namespace") or "",
        name=about.get("name") or "",
        at=moment(series.get("lastObservedTime") or it.get("lastTimestamp") or it.get("eventTime")),
    )


def nodes(kubernetes: Kubernetes) -> Reading[tuple[Node, ...]]:
    """The nodes."""
    return then(kubernetes.read_all("/api/v1/nodes"), lambda items: tuple(map(_node, items)))


def taints(spec: Json) -> tuple[Taint, ...]:
    """The taints of a node, by its spec."""
    return tuple(
        Taint(each.get("key", ""), each.get("value") or "", each.get("effect", "")) for each in spec.get("taints") or ()
    )


def _node(it: Json) -> Node:
    spec = it.get("spec") or {}
    conditions = (it.get("status") or {}).get("conditions") or ()
    return Node(
        name=it["metadata"]["name"],
        instance_id=(spec.get("providerID") or "").rpartition("/")[2],
        labels=it["metadata"].get("labels") or {},
        taints=taints(spec),
        ready=any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions),
    )


def pending_pods(kubernetes: Kubernetes) -> Reading[tuple[PendingPod, ...]]:
    """The pods that the scheduler could not place."""
    found = kubernetes.read_all("/api/v1/pods", fieldSelector="status.phase=Pending")
    return then(found, lambda items: tuple(pod for each in items if (pod := _pending_pod(each))))


def _pending_pod(it: Json) -> PendingPod | None:
    conditions = (it.get("status") or {}).get("conditions") or ()
    unplaced = next(
        (
            each
            for each in conditions
            if each.get("type") == "PodScheduled"
            and each.get("status") == "False"
            and each.get("reason") == "Unschedulable"
        ),
        None,
    )
    meta = it["metadata"]
    created = moment(meta.get("creationTimestamp"))
    since = moment(unplaced.get("lastTransitionTime")) if unplaced else None
    if unplaced is None or not (since or created):
        return None
    return PendingPod(
        namespace=meta["namespace"],
        name=meta["name"],
        since=since or created or datetime.min,
        message=unplaced.get("message") or "",
        labels_wanted=_labels_wanted(it["spec"]),
        tolerations=tuple(
            Toleration(
                each.get("key") or "",
                each.get("operator") or "Equal",
                each.get("value") or "",
                each.get("effect") or "",
            )
            for each in it["spec"].get("tolerations") or ()
        ),
        owner=owner_of(meta["namespace"], controller(meta), meta.get("labels") or {}),
    )


def controller(meta: Json) -> tuple[str, str]:
    """Return kind and name of the controller in an object's metadata; empty strings if it has none."""
    found: Json = next((each for each in meta.get("ownerReferences") or () if each.get("controller")), {})
    return found.get("kind", ""), found.get("name", "")


def _labels_wanted(spec: Json) -> dict[str, str]:
    """The labels that a node must have: the node selector, and required affinity with one value."""
    node_affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    terms: list[Json] = node_affinity.get("nodeSelectorTerms") or []
    expressions = terms[0].get("matchExpressions") or () if len(terms) == 1 else ()
    required = {
        each["key"]: each["values"][0]
        for each in expressions
        if each.get("operator") == "In" and len(each.get("values") or ()) == 1
    }
    return {**required, **(spec.get("nodeSelector") or {})}


def zonal_volumes(kubernetes: Kubernetes) -> Reading[tuple[ZonalVolume, ...]]:
    """The zonal persistent volumes."""
    found = kubernetes.read_all("/api/v1/persistentvolumes")
    return then(found, lambda items: tuple(volume for each in items if (volume := _zonal_volume(each))))


def _zonal_volume(it: Json) -> ZonalVolume | None:
    spec = it.get("spec") or {}
    terms = (((spec.get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms")) or ()
    zones = {
        value
        for term in terms
        for each in term.get("matchExpressions") or ()
        if each.get("key") in ZONE_LABELS and each.get("operator") == "In"
        for value in each.get("values") or ()
    }
    claim = spec.get("claimRef") or {}
    name = f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else ""
    return ZonalVolume(it["metadata"]["name"], frozenset(zones), name) if zones else None


def agent(kubernetes: Kubernetes) -> Reading[AgentDaemonSet | None]:
    """The DaemonSet of the Pod Identity agent."""
    found = kubernetes.read(f"/apis/apps/v1/namespaces/kube-system/daemonsets/{AGENT}")
    return then(found, lambda it: _agent(it.get("status") or {}) if it else None)


def _agent(status: Mapping[str, Any]) -> AgentDaemonSet:
    return AgentDaemonSet(desired=status.get("desiredNumberScheduled") or 0, ready=status.get("numberReady") or 0)


def moment(text: Any) -> datetime | None:
    """A time as Kubernetes writes it, ``2026-01-02T03:04:05.678901Z``; None for anything else."""
    if not isinstance(text, str) or len(text) < 20:
        return None
    try:
        # The kubelet writes nanoseconds; Python accepts any number of digits and keeps six.
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
