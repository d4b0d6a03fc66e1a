"""Headroom: capacity that is kept free, so that a burst of pods starts before its nodes do."""

from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from .autoscaler_role import DEFAULT_NAMESPACE
from .errors import checked
from .pure import headroom, validation
from .pure.faults import Fault
from .values import CONTAINER_SECURITY, POD_SECURITY, SAFE_TO_EVICT, Toleration, toleration_faults

TOKEN = "eks-cluster-autoscaler:index:Headroom"

MAX_NAME_LENGTH = 40
_NAME_LABEL = "app.kubernetes.io/name"
_INSTANCE_LABEL = "app.kubernetes.io/instance"
_APPLICATION = "headroom"


class PauseImage(TypedDict):
    """Where the image of the pause pods comes from."""

    repository: NotRequired[str]
    """Repository of the image. Defaults to `registry.k8s.io/pause`."""
    tag: NotRequired[str]
    """Tag of the image, a digest may follow: `3.10.2@sha256:...`. Defaults to `3.10.2`."""


class HeadroomArgs(TypedDict):
    """How much capacity is kept free, and where."""

    name: str
    """Name of the Deployment, `headroom-<name>`: 1 to 40 lowercase letters, digits and dashes."""
    cpu: str
    """CPU that one pause pod requests, such as `1` or `500m`. A pod that needs no more starts in its place."""
    memory: str
    """Memory that one pause pod requests, such as `2Gi`."""
    replicas: NotRequired[int]
    """Number of pause pods, 0 to 1000. Defaults to 1."""
    priority: NotRequired[int]
    """Priority of the pause pods: below 0, and at least `expendable-pods-priority-cutoff`. Defaults to -10."""
    node_selector: NotRequired[dict[str, str]]
    """Node labels that the pause pods ask for. Defaults to none."""
    tolerations: NotRequired[list[Toleration]]
    """Tolerations of the pause pods. Defaults to none."""
    image: NotRequired[PauseImage]
    """Image of the pause pods. Defaults to the public pause image."""
    namespace: NotRequired[str]
    """Namespace of the Deployment. Defaults to `kube-system`."""
    expendable_pods_priority_cutoff: NotRequired[int]
    """Value of Cluster Autoscaler's flag `expendable-pods-priority-cutoff`. Defaults to -10, as the flag does."""


def faults(args: HeadroomArgs) -> list[Fault]:
    """Find errors in the arguments."""
    image = args.get("image", {})
    name = args["name"]
    found = [
        *validation.dns_label("name", name),
        *headroom.request_faults("cpu", args["cpu"]),
        *headroom.request_faults("memory", args["memory"]),
        *validation.bounds("replicas", args.get("replicas", 1), 0, headroom.MAX_REPLICAS),
        *headroom.priority_faults(
            args.get("priority", headroom.DEFAULT_PRIORITY),
            args.get("expendable_pods_priority_cutoff", headroom.DEFAULT_CUTOFF),
        ),
        *validation.labels("nodeSelector", args.get("node_selector", {})),
        *(f for i, item in enumerate(args.get("tolerations", [])) for f in toleration_faults(i, item)),
        *validation.image_repository("image.repository", image.get("repository")),
        *headroom.tag_faults("image.tag", image.get("tag")),
        *validation.dns_label("namespace", args.get("namespace", DEFAULT_NAMESPACE)),
    ]
    if len(name) > MAX_NAME_LENGTH:
        found.append(Fault("name", f"{len(name)} characters", f"{MAX_NAME_LENGTH} at most"))
    return found


class Headroom(pulumi.ComponentResource):
    """Pause pods of a negative priority, which hold nodes for the pods of the next burst.

    The scheduler removes pause pods to free capacity for pending pods. The removed pods become pending, so Cluster
    Autoscaler adds nodes for them. Needs a Kubernetes provider.
    """

    priority_class_name: pulumi.Output[str]
    """Name of the PriorityClass."""
    deployment_name: pulumi.Output[str]
    """Name of the Deployment."""

    def __init__(self, name: str, args: HeadroomArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(Headroom, name, args, HeadroomArgs, faults)
        super().__init__(TOKEN, name, dict(args), opts)
        title = f"headroom-{args['name']}"
        priority = args.get("priority", headroom.DEFAULT_PRIORITY)
        priority_class = kubernetes.scheduling.v1.PriorityClass(
            name,
            # Another value needs another name: pulumi-kubernetes would update the immutable field (issue 1830).
            metadata={"name": headroom.priority_class_name(title, priority)},
            value=priority,
            preemption_policy="Never",
            description="Pause pods that hold capacity for a burst of pods.",
            opts=pulumi.ResourceOptions(parent=self),
        )
        class_name = priority_class.metadata.apply(lambda metadata: str(metadata.name))
        labels = {_NAME_LABEL: _APPLICATION, _INSTANCE_LABEL: title}
        deployment = kubernetes.apps.v1.Deployment(
            name,
            metadata={
                "name": title,
                "namespace": args.get("namespace", DEFAULT_NAMESPACE),
                "labels": labels,
                # Pause pods are pending while a burst has their place: that must not fail an update.
                "annotations": {"pulumi.com/skipAwait": "true"},
            },
            spec=_spec(args, class_name, labels),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.priority_class_name = class_name
        self.deployment_name = deployment.metadata.apply(lambda metadata: str(metadata.name))
        self.register_outputs({"priorityClassName": self.priority_class_name, "deploymentName": self.deployment_name})


def _spec(args: HeadroomArgs, class_name: pulumi.Output[str], labels: dict[str, str]) -> Any:
    """The Deployment's spec, in the shape of the SDK's typed dictionaries."""
    return {
        "replicas": args.get("replicas", 1),
        "selector": {"match_labels": labels},
        # No surge: two generations of pause pods would reserve the capacity twice.
        "strategy": {"type": "RollingUpdate", "rolling_update": {"max_surge": 0, "max_unavailable": "25%"}},
        "template": {
            # Or skip-nodes-with-system-pods keeps their nodes (simulator/drainability/rules/system).
            "metadata": {"labels": labels, "annotations": {SAFE_TO_EVICT: "true"}},
            "spec": _pod(args, class_name),
        },
    }


def _pod(args: HeadroomArgs, class_name: pulumi.Output[str]) -> dict[str, Any]:
    image = args.get("image", {})
    repository = image.get("repository", headroom.PAUSE_REPOSITORY)
    requests = {"cpu": args["cpu"], "memory": args["memory"]}
    return {
        "priority_class_name": class_name,
        # A pod of the burst starts when the pause pod is gone.
        "termination_grace_period_seconds": 0,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "security_context": {**POD_SECURITY},
        "node_selector": {"kubernetes.io/os": "linux", **args.get("node_selector", {})},
        "tolerations": [{**toleration} for toleration in args.get("tolerations", [])],
        "containers": [
            {
                "name": "pause",
                "image": f"{repository}:{image.get('tag', headroom.PAUSE_TAG)}",
                "resources": {"requests": requests, "limits": {"memory": args["memory"]}},
                "security_context": {**CONTAINER_SECURITY},
            }
        ],
    }
