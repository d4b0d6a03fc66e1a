"""EKS: clusters, node groups, add-ons, access entries and Pod Identity associations."""

from sandbox.providers.aws.eks.access import AccessEntry, AccessPolicyAssociation, PodIdentityAssociation
from sandbox.providers.aws.eks.addon import GET_ADDON_VERSION, Addon
from sandbox.providers.aws.eks.cluster import GET_CLUSTER, Cluster
from sandbox.providers.aws.eks.node_group import GET_NODE_GROUP, NodeGroup
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
FUNCTIONS: list[Function] = [GET_ADDON_VERSION, GET_CLUSTER, GET_NODE_GROUP]

__all__ = ["FUNCTIONS", "RESOURCES"]
