"""Which labels and taints EKS and the kubelet accept on nodes.

Where EKS accepts a label that the kubelet refuses, nodes start, never join, and the group ends in NodeCreationFailure
after twenty minutes or more (terraform-aws-modules/terraform-aws-eks 3346, aws/containers-roadmap 2465).
"""

from collections.abc import Mapping, Sequence

from .discovery import Taint
from .faults import Fault

EKS_PREFIXES = ("kubernetes.io/", "k8s.io/", "eks.amazonaws.com/")
"""CreateNodegroup: "Label cannot contain reserved prefixes [...]" (eksctl-io/eksctl 4007)."""

_KUBERNETES = ("kubernetes.io", "k8s.io")
_KUBELET = ("kubelet.kubernetes.io", "node.kubernetes.io")
_KUBELET_LABELS = frozenset(
    {
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/instance-type",
        "beta.kubernetes.io/os",
        "failure-domain.beta.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
    }
)
"""What a kubelet may set of Kubernetes' own labels: ``kubeletLabels`` and ``kubeletLabelNamespaces`` of
kubernetes/kubernetes, ``pkg/kubelet/apis/well_known_labels.go``."""

LONGEST_KEY = 63
"""Of a label or taint, prefix included (``labelKey`` and ``taintKey`` of the EKS API)."""


def managed_label_faults(path: str, labels: Mapping[str, object]) -> list[Fault]:
    """Find labels that EKS or the kubelet refuses."""
    found = []
    for key, value in labels.items():
        where = f"{path}[{key!r}]"
        if key.startswith(EKS_PREFIXES):
            found.append(Fault(where, repr(key), f"another prefix: EKS reserves {', '.join(EKS_PREFIXES)}"))
        else:
            found += kubelet_label_faults(path, {key: value})
        if value == "":
            found.append(Fault(where, "an empty value", "1 to 63 characters: EKS refuses an empty label value"))
        found += _length_faults(where, key)
    return found


def kubelet_label_faults(path: str, labels: Mapping[str, object]) -> list[Fault]:
    """Find labels that the kubelet refuses, on nodes of any group."""
    expected = (
        "a custom prefix, node.kubernetes.io/ or kubelet.kubernetes.io/: the kubelet refuses other labels of "
        "Kubernetes, and the node does not join"
    )
    return [Fault(f"{path}[{key!r}]", repr(key), expected) for key in labels if not _kubelet_accepts(key)]


def managed_taint_faults(path: str, taints: Sequence[Taint]) -> list[Fault]:
    """Find taints that EKS refuses."""
    return [fault for i, taint in enumerate(taints) for fault in _length_faults(f"{path}[{i}].key", taint["key"])]


def _kubelet_accepts(key: str) -> bool:
    namespace, slash, _ = key.rpartition("/")
    of_kubernetes = slash and _within(namespace, _KUBERNETES)
    return not of_kubernetes or _within(namespace, _KUBELET) or key in _KUBELET_LABELS


def _within(namespace: str, domains: tuple[str, ...]) -> bool:
    return namespace in domains or namespace.endswith(tuple(f".{domain}" for domain in domains))


def _length_faults(path: str, key: str) -> list[Fault]:
    if len(key) <= LONGEST_KEY:
        return []
    return [Fault(path, f"{len(key)} characters", f"{LONGEST_KEY} at most, prefix included: the limit of EKS")]
