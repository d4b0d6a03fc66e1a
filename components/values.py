"""Values of the Helm chart: from what the user decides to what the chart understands.

The form of every value was read in the chart's templates at 9.59.0 (kubernetes/autoscaler).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi

from .pure import discovery, flags, validation
from .pure.faults import Fault

Values = dict[str, Any]
"""Values of a Helm chart: a tree of whatever its author likes, hence the one ``Any`` of this package."""

NAME = "cluster-autoscaler"
"""Name of the release, of every object of it and of its service account, unless the account is given another."""

IMAGE_REPOSITORY = "registry.k8s.io/autoscaling/cluster-autoscaler"
ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
KEEP_ANNOTATION = "helm.sh/resource-policy"
"""Keeps Helm from deleting a service account that an earlier release made (Helm: pkg/kube/client.go, Update)."""
PATCH_FORCE_ANNOTATION = "pulumi.com/patchForce"
"""Lets `pulumi up` set fields that eksctl, kubectl or Helm also set (pulumi-kubernetes: await.go, patchForce)."""

STARTUP_TAINT = "startup-taint"
"""Flag for the keys of taints that agents remove from new nodes."""

SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"
CREDENTIALS_ANNOTATION = "eks-cluster-autoscaler/credentials"
"""Annotation of the pods that changes with their credentials.

EKS gives a pod its credentials when it is created: were its template not changed, a pod would go on with the old ones.
"""

BALANCING_IGNORED_LABELS = (
    "eks.amazonaws.com/sourceLaunchTemplateId",
    "eks.amazonaws.com/sourceLaunchTemplateVersion",
    "nodegroup-name",
)
"""Labels that differ between any two managed groups and that Cluster Autoscaler does not ignore by itself.

