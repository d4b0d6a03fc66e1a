"""Kubernetes Cluster Autoscaler on Amazon EKS as Pulumi components: importable package and plugin in one."""

from .asg_tags import AutoscalerTags, AutoscalerTagsArgs
from .autoscaler_release import AutoscalerRelease, AutoscalerReleaseArgs, ChartSource, ImageSource
from .autoscaler_role import AutoscalerRole, AutoscalerRoleArgs
from .cluster import ClusterCreation, EksCluster, EksClusterArgs
from .cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from .discovery import Taint
from .existing_node_group import ExistingNodeGroup, ExistingNodeGroupArgs
from .faults import Fault, FaultsError
from .network import ClusterNetwork, ClusterNetworkArgs
from .node_group import Gpu, ManagedNodeGroup, ManagedNodeGroupArgs, UpdateSettings
from .oidc_provider import ClusterOidcProvider, ClusterOidcProviderArgs
from .values import AutoscalerSettings, PodResources, ServiceMonitor, Toleration

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
