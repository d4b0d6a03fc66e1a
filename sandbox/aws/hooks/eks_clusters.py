"""EKS clusters: born CREATING, ACTIVE when a real control plane reports, in the VPC of their subnets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ministack.core.iam_evaluator import validate_role_arn
from ministack.services import ec2, eks

from sandbox import versions
from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook, replace
from sandbox.aws.hooks.eks_api import Call, Json, Route, find_cluster, invalid
from sandbox.aws.hooks.iam_propagation import is_known
from sandbox.aws.kubernetes_versions import DEFAULT_MINOR, check_minor

AUTHENTICATION_MODES = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")
"""How a cluster knows who may enter, in the only direction in which it can be changed."""


_SUPPORT = {
    "endOfStandardSupportDate": "standardSupportEnds",
    "endOfExtendedSupportDate": "extendedSupportEnds",
}
_NO_PEERS: Mapping[str, Any] = {"IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": []}


def create_cluster(call: Call) -> Json:
    """CreateCluster. The control plane is not ours: :func:`activate` is called when it is up."""
    body = call.body
    name, wanted = body["name"], body.get("resourcesVpcConfig", {})
    if name in eks._clusters:
        raise ApiError("ResourceInUseException", f"Cluster already exists with name: {name}", 409)
    if problem := validate_role_arn(body["roleArn"]):
        raise invalid(problem)
    if not is_known(body["roleArn"]):
        raise invalid("Role could not be assumed because the trusted entity is not correct")
    version = check_minor(body.get("version", DEFAULT_MINOR))
    vpc_id = vpc_of(wanted.get("subnetIds", []))
    mode = body.get("accessConfig", {}).get("authenticationMode", AUTHENTICATION_MODES[0])
    oidc_id = eks.new_uuid().replace("-", "").upper()
    cluster: Json = {
        "name": name,
        "arn": eks._cluster_arn(name),
        "createdAt": eks._now(),
        "version": version,
        "roleArn": body["roleArn"],
        "resourcesVpcConfig": {
            "subnetIds": wanted["subnetIds"],
            "securityGroupIds": wanted.get("securityGroupIds", []),
            "clusterSecurityGroupId": _create_security_group(name, vpc_id),
            "vpcId": vpc_id,
            "endpointPublicAccess": wanted.get("endpointPublicAccess", True),
            "endpointPrivateAccess": wanted.get("endpointPrivateAccess", False),
            "publicAccessCidrs": wanted.get("publicAccessCidrs", ["0.0.0.0/0"]),
        },
        "kubernetesNetworkConfig": _network_config(body.get("kubernetesNetworkConfig", {}), wanted["subnetIds"]),
        "logging": body.get("logging", {"clusterLogging": []}),
        "identity": {"oidc": {"issuer": f"https://oidc.eks.{eks.get_region()}.amazonaws.com/id/{oidc_id}"}},
        "status": "CREATING",
        "platformVersion": "eks.1",
        "tags": body.get("tags", {}),
        "encryptionConfig": body.get("encryptionConfig", []),
        "accessConfig": {
            "authenticationMode": mode,
            "bootstrapClusterCreatorAdminPermissions": body.get("accessConfig", {}).get(
                "bootstrapClusterCreatorAdminPermissions", True
            ),
        },
        "upgradePolicy": body.get("upgradePolicy", {"supportType": "EXTENDED"}),
        "deletionProtection": body.get("deletionProtection", False),
        "health": {"issues": []},
        "_creator_arn": call.caller,
    }
    eks._clusters[name] = cluster
    eks._tags[cluster["arn"]] = dict(cluster["tags"])
    eks._bootstrap_creator_access_entry(name, cluster, call.caller)
    return {"cluster": shown(cluster)}


def vpc_of(subnet_ids: list[str]) -> str:
    """The VPC of a cluster's subnets.

    Raises:
        ApiError: One does not exist, or they are in several VPCs or one zone only.
    """
    missing = [name for name in subnet_ids if name not in ec2._subnets]
    if missing:
        raise invalid(f"The subnet ID '{missing[0]}' does not exist")
    subnets = [ec2._subnets[name] for name in subnet_ids]
    if len({subnet["AvailabilityZone"] for subnet in subnets}) < 2:
        raise invalid("Subnets specified must be in at least two different AZs")
    vpcs = {subnet["VpcId"] for subnet in subnets}
    if len(vpcs) > 1:
        raise invalid(f"Subnets specified must belong to the same VPC, not to {', '.join(sorted(vpcs))}")
    return str(vpcs.pop())


def _network_config(wanted: Json, subnets: list[str]) -> Json:
    """The networks of a cluster's services (KubernetesNetworkConfigRequest of the API reference).

    That subnets need an IPv6 network is in "Learn about IPv6 addresses" of the EKS user guide; the words are not EKS's.

    Raises:
        ApiError: The family is unknown, or subnets or other members do not fit it.
    """
    family = wanted.get("ipFamily", "ipv4")
    if family == "ipv4":
        return {"serviceIpv4Cidr": wanted.get("serviceIpv4Cidr", "10.100.0.0/16"), "ipFamily": family}
    if family != "ipv6":
        raise invalid(f"ipFamily {family} is not one of ipv4, ipv6")
    if "serviceIpv4Cidr" in wanted:
        raise invalid("serviceIpv4Cidr cannot be specified when ipFamily is ipv6")
    if missing := [one for one in subnets if "Ipv6CidrBlock" not in ec2._subnets[one]]:
        raise invalid(f"Subnets {', '.join(missing)} have no IPv6 CIDR block, which ipFamily ipv6 needs")
    return {
        "serviceIpv6Cidr": f"fd{eks.new_uuid()[:2]}:{eks.new_uuid()[:4]}:{eks.new_uuid()[:4]}::/108",
        "ipFamily": family,
    }


def _create_security_group(cluster: str, vpc_id: str) -> str:
    """The group that EKS makes for a cluster: control plane and nodes talk freely among themselves."""
    group_id = str(ec2._new_sg_id())
    within = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group_id, "UserId": ec2.get_account_id()}]}
    anywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2._security_groups[group_id] = {
        "GroupId": group_id,
        "GroupName": f"eks-cluster-sg-{cluster}-{group_id[-9:]}",
        "Description": "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, "
        "as well as any managed workloads.",
        "VpcId": vpc_id,
        "OwnerId": ec2.get_account_id(),
        "IpPermissions": [{**_NO_PEERS, **within}],
        "IpPermissionsEgress": [{**_NO_PEERS, **anywhere}],
    }
    tags = {
        "Name": f"eks-cluster-sg-{cluster}-{group_id[-9:]}",
        f"kubernetes.io/cluster/{cluster}": "owned",
        "aws:eks:cluster-name": cluster,
    }
    ec2._tags[group_id] = [{"Key": key, "Value": value} for key, value in tags.items()]
    return group_id


def activate(name: str, endpoint: str, certificate_authority: str, jwks: Json) -> Json:
    """Report to EKS that a cluster's control plane serves.

    Args:
        name: The cluster.
        endpoint: URL of its API server.
        certificate_authority: Base64 of the PEM certificate that signed the API server's.
        jwks: The key set that verifies its service-account tokens.

    Returns:
        The cluster as DescribeCluster shows it.

    Raises:
        ApiError: There is no such cluster.
    """
    cluster = find_cluster(name)
    cluster |= {
        "status": "ACTIVE",
        "endpoint": endpoint,
        "certificateAuthority": {"data": certificate_authority},
        "_jwks": jwks,
    }
    return shown(cluster)


def by_issuer(issuer: str) -> Json | None:
    """The cluster, of any account and region, whose OIDC issuer this is."""
    clusters: list[Json] = eks._clusters.all_values()
    return next((one for one in clusters if one["identity"]["oidc"]["issuer"] == issuer), None)


def shown(cluster: Json) -> Json:
    """A cluster as DescribeCluster shows it, with the tags that it has now."""
    visible = {name: value for name, value in cluster.items() if not name.startswith("_")}
    return visible | {"tags": eks._tags.get(cluster["arn"], {})}


def describe_cluster(call: Call) -> Json:
    """DescribeCluster."""
    return {"cluster": shown(find_cluster(call.path["cluster"]))}


def describe_cluster_versions(call: Call) -> Json:
    """DescribeClusterVersions: those asked for, else all, with the days on which EKS ends their support."""
    asked = call.query.get("clusterVersions") or [row["minor"] for row in versions.rows("kubernetes.tsv")]
    return {
        "clusterVersions": [
            {
                "clusterVersion": row["minor"],
                "clusterType": "eks",
                **{
                    name: datetime.fromisoformat(row[column]).replace(tzinfo=UTC).timestamp()
                    for name, column in _SUPPORT.items()
                    if row[column]
                },
            }
            for row in versions.rows("kubernetes.tsv")
            if row["minor"] in asked
        ]
    }


def delete_cluster(call: Call) -> Json:
    """DeleteCluster, with all that EKS made for it; refused while it has node groups."""
    name = call.path["cluster"]
    cluster = find_cluster(name)
    if any(key.startswith(f"{name}/") for key in eks._nodegroups):
        raise ApiError("ResourceInUseException", f"Cluster has nodegroups attached: {name}", 409)
    if cluster["deletionProtection"]:
        raise ApiError("InvalidRequestException", f"Cluster {name} has deletion protection: disable it first")
    answer = {"cluster": shown(cluster) | {"status": "DELETING"}}
    for key in [key for key in eks._addons if key.startswith(f"{name}/")]:
        eks._tags.pop(eks._addons.pop(key)["addonArn"], None)
    security_group = cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]
    ec2._security_groups.pop(security_group, None)
    ec2._tags.pop(security_group, None)
    eks._delete_cluster(name)
    return answer


def require_active(cluster: Json) -> None:
    """Raises :class:`ApiError` unless the cluster's control plane serves."""
    if cluster["status"] != "ACTIVE":
        raise ApiError(
            "InvalidRequestException", f"Cluster '{cluster['name']}' is not in ACTIVE status: it is {cluster['status']}"
        )


ROUTES = (
    Route("POST", "/clusters", create_cluster),
    Route("GET", "/cluster-versions", describe_cluster_versions),
    Route("GET", "/clusters/{cluster}", describe_cluster),
    Route("DELETE", "/clusters/{cluster}", delete_cluster),
)

HOOKS: tuple[Hook, ...] = (
    # Access is decided by the sandbox's own token webhook, not by roles that ministack puts into a k3s container.
    replace(eks, "_schedule_access_policy_reconcile", lambda *_args, **_kwargs: None),
)
