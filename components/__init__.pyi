from .asg_tags import AutoscalerTags as AutoscalerTags
from .asg_tags import AutoscalerTagsArgs as AutoscalerTagsArgs
from .asg_tags import autoscaler_tags as autoscaler_tags
from .autoscaler_release import AutoscalerRelease as AutoscalerRelease
from .autoscaler_release import AutoscalerReleaseArgs as AutoscalerReleaseArgs
from .autoscaler_release import ChartSource as ChartSource
from .autoscaler_release import ImageSource as ImageSource
from .autoscaler_role import AutoscalerRole as AutoscalerRole
from .autoscaler_role import AutoscalerRoleArgs as AutoscalerRoleArgs
from .cluster import EksCluster as EksCluster
from .cluster import EksClusterArgs as EksClusterArgs
from .cluster_autoscaler import ClusterAutoscaler as ClusterAutoscaler
from .cluster_autoscaler import ClusterAutoscalerArgs as ClusterAutoscalerArgs
from .cluster_autoscaler import cluster_arguments as cluster_arguments
from .errors import FaultsError as FaultsError
from .existing_node_group import ExistingNodeGroup as ExistingNodeGroup
from .existing_node_group import ExistingNodeGroupArgs as ExistingNodeGroupArgs
from .network import ClusterNetwork as ClusterNetwork
from .network import ClusterNetworkArgs as ClusterNetworkArgs
from .new_cluster import ClusterCreation as ClusterCreation
from .node_group import Gpu as Gpu
from .node_group import ManagedNodeGroup as ManagedNodeGroup
from .node_group import ManagedNodeGroupArgs as ManagedNodeGroupArgs
from .node_group import UpdateSettings as UpdateSettings
from .oidc_provider import ClusterOidcProvider as ClusterOidcProvider
from .oidc_provider import ClusterOidcProviderArgs as ClusterOidcProviderArgs
from .pure.discovery import Taint as Taint
from .pure.faults import Fault as Fault
from .values import AutoscalerSettings as AutoscalerSettings
from .values import PodResources as PodResources
from .values import ServiceMonitor as ServiceMonitor
from .values import Toleration as Toleration

__version__: str
__all__: list[str]
