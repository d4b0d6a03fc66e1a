"""Kubernetes Cluster Autoscaler on Amazon EKS as Pulumi components: importable package and plugin in one.

A name is loaded when it is first asked for: the doctor wants the pure modules only, and Pulumi's SDKs take a second.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "AutoscalerRelease",
    "AutoscalerReleaseArgs",
    "AutoscalerRole",
    "AutoscalerRoleArgs",
    "AutoscalerSettings",
    "AutoscalerTags",
    "AutoscalerTagsArgs",
    "ChartSource",
    "ClusterAutoscaler",
    "ClusterAutoscalerArgs",
    "ClusterCreation",
    "ClusterNetwork",
    "ClusterNetworkArgs",
    "ClusterOidcProvider",
    "ClusterOidcProviderArgs",
    "EksCluster",
    "EksClusterArgs",
    "ExistingNodeGroup",
    "ExistingNodeGroupArgs",
    "Fault",
    "FaultsError",
    "Gpu",
    "ImageSource",
    "ManagedNodeGroup",
    "ManagedNodeGroupArgs",
    "PodResources",
    "ServiceMonitor",
    "Taint",
    "Toleration",
    "UpdateSettings",
]

if TYPE_CHECKING:
    from .asg_tags import AutoscalerTags, AutoscalerTagsArgs
    from .autoscaler_release import AutoscalerRelease, AutoscalerReleaseArgs, ChartSource, ImageSource
    from .autoscaler_role import AutoscalerRole, AutoscalerRoleArgs
    from .cluster import ClusterCreation, EksCluster, EksClusterArgs
    from .cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
    from .errors import FaultsError
    from .existing_node_group import ExistingNodeGroup, ExistingNodeGroupArgs
    from .network import ClusterNetwork, ClusterNetworkArgs
    from .node_group import Gpu, ManagedNodeGroup, ManagedNodeGroupArgs, UpdateSettings
    from .oidc_provider import ClusterOidcProvider, ClusterOidcProviderArgs
    from .pure.discovery import Taint
    from .pure.faults import Fault
    from .values import AutoscalerSettings, PodResources, ServiceMonitor, Toleration
else:
    _HOMES = {
        "asg_tags": ("AutoscalerTags", "AutoscalerTagsArgs"),
        "autoscaler_release": ("AutoscalerRelease", "AutoscalerReleaseArgs", "ChartSource", "ImageSource"),
        "autoscaler_role": ("AutoscalerRole", "AutoscalerRoleArgs"),
        "cluster": ("ClusterCreation", "EksCluster", "EksClusterArgs"),
        "cluster_autoscaler": ("ClusterAutoscaler", "ClusterAutoscalerArgs"),
        "pure.discovery": ("Taint",),
        "errors": ("FaultsError",),
        "existing_node_group": ("ExistingNodeGroup", "ExistingNodeGroupArgs"),
        "pure.faults": ("Fault",),
        "network": ("ClusterNetwork", "ClusterNetworkArgs"),
        "node_group": ("Gpu", "ManagedNodeGroup", "ManagedNodeGroupArgs", "UpdateSettings"),
        "oidc_provider": ("ClusterOidcProvider", "ClusterOidcProviderArgs"),
        "values": ("AutoscalerSettings", "PodResources", "ServiceMonitor", "Toleration"),
    }
    _HOME = {name: module for module, names in _HOMES.items() for name in names}

    def __getattr__(name):
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f".{_HOME[name]}", __name__), name)
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
