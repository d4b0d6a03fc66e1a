"""Headroom: capacity that is kept free, so that a burst of pods starts before its nodes do."""

from typing import Any, NotRequired, Optional, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from .autoscaler_role import DEFAULT_NAMESPACE
from .errors import checked
from .pure import capacity_buffers, headroom, validation
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
    """Name of the objects, `headroom-<name>`: 1 to 40 lowercase letters, digits and dashes."""
    kind: NotRequired[str]
    """`Pods`, pause pods of a negative priority, or `CapacityBuffer`, for which Cluster Autoscaler needs
    `capacityBuffers`. Defaults to `Pods`."""
    cpu: str
    """CPU that one pause pod requests, such as `1` or `500m`. A pod that needs no more starts in its place."""
    memory: str
    """Memory that one pause pod requests, such as `2Gi`."""
    replicas: NotRequired[int]
    """Number of pause pods, 0 to 1000. Defaults to 1."""
    priority: NotRequired[int]
    """For `Pods`, their priority: below 0, and at least `expendable-pods-priority-cutoff`. Defaults to -10."""
    node_selector: NotRequired[dict[str, str]]
    """`nodeSelector` of the pause pods: labels that their node must have. Defaults to none."""
    tolerations: NotRequired[list[Toleration]]
    """Tolerations of the pause pods. Defaults to none."""
    image: NotRequired[PauseImage]
    """For `Pods`, their image. Defaults to the public pause image."""
    namespace: NotRequired[str]
    """Namespace of the objects. Defaults to `kube-system`."""
    expendable_pods_priority_cutoff: NotRequired[int]
    """Value of Cluster Autoscaler's flag `expendable-pods-priority-cutoff`. Defaults to -10, as the flag does."""


def faults(args: HeadroomArgs) -> list[Fault]:
    """Find errors in the arguments."""
    image = args.get("image", {})
    name = args["name"]
    cutoff = args.get("expendable_pods_priority_cutoff", headroom.DEFAULT_CUTOFF)
    found = [
        *validation.dns_label("name", name),
        *validation.choice("kind", args.get("kind", headroom.PODS), (headroom.PODS, capacity_buffers.KIND)),
        *headroom.kind_faults(args.get("kind", headroom.PODS), args, cutoff),
        *headroom.request_faults("cpu", args["cpu"]),
        *headroom.request_faults("memory", args["memory"]),
        *validation.bounds("replicas", args.get("replicas", 1), 0, headroom.MAX_REPLICAS),
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
    """Capacity that is kept free for the pods of the next burst, by pause pods or by a CapacityBuffer.

    The scheduler removes pause pods to free capacity for pending pods. The removed pods become pending, so Cluster
    Autoscaler adds nodes for them. A CapacityBuffer has no pods: Cluster Autoscaler adds nodes as if pods of this size
    were pending. Needs a Kubernetes provider.
    """

    priority_class_name: pulumi.Output[Optional[str]]  # noqa: UP045 -- the plugin's schema knows this spelling only
    """Name of the PriorityClass; none with `CapacityBuffer`."""
    deployment_name: pulumi.Output[Optional[str]]  # noqa: UP045
    """Name of the Deployment; none with `CapacityBuffer`."""
    buffer_name: pulumi.Output[Optional[str]]  # noqa: UP045
    """Name of the CapacityBuffer; none with `Pods`."""

    def __init__(self, name: str, args: HeadroomArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(Headroom, name, args, HeadroomArgs, faults)
        super().__init__(TOKEN, name, dict(args), opts)
        title = f"headroom-{args['name']}"
        labels = {_NAME_LABEL: _APPLICATION, _INSTANCE_LABEL: title}
        metadata = {"name": title, "namespace": args.get("namespace", DEFAULT_NAMESPACE), "labels": labels}
        none: pulumi.Output[Any] = pulumi.Output.from_input(None)
        self.priority_class_name = self.deployment_name = self.buffer_name = none
        if args.get("kind", headroom.PODS) == headroom.PODS:
            self._create_pods(name, args, title, metadata)
        else:
            self._create_buffer(name, args, metadata)
        self.register_outputs(
            {
                "priorityClassName": self.priority_class_name,
                "deploymentName": self.deployment_name,
                "bufferName": self.buffer_name,
            }
        )

    def _create_pods(self, name: str, args: HeadroomArgs, title: str, metadata: Any) -> None:
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
        class_name = priority_class.metadata.apply(lambda made: str(made.name))
        # Pause pods are pending while a burst has their place: that must not fail an update.
        not_awaited: Any = {**metadata, "annotations": {"pulumi.com/skipAwait": "true"}}
        deployment = kubernetes.apps.v1.Deployment(
            name,
            metadata=not_awaited,
            spec=_spec(args, class_name, metadata["labels"]),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.priority_class_name = class_name
        self.deployment_name = deployment.metadata.apply(lambda made: str(made.name))

    def _create_buffer(self, name: str, args: HeadroomArgs, metadata: Any) -> None:
        template = kubernetes.core.v1.PodTemplate(
            name,
            metadata=metadata,
            template=_template(args, metadata["labels"]),
            opts=pulumi.ResourceOptions(parent=self),
        )
        buffer = kubernetes.apiextensions.CustomResource(
            name,
            api_version=capacity_buffers.API_VERSION,
            kind=capacity_buffers.KIND,
            # The buffer is ready as soon as it exists; the nodes come later, or not at all.
            metadata={**metadata, "annotations": {"pulumi.com/skipAwait": "true"}},
            spec={
                "provisioningStrategy": capacity_buffers.ACTIVE,
                "podTemplateRef": {"name": metadata["name"]},
                "replicas": args.get("replicas", 1),
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[template]),
        )
        self.buffer_name = buffer.id.apply(lambda _: str(metadata["name"]))


def _spec(args: HeadroomArgs, class_name: pulumi.Output[str], labels: dict[str, str]) -> Any:
    """The Deployment's spec, in the shape of the SDK's typed dictionaries."""
    template = _template(args, labels)
    template["spec"] |= {
        "priority_class_name": class_name,
        # A pod of the burst starts when the pause pod is gone.
        "termination_grace_period_seconds": 0,
    }
    return {
        "replicas": args.get("replicas", 1),
        "selector": {"match_labels": labels},
        # No surge: two generations of pause pods would reserve the capacity twice.
        "strategy": {"type": "RollingUpdate", "rolling_update": {"max_surge": 0, "max_unavailable": "25%"}},
        "template": template,
    }


def _template(args: HeadroomArgs, labels: dict[str, str]) -> Any:
    """The pods that hold the capacity, or that Cluster Autoscaler only imagines."""
    image = args.get("image", {})
    repository = image.get("repository", headroom.PAUSE_REPOSITORY)
    requests = {"cpu": args["cpu"], "memory": args["memory"]}
    spec = {
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
    # Or skip-nodes-with-system-pods keeps their nodes (simulator/drainability/rules/system).
    return {"metadata": {"labels": labels, "annotations": {SAFE_TO_EVICT: "true"}}, "spec": spec}
