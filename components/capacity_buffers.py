"""What the release needs to work on CapacityBuffers: rights, and by setting the CustomResourceDefinition."""

from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from .pure import capacity_buffers
from .values import NAME

ROLE_NAME = f"{NAME}-capacity-buffers"
"""Name of the ClusterRole and of its binding."""


class CapacityBuffers(TypedDict):
    """How Cluster Autoscaler works on CapacityBuffers."""

    install_definition: NotRequired[bool]
    """Whether the CustomResourceDefinition `capacitybuffers.autoscaling.x-k8s.io` is part of your stack. If the cluster
    has it from another tool, leave it false. Defaults to false: it must exist, and serve v1beta1."""
    retain_definition: NotRequired[bool]
    """Whether an installed definition stays on the cluster when your program no longer has it, because its deletion
    deletes all CapacityBuffers of the cluster. Set false and run `pulumi up` before you remove it. Defaults to true."""


def create(
    name: str, args: CapacityBuffers, *, namespace: str, service_account: str, parent: pulumi.Resource
) -> list[pulumi.Resource]:
    """Create what must exist before the release, because its pods wait for it before their first loop.

    Args:
        name: Name of the resources.
        args: The definition that is installed, if any.
        namespace: Namespace of the service account.
        service_account: Service account of the pods.
        parent: Parent of the resources.
    """
    # By the names of the API, which the SDK passes on; its types have other names for some.
    rules: Any = capacity_buffers.RULES
    spec: Any = capacity_buffers.definition()
    role = kubernetes.rbac.v1.ClusterRole(
        name,
        metadata={"name": ROLE_NAME},
        rules=rules,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    binding = kubernetes.rbac.v1.ClusterRoleBinding(
        name,
        metadata={"name": ROLE_NAME},
        role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ROLE_NAME},
        subjects=[{"kind": "ServiceAccount", "name": service_account, "namespace": namespace}],
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[role]),
    )
    if not args.get("install_definition"):
        return [binding]
    definition = kubernetes.apiextensions.v1.CustomResourceDefinition(
        name,
        metadata={"name": capacity_buffers.DEFINITION},
        spec=spec,
        opts=pulumi.ResourceOptions(parent=parent, retain_on_delete=args.get("retain_definition", True)),
    )
    return [binding, definition]
