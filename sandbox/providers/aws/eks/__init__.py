"""EKS: clusters, node groups, add-ons, access entries and Pod Identity associations."""

from sandbox.providers.aws.eks import addon, cluster, node_group
from sandbox.providers.aws.eks.access import AccessEntry, AccessPolicyAssociation, PodIdentityAssociation
from sandbox.providers.aws.eks.addon import Addon
from sandbox.providers.aws.eks.cluster import Cluster
from sandbox.providers.aws.eks.node_group import NodeGroup
from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import ResourceType

RESOURCES: list[ResourceType] = [
    Cluster(),
    NodeGroup(),
    Addon(),
    AccessEntry(),
    AccessPolicyAssociation(),
    PodIdentityAssociation(),
]
FUNCTIONS: list[Function] = [*addon.FUNCTIONS, *cluster.FUNCTIONS, *node_group.FUNCTIONS]

__all__ = ["FUNCTIONS", "RESOURCES"]