Without ignoring them, no two groups are similar and balancing does nothing (issues 6954, 5352).
"""

OWNED: Mapping[str, str] = {
    "awsRegion": "the cluster's region",
    "autoDiscovery": "the cluster's name",
    "autoscalingGroups": "the tags of the node groups",
    "rbac.serviceAccount": "credentials and serviceAccount",
    "image.tag": "image.tag of the settings",
    "image.repository": "image.repository of the settings",
    "extraArgs": "flags and the other settings",
    "expanderPriorities": "expanderPriorities of the settings",
    "replicaCount": "replicas",
    "podAnnotations": "podAnnotations of the settings",
    "podDisruptionBudget.minAvailable": "minAvailable of the settings",
}
"""Values that extra values may not set, each with what it follows from."""

FIXED: Mapping[str, str] = {
    "fullnameOverride": "one name is used everywhere",
    "nameOverride": "one name is used everywhere",
    "cloudProvider": "it is always aws",
    "rbac.create": "the autoscaler does not work without its rights",
    "podLabels.app": "users find the pods by it",
    **dict.fromkeys(
        ("awsAccessKeyID", "awsSecretAccessKey", "secretKeyRefNameOverride"),
        "credentials decides, and no key of AWS belongs into a chart's values",
    ),
}
"""Values that extra values may not set, each with the reason."""


class Toleration(TypedDict):
    """A toleration of pods."""

    key: NotRequired[str]
    """Key of the taint. Defaults to every key (with the operator `Exists`)."""
    operator: NotRequired[str]
    """`Equal` or `Exists`. Defaults to `Equal`."""
    value: NotRequired[str]
    """Value of the taint. Defaults to the empty value."""
    effect: NotRequired[str]
    """Effect of the taint. Defaults to every effect."""


class PodResources(TypedDict):
    """CPU and memory requests of one pod, and its memory limit."""

    cpu: NotRequired[str]
    """CPU request. Defaults to `100m`."""
    memory: NotRequired[str]
    """Memory request and limit. 600Mi was too little for about 340 nodes (kubernetes/autoscaler issue 7873).

    Defaults to `600Mi`.
    """


class ServiceMonitor(TypedDict):
    """A ServiceMonitor for the Prometheus operator."""

    namespace: NotRequired[str]
    """Namespace of the ServiceMonitor. Defaults to `monitoring`."""
    interval: NotRequired[str]
    """Scrape interval. Defaults to `30s`."""
    labels: NotRequired[dict[str, str]]
    """Labels by which Prometheus selects it. Defaults to `{release: prometheus-operator}`."""


class AutoscalerSettings(TypedDict):
    """How Cluster Autoscaler behaves and how its pods run."""

    balance_similar_node_groups: NotRequired[bool]
    """Whether groups of equal nodes are kept at equal size. Defaults to true."""
    skip_nodes_with_system_pods: NotRequired[bool]
    """Whether nodes with kube-system pods are never removed. Defaults to false."""
    scale_down_unneeded_time: NotRequired[str]
    """How long a node must be unneeded before it is removed, a Go duration. Defaults to `2m`."""
    scale_down_delay_after_add: NotRequired[str]
    """How long after a scale-up scale-down rests, a Go duration. Defaults to `1m`."""
    expander: NotRequired[str]
    """Which group grows when several could, or a comma-separated chain. Defaults to `least-waste`."""
    expander_priorities: NotRequired[dict[str, list[str]]]
    """For the expander `priority`: regular expressions of ASG names by priority, higher wins. Defaults to none."""
    flags: NotRequired[dict[str, str]]
    """Further flags of Cluster Autoscaler without dashes, such as `v: "6"`.

    A repeatable one takes a list joined by commas. Defaults to none.
    """
    replicas: NotRequired[int]
    """Pods, of which one leads. Defaults to 2, spread over nodes and zones."""
    min_available: NotRequired[int]
    """Pods that a voluntary disruption must leave. Defaults to letting one go at a time."""
    resources: NotRequired[PodResources]
    """Requests of one pod. Defaults to 100m CPU and 600Mi memory."""
    priority_class_name: NotRequired[str]
    """Priority class of the pods. Defaults to `system-cluster-critical`."""
    service_monitor: NotRequired[ServiceMonitor]
    """ServiceMonitor to make. Defaults to none."""
    tolerations: NotRequired[list[Toleration]]
    """Tolerations of the pods. Defaults to none."""
    node_selector: NotRequired[dict[str, str]]
    """`nodeSelector` of the pods: labels that their node must have. Defaults to none."""
    pod_annotations: NotRequired[dict[str, str]]
    """Annotations of the pods, in addition to safe-to-evict=false. Defaults to none."""


DEFAULT_EXPANDER = "least-waste"
DEFAULT_REPLICAS = 2
DEFAULT_UNNEEDED_TIME = "2m"
DEFAULT_DELAY_AFTER_ADD = "1m"
DEFAULT_RESOURCES = {"cpu": "100m", "memory": "600Mi"}
DEFAULT_PRIORITY_CLASS = "system-cluster-critical"
NOBODY_UID = 65534
POD_SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": NOBODY_UID,
    "runAsGroup": NOBODY_UID,
    "fsGroup": NOBODY_UID,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What the restricted Pod Security Standard asks of a pod; the group may read the service account's token."""
CONTAINER_SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
"""What the restricted Pod Security Standard asks of a container, and no writable root file system."""


