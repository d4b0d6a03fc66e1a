"""EKS clusters.

Imitates terraform-provider-aws internal/service/eks/cluster.go and cluster_data_source.go, as of v6 (the base of
pulumi-aws 7.51).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.eks.common import GONE, EksResource, given, health, once_role_is_known, wait_for_update
from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import AutoName, Properties
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.aws.validators import CLUSTER_NAME, arn, cidr
from sandbox.providers.rpc import ProviderError, State

CREATE_SECONDS = 300.0
"""How long a cluster may take to become ACTIVE: a real API server has to start, on a machine that may be busy."""

DELETE_SECONDS = 120.0
"""How long a cluster may take to go."""

_ENDPOINT_ACCESS = ("endpointPrivateAccess", "endpointPublicAccess", "publicAccessCidrs")


class Cluster(EksResource):
    """``aws.eks.Cluster``. ID: the cluster's name."""

    resource = aws.eks.Cluster
    supported = frozenset(
        {
            "accessConfig",
            "bootstrapSelfManagedAddons",
            "kubernetesNetworkConfig",
            "name",
            "roleArn",
            "tags",
            "version",
            "vpcConfig",
        }
    )
    naming = AutoName("name", 100, CLUSTER_NAME)
    defaults = MappingProxyType(
        {
            "accessConfig.bootstrapClusterCreatorAdminPermissions": True,
            "bootstrapSelfManagedAddons": True,
            "vpcConfig.endpointPrivateAccess": False,
            "vpcConfig.endpointPublicAccess": True,
        }
    )
    computed = frozenset(
        {
            "accessConfig",
            "accessConfig.authenticationMode",
            "deletionProtection",
            "kubernetesNetworkConfig",
            "kubernetesNetworkConfig.elasticLoadBalancing",
            "kubernetesNetworkConfig.ipFamily",
            "kubernetesNetworkConfig.serviceIpv4Cidr",
            "kubernetesNetworkConfig.serviceIpv6Cidr",
            "upgradePolicy",
            "upgradePolicy.supportType",
            "version",
            "vpcConfig.clusterSecurityGroupId",
            "vpcConfig.publicAccessCidrs",
            "vpcConfig.vpcId",
        }
    )
    kept = frozenset({"bootstrapSelfManagedAddons"})
    replaces = frozenset(
        {
            "accessConfig.bootstrapClusterCreatorAdminPermissions",
            "bootstrapSelfManagedAddons",
            "kubernetesNetworkConfig.ipFamily",
            "kubernetesNetworkConfig.serviceIpv4Cidr",
            "name",
            "roleArn",
        }
    )
    enums = MappingProxyType(
        {
            "accessConfig.authenticationMode": ("eks", "AuthenticationMode"),
            "kubernetesNetworkConfig.ipFamily": ("eks", "IpFamily"),
        }
    )
    counts = MappingProxyType({"vpcConfig.subnetIds": (1, None)})
    validators = MappingProxyType({"roleArn": arn, "vpcConfig.publicAccessCidrs": cidr})

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Starts to make the cluster."""
        request = {
            **given(inputs, "name", "roleArn", "version", "accessConfig", "kubernetesNetworkConfig", "tags"),
            "resourcesVpcConfig": inputs["vpcConfig"],
            "bootstrapSelfManagedAddons": inputs["bootstrapSelfManagedAddons"],
        }
        answer = once_role_is_known(cloud, lambda: cloud.eks.create_cluster(**request))
        return answer["cluster"]["name"]

    def settle(self, cloud: Cloud, old: State) -> None:
        """Waits until the control plane serves."""

        def active() -> bool:
            cluster = cloud.eks.describe_cluster(name=old.id)["cluster"]
            if cluster["status"] == "FAILED":
                raise ProviderError(f"EKS cluster {old.id} FAILED: {health(cluster)}")
            return cluster["status"] == "ACTIVE"

        cloud.wait(active, f"EKS cluster {old.id} to become ACTIVE", CREATE_SECONDS)

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The cluster."""
        answer = found(lambda: cloud.eks.describe_cluster(name=old.id), GONE)
        return _outputs(answer["cluster"]) if answer else None

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """One EKS update after the other: EKS takes one kind of change at a time."""
        if "version" in changed:
            answer = cloud.eks.update_cluster_version(name=old.id, version=inputs["version"])
            wait_for_update(cloud, answer, name=old.id)
        for request in _config_updates(old.outputs, inputs, changed):
            wait_for_update(cloud, cloud.eks.update_cluster_config(name=old.id, **request), name=old.id)

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes the cluster and waits until it is gone."""

        def accepted() -> bool:
            try:
                found(lambda: cloud.eks.delete_cluster(name=old.id), GONE)
            except cloud.eks.exceptions.ResourceInUseException as error:
                if "in progress" in str(error):
                    return False
                raise
            return True

        cloud.wait(accepted, f"EKS to accept the deletion of cluster {old.id}", DELETE_SECONDS)
        cloud.wait(lambda: self.read(cloud, old) is None, f"EKS cluster {old.id} to be gone", DELETE_SECONDS)


def _outputs(cluster: Any) -> dict[str, Any]:
    enabled = [each["types"] for each in cluster.get("logging", {}).get("clusterLogging", []) if each["enabled"]]
    return {
        **{name: cluster.get(name) for name in ("arn", "endpoint", "name", "platformVersion", "roleArn", "status")},
        **{name: cluster.get(name) for name in ("accessConfig", "deletionProtection", "tags", "version")},
        "certificateAuthority": cluster.get("certificateAuthority") or {},
        "createdAt": cluster["createdAt"].isoformat(),
        "enabledClusterLogTypes": sorted(name for types in enabled for name in types),
        "identities": [{"oidcs": [{"issuer": cluster["identity"]["oidc"]["issuer"]}]}],
        "kubernetesNetworkConfig": cluster.get("kubernetesNetworkConfig") or {},
        "upgradePolicy": cluster.get("upgradePolicy"),
        "vpcConfig": cluster["resourcesVpcConfig"],
    }


def _config_updates(old: Properties, inputs: Properties, changed: frozenset[str]) -> list[dict[str, Any]]:
    """The requests of UpdateClusterConfig that bring a cluster to its inputs, in the official provider's order."""
    requests: list[dict[str, Any]] = []
    if "accessConfig" in changed:
        mode = inputs["accessConfig"]["authenticationMode"]
        requests.append({"accessConfig": {"authenticationMode": mode}})
    if "vpcConfig" in changed:
        before, wanted = old["vpcConfig"], inputs["vpcConfig"]
        access = {name: wanted[name] for name in _ENDPOINT_ACCESS if wanted.get(name) is not None}
        if any(before.get(name) != value for name, value in access.items()):
            requests.append({"resourcesVpcConfig": access})
        # One update each, as `resourceClusterUpdate` does.
        for name in ("subnetIds", "securityGroupIds"):
            if sorted(before.get(name) or []) != sorted(wanted.get(name) or []):
                requests.append({"resourcesVpcConfig": {name: wanted.get(name) or []}})
    return requests


def get_cluster(cloud: Cloud, args: Properties) -> Properties:
    """``aws.eks.get_cluster``."""
    answer = found(lambda: cloud.eks.describe_cluster(name=args["name"]), GONE)
    if answer is None:
        raise ProviderError(f"reading EKS Cluster ({args['name']}): couldn't find resource")
    outputs = _outputs(answer["cluster"])
    plurals = {
        "accessConfig": "accessConfigs",
        "certificateAuthority": "certificateAuthorities",
        "kubernetesNetworkConfig": "kubernetesNetworkConfigs",
        "upgradePolicy": "upgradePolicies",
    }
    lists = {plural: [outputs.pop(name)] for name, plural in plurals.items()}
    return {**outputs, **lists, "id": outputs["name"], "region": cloud.region}


FUNCTIONS = [Function("aws:eks/getCluster:getCluster", aws.eks.get_cluster, get_cluster, required=frozenset({"name"}))]
