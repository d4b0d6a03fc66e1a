"""CapacityBuffer, the API by which Cluster Autoscaler itself keeps capacity free: kind, flags, rights and definition.

After kubernetes/autoscaler 1.36.1: ``apis/capacitybuffer/autoscaling.x-k8s.io/v1beta1/types.go`` (the fields),
``builder/autoscaler.go`` (the flags) and ``capacitybuffer/client/client.go`` (what is listed and written).
"""

from collections.abc import Mapping
from typing import Any

from .faults import Fault
from .flag_needs import BUFFER_FLAGS, CONTENT_TYPE_FLAG, DRY_RUN_FLAG, DRY_RUN_SINCE, JSON, JSON_FLOOR
from .flags import TRUE
from .versions import Minor, Patch, dotted

GROUP = "autoscaling.x-k8s.io"
KIND = "CapacityBuffer"
PLURAL = "capacitybuffers"
VERSIONS = ("v1beta1", "v1alpha1")
"""Versions of the API with the same fields; the definition of Cluster Autoscaler 1.34 has the second one only."""
API_VERSION = f"{GROUP}/{VERSIONS[0]}"
DEFINITION = f"{PLURAL}.{GROUP}"
"""Name of the CustomResourceDefinition."""

ACTIVE = "buffer.x-k8s.io/active-capacity"
"""The provisioning strategy that adds nodes (``capacitybuffer/constants.go``). 1.34 skips a buffer that names none."""

FLOOR: Minor = (1, 34)
"""First minor of Cluster Autoscaler that has the API. It lists v1alpha1, later ones v1beta1."""

_READ = ["get", "list", "watch"]
RULES: list[dict[str, list[str]]] = [
    {"apiGroups": [GROUP], "resources": [PLURAL], "verbs": _READ},
    {"apiGroups": [GROUP], "resources": [f"{PLURAL}/status"], "verbs": ["update", "patch"]},
    {"apiGroups": [""], "resources": ["podtemplates"], "verbs": [*_READ, "create", "update"]},
    {"apiGroups": [""], "resources": ["replicationcontrollers", "resourcequotas"], "verbs": _READ},
    {"apiGroups": ["apps"], "resources": ["deployments", "replicasets", "statefulsets"], "verbs": _READ},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": _READ},
]
"""All that the controller of buffers lists and writes, whatever the chart grants.

No right to create pods: the flags below turn the dry run off that would need it.
"""


def flags(image: Patch) -> dict[str, str]:
    """Return the flags by which this Cluster Autoscaler works on buffers."""
    found = dict.fromkeys(BUFFER_FLAGS, "true")
    if image < JSON_FLOOR:
        found[CONTENT_TYPE_FLAG] = JSON
    if image[:2] >= DRY_RUN_SINCE:
        found[DRY_RUN_FLAG] = "false"
    return found


def flag_faults(requested: Mapping[str, str]) -> list[Fault]:
    """Find the flags that would turn off what ``capacityBuffers`` turns on; paths are names of flags."""
    return [
        Fault(flag, f"{requested[flag]} with capacityBuffers", f"true, or leave {flag} out")
        for flag in BUFFER_FLAGS
        if flag in requested and requested[flag] not in TRUE
    ]


def image_faults(image: Patch) -> list[Fault]:
    """Refuse a Cluster Autoscaler that has no such API; the path is empty."""
    if image[:2] >= FLOOR:
        return []
    expected = f"Cluster Autoscaler {dotted(FLOOR)} or later, or headroom by pods, which works with every version"
    return [Fault("", f"Cluster Autoscaler {dotted(image)}", expected)]


def definition() -> dict[str, Any]:
    """Return the spec of the CustomResourceDefinition: the fields of the API, and a status that is not checked."""
    return {
        "group": GROUP,
        "names": {
            "kind": KIND,
            "listKind": f"{KIND}List",
            "plural": PLURAL,
            "singular": KIND.lower(),
            "shortNames": ["cb"],
        },
        "scope": "Namespaced",
        # Both have the same fields, so the API server converts one to the other by its name alone.
        "versions": [_version("v1alpha1", storage=False), _version("v1beta1", storage=True)],
    }


def _version(name: str, *, storage: bool) -> dict[str, Any]:
    ready = '.status.conditions[?(@.type=="ReadyForProvisioning")].status'
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            {"name": "Replicas", "type": "integer", "jsonPath": ".status.replicas"},
            {"name": "Ready", "type": "string", "jsonPath": ready},
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        ],
        "schema": {
            "openAPIV3Schema": {
                "type": "object",
                "required": ["spec"],
                "properties": {
                    "spec": _SPEC,
                    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            }
        },
    }


_COUNT = {"type": "integer", "format": "int32", "minimum": 0}
_NAME = {"type": "string", "minLength": 1}
_SPEC: dict[str, Any] = {
    "type": "object",
    "properties": {
        "provisioningStrategy": {"type": "string", "default": ACTIVE},
        "podTemplateRef": {"type": "object", "required": ["name"], "properties": {"name": _NAME}},
        "scalableRef": {
            "type": "object",
            "required": ["kind", "name"],
            "properties": {"apiGroup": {"type": "string"}, "kind": _NAME, "name": _NAME},
        },
        "replicas": _COUNT,
        "percentage": _COUNT,
        "limits": {
            "type": "object",
            "additionalProperties": {
                "anyOf": [{"type": "integer"}, {"type": "string"}],
                "x-kubernetes-int-or-string": True,
            },
        },
    },
    # Fields that a later version of the API adds.
    "x-kubernetes-preserve-unknown-fields": True,
}