def settings_faults(settings: AutoscalerSettings, *, newer_image: bool = False) -> list[Fault]:
    """Check the settings, whatever the version of Cluster Autoscaler.

    Args:
        settings: The settings.
        newer_image: Whether the image is newer than the tables and may have flags that they lack.
    """
    expander = settings.get("expander", DEFAULT_EXPANDER)
    chain = expander.split(",")
    priorities = settings.get("expander_priorities", {})
    replicas = int(settings.get("replicas", DEFAULT_REPLICAS))
    found = [
        *validation.duration("scaleDownUnneededTime", settings.get("scale_down_unneeded_time")),
        *validation.duration("scaleDownDelayAfterAdd", settings.get("scale_down_delay_after_add")),
        *(fault.under("expander") for fault in flags.expander_faults(expander)),
        *(fault.under("flags") for fault in flags.flag_faults(settings.get("flags", {}), known=not newer_image)),
        *validation.bounds("replicas", replicas, 1, 10),
        *(
            f
            for key, value in settings.get("resources", {}).items()
            for f in validation.quantity(f"resources.{key}", value)
        ),
        *validation.labels("nodeSelector", settings.get("node_selector", {})),
        *(f for key in settings.get("pod_annotations", {}) for f in validation.qualified_name("podAnnotations", key)),
        *(f for i, item in enumerate(settings.get("tolerations", [])) for f in toleration_faults(i, item)),
    ]
    election = settings.get("flags", {}).get(flags.LEADER_ELECTION, "true")
    if election not in flags.TRUE and replicas > 1:
        got = f"{election!r} with {replicas} replicas"
        found.append(Fault(f"flags.{flags.LEADER_ELECTION}", got, "true, or replicas: 1, since all would act at once"))
    if "min_available" in settings and not 0 <= int(settings["min_available"]) < replicas:
        given = f"{int(settings['min_available'])} of {replicas} replicas"
        found.append(Fault("minAvailable", given, "fewer than the replicas, or no node with one could ever be drained"))
    if "priority" in chain and not priorities:
        found.append(
            Fault("expanderPriorities", "nothing", "regular expressions by priority, for the expander priority")
        )
    if priorities and "priority" not in chain:
        found.append(
            Fault("expanderPriorities", "priorities", f"the expander priority, not {expander}, to go with them")
        )
    found += [
        Fault(f"expanderPriorities[{key!r}]", repr(key), "a whole number as the priority")
        for key in priorities
        if not key.lstrip("-").isdigit()
    ]
    found += [
        fault
        for key, names in priorities.items()
        for i, name in enumerate(names)
        for fault in validation.regular_expression(f"expanderPriorities[{key!r}][{i}]", name)
    ]
    annotations = settings.get("pod_annotations", {})
    # Cluster Autoscaler takes it at its letter: "False" would protect nothing.
    if (evict := annotations.get(SAFE_TO_EVICT, "false")) != "false":
        expected = "false, as it is without it: the autoscaler must not evict itself"
        found.append(Fault("podAnnotations", f"{SAFE_TO_EVICT}={evict}", expected))
    if CREDENTIALS_ANNOTATION in annotations:
        found.append(Fault("podAnnotations", CREDENTIALS_ANNOTATION, "it to be left to credentials"))
    return found


def extra_values_faults(extra: Mapping[str, object]) -> list[Fault]:
    """Check extra values: those that a setting of this project decides, what would replace a map of them, null."""
    reasons = {**FIXED, **{path: f"the value follows from {owner}" for path, owner in OWNED.items()}}
    found = [fault for path, reason in reasons.items() if (fault := _owned_fault(extra, path, reason))]
    known = {fault.path for fault in found}
    return list(dict.fromkeys([*found, *(fault for fault in _nulls(extra, "values") if fault.path not in known)]))


