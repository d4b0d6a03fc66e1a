"""Everything that the sandbox changes in ministack, one module for one concern, registered here and nowhere else."""

from __future__ import annotations

from ministack.services import eks

from sandbox.aws.hooking import Hook, wrap
from sandbox.aws.hooks import (
    autoscaling_groups,
    autoscaling_tags,
    capacity,
    eks_access,
    eks_addons,
    eks_api,
    eks_cluster_updates,
    eks_clusters,
    eks_node_groups,
    eks_tags,
    eks_updates,
    iam_conditions,
    iam_escaping,
    iam_oidc_providers,
    iam_propagation,
    iam_resources,
    iam_root,
    iam_simulator,
    iam_tags,
    images,
    instance_types,
    instances,
    ipv6,
    launch_templates,
    managed_policies,
    network_filters,
    pod_identity,
    vpc_endpoints,
    web_identity,
)

_EKS_ROUTES = (
    *eks_clusters.ROUTES,
    *eks_cluster_updates.ROUTES,
    *eks_updates.ROUTES,
    *eks_node_groups.ROUTES,
    *eks_addons.ROUTES,
    *eks_tags.ROUTES,
)

HOOKS: tuple[Hook, ...] = (
    *autoscaling_groups.HOOKS,
    *autoscaling_tags.HOOKS,
    *capacity.HOOKS,
    wrap(eks, "_handle_request_sync", eks_api.dispatcher(_EKS_ROUTES)),
    *eks_access.HOOKS,
    *eks_addons.HOOKS,
    *eks_clusters.HOOKS,
    *eks_tags.HOOKS,
    *iam_conditions.HOOKS,
    *iam_escaping.HOOKS,
    *iam_oidc_providers.HOOKS,
    *iam_propagation.HOOKS,
    *iam_resources.HOOKS,
    *iam_root.HOOKS,
    *iam_simulator.HOOKS,
    *iam_tags.HOOKS,
    *images.HOOKS,
    *instance_types.HOOKS,
    *instances.HOOKS,
    *ipv6.HOOKS,
    *launch_templates.HOOKS,
    *managed_policies.HOOKS,
    *network_filters.HOOKS,
    *pod_identity.HOOKS,
    *vpc_endpoints.HOOKS,
    *web_identity.HOOKS,
)
"""All hooks, in the order in which they are put in place."""
