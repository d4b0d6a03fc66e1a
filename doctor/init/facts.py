"""What ``init`` knows of a cluster: plain frozen values, each a ``Reading`` where it was looked up."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import credentials
from ..facts import (
    Association,
    AutoScalingGroup,
    Cluster,
    Deployment,
    NodeGroup,
    OidcProvider,
    ServiceAccount,
    Source,
    Taint,
)
from ..readings import Reading, Unreadable

NAME = "cluster-autoscaler"
"""Name of the program's Helm release and of every object of it."""

RELEASE_ANNOTATION = "meta.helm.sh/release-name"
CREDENTIALS_ANNOTATION = "eks-cluster-autoscaler/credentials"
"""Annotation of the pods that this program deploys."""


@dataclass(frozen=True)
class LiveNode:
    """A node of the cluster, with what it offers to pods."""

    name: str
    instance_id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    allocatable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Account:
    """A service account."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NamedObject:
    """An object with a name that the program's release wants.

    Attributes:
        kind: As ``kubectl`` takes it, ``clusterrole``.
        release: Helm release that owns it; empty when none does.
        role: For a binding, the name of its role, which Kubernetes never lets change.
    """

    kind: str
    name: str
    release: str = ""
    role: str = ""


@dataclass(frozen=True)
class Installed:
    """A Deployment of Cluster Autoscaler, and what belongs to it.

    Attributes:
        pod_spec: Spec of its pods, as Kubernetes gives it.
        account: Its service account; None when it does not exist.
        associations: EKS Pod Identity associations of that account.
        release_status: Status of its Helm release; None when Helm has no record of it.
        priorities: Text of the priority expander's ConfigMap; None when it does not exist.
        objects: Objects with names that the program's release wants.
    """

    deployment: Deployment
    annotations: Mapping[str, str] = field(default_factory=dict)
    pod_spec: Mapping[str, Any] = field(default_factory=dict)
    account: Reading[Account | None] = None
    associations: Reading[tuple[Association, ...]] = ()
    release_status: Reading[str | None] = None
    priorities: Reading[str | None] = None
    objects: Reading[tuple[NamedObject, ...]] = ()

    @property
    def release(self) -> str:
        """Helm release that installed it; empty when Helm did not."""
        labels = self.deployment.labels
        by_label = labels.get("app.kubernetes.io/instance", "") if _by_helm(labels) else ""
        return self.annotations.get(RELEASE_ANNOTATION, "") or by_label

    @property
    def source(self) -> Source:
        """Where its pods get their AWS credentials."""
        known = self.account if isinstance(self.account, Account) else None
        return credentials.declared(
            self.deployment,
            ServiceAccount(known.name, known.annotations) if known else None,
            () if isinstance(self.associations, Unreadable) else self.associations,
        )[0].source

    @property
    def is_ours(self) -> bool:
        """Whether a stack of this program deployed it."""
        return CREDENTIALS_ANNOTATION in self.deployment.pod_annotations

    @property
    def container(self) -> Mapping[str, Any]:
        """The container that runs Cluster Autoscaler."""
        containers = items(self.pod_spec.get("containers"))
        return next((each for each in containers if each.get("image") == self.deployment.image), {})


def _by_helm(labels: Mapping[str, str]) -> bool:
    return labels.get("app.kubernetes.io/managed-by") == "Helm"


def items(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list, whatever it is."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list | tuple) else []


def texts(value: object) -> dict[str, str]:
    """A map of texts, whatever it is."""
    return {str(key): str(item) for key, item in value.items()} if isinstance(value, Mapping) else {}


@dataclass(frozen=True)
class Found:
    """All that was found.

    Attributes:
        groups: Every Auto Scaling group of the region, other clusters' included.
        agent_addon: Status of the add-on of EKS Pod Identity; None when it is not installed.
        installed: The autoscaler to take over; None when the cluster has none.
        others: Names of further Deployments that run Cluster Autoscaler.
        karpenter: Names of Deployments that run Karpenter.
    """

    cluster: Cluster
    node_groups: Reading[tuple[NodeGroup, ...]] = ()
    groups: Reading[tuple[AutoScalingGroup, ...]] = ()
    nodes: Reading[tuple[LiveNode, ...]] = ()
    oidc_provider: Reading[OidcProvider | None] = None
    agent_addon: Reading[str | None] = None
    installed: Reading[Installed | None] = None
    others: tuple[str, ...] = ()
    karpenter: tuple[str, ...] = ()

    @property
    def unread(self) -> Iterator[Unreadable]:
        """What could not be read, each call once."""
        readings: list[Reading[Any]] = [
            *(self.node_groups, self.groups, self.nodes, self.oidc_provider, self.agent_addon, self.installed)
        ]
        if isinstance(self.installed, Installed):
            it = self.installed
            readings += [it.account, it.associations, it.release_status, it.priorities, it.objects]
        seen: set[str] = set()
        for reading in readings:
            if isinstance(reading, Unreadable) and reading.call not in seen:
                seen.add(reading.call)
                yield reading