def chart_values(
    *,
    cluster_name: pulumi.Input[str],
    cluster_key: pulumi.Input[str],
    region: pulumi.Input[str],
    service_account: str,
    credentials: str,
    role_arn: pulumi.Input[str] | None,
    image_repository: str,
    image_tag: pulumi.Input[str],
    settings: AutoscalerSettings,
    startup_taints: pulumi.Input[Sequence[pulumi.Input[str]]] = (),
    default_flags: pulumi.Input[Mapping[str, str]] | None = None,
    extra: Mapping[str, object] | None = None,
) -> Values:
    """Values of the chart for one cluster; ``extra`` is merged last.

    Args:
        cluster_name: Name of the cluster.
        cluster_key: Key of the tag by which its groups are discovered.
        region: Its region.
        service_account: Name of the service account.
        credentials: ``irsa``, ``podIdentity`` or ``nodeRole``.
        role_arn: Role that the service account names; None where it names none.
        image_repository: Repository of the image.
        image_tag: Tag of the image.
        settings: Behaviour of Cluster Autoscaler and of its pods.
        startup_taints: Keys of taints that agents remove from new nodes, in addition to those in the flags.
        default_flags: Flags that the program sets, unless the settings have them.
        extra: Further values of the user's.
    """
    resources = {**DEFAULT_RESOURCES, **settings.get("resources", {})}
    values: Values = {
        "cloudProvider": "aws",
        "awsRegion": region,
        "fullnameOverride": NAME,
        "autoDiscovery": {"clusterName": cluster_name, "tags": [discovery.ENABLED_KEY, cluster_key]},
        "image": {"repository": image_repository, "tag": image_tag},
        "rbac": {
            "create": True,
            # Made by Pulumi, which sees and repairs what is changed on it (docs/decisions/0007).
            "serviceAccount": {"create": False, "name": service_account},
        },
        "replicaCount": int(settings.get("replicas", DEFAULT_REPLICAS)),
        "podDisruptionBudget": _disruption_budget(settings),
        "podLabels": {"app": NAME},
        "podAnnotations": {
            **settings.get("pod_annotations", {}),
            SAFE_TO_EVICT: "false",
            CREDENTIALS_ANNOTATION: role_arn if role_arn is not None else credentials,
        },
        "priorityClassName": settings.get("priority_class_name", DEFAULT_PRIORITY_CLASS),
        "resources": {"requests": resources, "limits": {"memory": resources["memory"]}},
        "topologySpreadConstraints": [_spread("topology.kubernetes.io/zone"), _spread("kubernetes.io/hostname")],
        "tolerations": [dict(toleration) for toleration in settings.get("tolerations", [])],
        # Its image is for Linux, and nothing else keeps its pods off Windows nodes.
        "nodeSelector": {"kubernetes.io/os": "linux", **settings.get("node_selector", {})},
        "securityContext": POD_SECURITY,
        "containerSecurityContext": CONTAINER_SECURITY,
        "extraArgs": _extra_arguments(cluster_name, settings, startup_taints, default_flags),
    }
    if priorities := settings.get("expander_priorities"):
        # As text, because Helm would read the numbers of a map's keys as it likes.
        values["expanderPriorities"] = {key: list(names) for key, names in sorted(priorities.items())}
    if "service_monitor" in settings:
        values["serviceMonitor"] = _service_monitor(settings["service_monitor"])
    return merge(values, extra or {})


def service_account_annotations(role_arn: pulumi.Input[str] | None) -> dict[str, pulumi.Input[str]]:
    """Return the annotations of the service account.

    Args:
        role_arn: Role that the service account names; None where it names none.
    """
    role: dict[str, pulumi.Input[str]] = {} if role_arn is None else {ROLE_ANNOTATION: role_arn}
    return {**role, KEEP_ANNOTATION: "keep", PATCH_FORCE_ANNOTATION: "true"}


def merge(base: Values, extra: Mapping[str, Any]) -> Values:
    """``base`` with ``extra`` on top, maps merged key by key as Helm does, anything else replaced."""
    merged = dict(base)
    for key, value in extra.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, Mapping) else value
    return merged


def _extra_arguments(
    cluster_name: pulumi.Input[str],
    settings: AutoscalerSettings,
    startup_taints: pulumi.Input[Sequence[pulumi.Input[str]]],
    default_flags: pulumi.Input[Mapping[str, str]] | None,
) -> pulumi.Input[Values]:
    if isinstance(startup_taints, Sequence) and not startup_taints and default_flags is None:
        return {"cluster-name": cluster_name, **_arguments(settings, (), {})}
    return pulumi.Output.all(cluster_name, startup_taints, default_flags or {}).apply(
        lambda known: {"cluster-name": known[0], **_arguments(settings, known[1], known[2])}
    )


