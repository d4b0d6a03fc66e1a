"""UpdateClusterConfig and UpdateClusterVersion, with EKS's own rules."""

from __future__ import annotations

from typing import Any

from sandbox.aws.hooks.eks_api import Call, Json, Route, find_cluster, invalid
from sandbox.aws.hooks.eks_clusters import AUTHENTICATION_MODES, require_active, vpc_of
from sandbox.aws.hooks.eks_updates import record
from sandbox.aws.kubernetes_versions import MINORS, check_minor


def update_cluster_config(call: Call) -> Json:
    """UpdateClusterConfig: one kind of change a call, as EKS demands."""
    cluster, body = _active(call.path["cluster"]), call.body
    changes = [name for name in _CONFIG_UPDATES if body.get(name) is not None]
    if len(changes) != 1:
        raise invalid(f"Only one type of update is allowed at a time: expected one of {', '.join(_CONFIG_UPDATES)}")
    (change,) = changes
    if change == "accessConfig":
        _check_mode(cluster["accessConfig"]["authenticationMode"], body[change]["authenticationMode"])
    wanted = cluster[change] | body[change] if isinstance(body[change], dict) else body[change]
    if change == "resourcesVpcConfig":
        wanted["vpcId"] = vpc_of(wanted["subnetIds"])
    cluster[change] = wanted
    return record(cluster, _update_type(change, body[change]), _update_params(change, body[change]))


_CONFIG_UPDATES = {
    "resourcesVpcConfig": "EndpointAccessUpdate",
    "logging": "LoggingUpdate",
    "accessConfig": "AccessConfigUpdate",
    "upgradePolicy": "UpgradePolicyUpdate",
    "deletionProtection": "DeletionProtectionUpdate",
}


def _update_type(change: str, wanted: Any) -> str:
    if change == "resourcesVpcConfig" and {"subnetIds", "securityGroupIds"} & set(wanted):
        return "VpcConfigUpdate"
    return _CONFIG_UPDATES[change]


def _update_params(change: str, wanted: Any) -> Json:
    if change == "logging":
        return {"ClusterLogging": wanted}
    if not isinstance(wanted, dict):
        return {change[0].upper() + change[1:]: wanted}
    return {name[0].upper() + name[1:]: value for name, value in wanted.items()}


def _check_mode(current: str, wanted: str) -> None:
    if wanted not in AUTHENTICATION_MODES:
        raise invalid(f"Unknown authentication mode {wanted}: expected one of {', '.join(AUTHENTICATION_MODES)}")
    if AUTHENTICATION_MODES.index(wanted) < AUTHENTICATION_MODES.index(current):
        raise invalid(f"Unsupported authentication mode update from {current} to {wanted}")


def update_cluster_version(call: Call) -> Json:
    """UpdateClusterVersion, one minor at a time."""
    cluster, wanted = _active(call.path["cluster"]), check_minor(call.body["version"])
    current = cluster["version"]
    if MINORS.index(wanted) != MINORS.index(current) + 1:
        raise invalid(f"Unsupported Kubernetes minor version update from {current} to {wanted}")
    cluster["version"] = wanted
    return record(cluster, "VersionUpdate", {"Version": wanted, "PlatformVersion": cluster["platformVersion"]})


def _active(name: str) -> Json:
    cluster = find_cluster(name)
    require_active(cluster)
    return cluster


ROUTES = (
    Route("POST", "/clusters/{cluster}/update-config", update_cluster_config),
    Route("POST", "/clusters/{cluster}/updates", update_cluster_version),
)
