"""Settings as arguments of the components; what only the cloud knows is given beside them."""

from dataclasses import fields, is_dataclass
from typing import Any

import pulumi

from components import (
    cluster_autoscaler,
    existing_node_group,
    network,
    new_cluster,
    node_group,
    node_role,
    oidc_provider,
)
from components.autoscaler_role import NODE_ROLE
from settings.shapes import Creation, ExistingNodeGroup, Network, NodeGroup, Settings


def network_arguments(wished: Network, cluster_name: str) -> network.ClusterNetworkArgs:
    """Arguments of ``ClusterNetwork``."""
    return _arguments(wished, cluster_name=cluster_name)  # type: ignore[no-any-return]


def creation_arguments(wished: Creation, **given: object) -> new_cluster.ClusterCreation:
    """Arguments of ``EksCluster`` for a cluster to create; ``given`` holds the subnets of a network made for it."""
    arguments = _arguments(wished, **given)
    arguments.pop("network", None)
    return arguments  # type: ignore[no-any-return]


def node_group_arguments(settings: Settings, group: NodeGroup, **given: object) -> node_group.ManagedNodeGroupArgs:
    """Arguments of ``ManagedNodeGroup``; ``given`` holds what only the cluster knows, its version and subnets."""
    own = _arguments(group)
    for key in ("name", "one_per_zone", "subnet_ids"):
        own.pop(key, None)
    # In the other modes pods must not reach the node's role at all, but while a stack leaves nodeRole they must.
    own.setdefault("hop_limit", 2 if settings.credentials == NODE_ROLE else 1)
    arguments: Any = {**given, **own}
    return arguments  # type: ignore[no-any-return]


def role_arguments(settings: Settings) -> node_role.RoleArgs:
    """Arguments of every component that makes a role: what the account asks of it."""
    return _arguments(settings.role)  # type: ignore[no-any-return]


def existing_arguments(
    group: ExistingNodeGroup, cluster_name: pulumi.Input[str]
) -> existing_node_group.ExistingNodeGroupArgs:
    """Arguments of ``ExistingNodeGroup``."""
    arguments = _arguments(group, cluster_name=cluster_name)
    arguments["node_group_name"] = arguments.pop("name")
    return arguments  # type: ignore[no-any-return]


def oidc_provider_arguments(settings: Settings, issuer: pulumi.Input[str]) -> oidc_provider.ClusterOidcProviderArgs:
    """Arguments of ``ClusterOidcProvider``."""
    return _arguments(settings.oidc_provider, issuer=issuer)  # type: ignore[no-any-return]


def autoscaler_arguments(settings: Settings, **given: object) -> cluster_autoscaler.ClusterAutoscalerArgs:
    """Arguments of ``ClusterAutoscaler``; ``given`` holds what only cluster, OIDC provider and node groups know."""
    behaviour = _arguments(settings.autoscaler)
    own = ("namespace", "service_account", "chart", "image", "timeout_seconds", "values")
    arguments: Any = {
        **role_arguments(settings),
        **{key: behaviour.pop(key) for key in own if key in behaviour},
        "credentials": settings.credentials,
        "install_agent": settings.pod_identity.install_agent,
        "settings": behaviour,
        "tainted_from_zero": any(group.taints and group.min_size == 0 for group in settings.node_groups),
        **given,
    }
    return arguments  # type: ignore[no-any-return]


def _arguments(wished: object, **given: object) -> Any:
    """A settings object as arguments of a component: a plain dict, without what was not given."""
    if isinstance(wished, list):
        return [_arguments(item) for item in wished]
    if not is_dataclass(wished):
        return wished
    own = {f.name: value for f in fields(wished) if (value := getattr(wished, f.name)) is not None}
    return {**{key: _arguments(value) for key, value in own.items()}, **given}