def _arguments(settings: AutoscalerSettings, startup_taints: Sequence[str], default_flags: Mapping[str, str]) -> Values:
    """Flags as the chart takes them: a repeated flag has its number behind an underscore, which the chart cuts off."""
    balance = settings.get("balance_similar_node_groups", True)
    arguments: Values = {
        "balance-similar-node-groups": _boolean(balance),
        "skip-nodes-with-system-pods": _boolean(settings.get("skip_nodes_with_system_pods", False)),
        "scale-down-unneeded-time": settings.get("scale_down_unneeded_time", DEFAULT_UNNEEDED_TIME),
        "scale-down-delay-after-add": settings.get("scale_down_delay_after_add", DEFAULT_DELAY_AFTER_ADD),
        "expander": settings.get("expander", DEFAULT_EXPANDER),
    }
    requested = {**default_flags, **settings.get("flags", {})}
    if startup_taints:
        requested[STARTUP_TAINT] = ",".join(dict.fromkeys([*startup_taints, *_items(requested.get(STARTUP_TAINT, ""))]))
    if balance and "balancing-label" not in requested:
        ignored = [*BALANCING_IGNORED_LABELS, *_items(requested.pop("balancing-ignore-label", ""))]
        requested["balancing-ignore-label"] = ",".join(dict.fromkeys(ignored))
    for flag, value in requested.items():
        if flags.is_repeatable(flag):
            arguments.update({f"{flag}_{number}": item for number, item in enumerate(_items(value), 1)})
        else:
            arguments[flag] = value
    return arguments


def _disruption_budget(settings: AutoscalerSettings) -> Values:
    """The budget, always as maxUnavailable: the chart's own default is maxUnavailable 1, and it rejects both.

    Only null would take that default back, and no null arrives (``_nulls``).
    """
    replicas = int(settings.get("replicas", DEFAULT_REPLICAS))
    return {"maxUnavailable": replicas - int(settings["min_available"]) if "min_available" in settings else 1}


def _nulls(values: Mapping[str, object], above: str) -> Iterator[Fault]:
    """Values that are null.

    Helm takes null for "no default", but none arrives: pulumi-kubernetes drops it (pkg/provider/helm_release.go,
    SkipNulls and excludeNulls; issue 2997), as does the Python SDK for newer releases (pulumi issue 12178).
    """
    for key, value in values.items():
        path = f"{above}.{key}"
        if value is None:
            expected = "a value: Pulumi drops null before Helm sees it, so the chart's default would stay"
            yield Fault(path, "null", expected)
        elif isinstance(value, Mapping):
            yield from _nulls(value, path)


def _spread(topology_key: str) -> Values:
    return {
        "maxSkew": 1,
        "topologyKey": topology_key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": NAME}},
    }


def _service_monitor(monitor: ServiceMonitor) -> Values:
    return {
        "enabled": True,
        "namespace": monitor.get("namespace", "monitoring"),
        "interval": monitor.get("interval", "30s"),
        "selector": monitor.get("labels", {"release": "prometheus-operator"}),
    }


def toleration_faults(index: int, toleration: Toleration) -> list[Fault]:
    """Find errors in one toleration of the list ``tolerations``.

    The API server would refuse them (``ValidateTolerations`` in pkg/apis/core/validation/validation.go of
    kubernetes/kubernetes).
    """
    where = f"tolerations[{index}]"
    operator, key, value = toleration.get("operator", "Equal"), toleration.get("key", ""), toleration.get("value", "")
    found = validation.choice(f"{where}.operator", operator, ("Equal", "Exists"))
    if "effect" in toleration:
        found += validation.choice(f"{where}.effect", toleration["effect"], discovery.TAINT_EFFECTS)
    if key:
        found += validation.qualified_name(f"{where}.key", key)
    elif operator != "Exists":
        found.append(Fault(where, "no key", "a key, or the operator Exists to tolerate every taint"))
    if operator != "Exists":
        found += validation.label_value(f"{where}.value", value)
    elif value:
        expected = "no value with the operator Exists, or the operator Equal"
        found.append(Fault(f"{where}.value", repr(value), expected))
    return found


def _owned_fault(extra: Mapping[str, object], path: str, reason: str) -> Fault | None:
    """What is wrong when ``extra`` decides the owned value: by naming it, or by putting no map where its map is."""
    found: object = extra
    above = "values"
    for key in path.split("."):
        if not isinstance(found, Mapping):
            return Fault(above, repr(found), "a map: settings decide values in it")
        if key not in found:
            return None
        found, above = found[key], f"{above}.{key}"
    return Fault(above, "a key that the program sets", f"no such key: {reason}")


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _boolean(value: bool) -> str:
    return str(bool(value)).lower()
