"""EKS add-ons.

Imitates terraform-provider-aws internal/service/eks/addon.go and addon_data_source.go, as of v6 (the base of pulumi-aws
7.51).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.eks.common import GONE, EksResource, given, split_id, wait_for_update
from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import Properties
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.aws.validators import CLUSTER_NAME, arn, matching, one_of
from sandbox.providers.rpc import ProviderError, State

CREATE_SECONDS = 120.0
"""How long an add-on may take to become ACTIVE."""

DELETE_SECONDS = 120.0
"""How long an add-on may take to go."""


class Addon(EksResource):
    """``aws.eks.Addon``. ID: ``<cluster>:<add-on>``."""

    resource = aws.eks.Addon
    computed = frozenset({"addonVersion", "configurationValues", "namespaceConfig"})
    kept = frozenset({"preserve", "resolveConflictsOnCreate", "resolveConflictsOnUpdate"})
    replaces = frozenset({"addonName", "clusterName", "namespaceConfig"})
    documents = frozenset({"configurationValues"})
    enums = MappingProxyType({"resolveConflictsOnUpdate": ("eks", "ResolveConflicts")})
    validators = MappingProxyType(
        {
            "addonVersion": matching(
                r"v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?", "must be a semantic version"
            ),
            "clusterName": CLUSTER_NAME,
            # The API also knows PRESERVE, which makes no sense for what does not exist yet.
            "resolveConflictsOnCreate": one_of("NONE", "OVERWRITE"),
            "serviceAccountRoleArn": arn,
        }
    )
    unsupported = frozenset({"podIdentityAssociations"})
    volatile = frozenset({"modifiedAt"})

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Starts to install the add-on."""
        request = given(inputs, "addonName", "addonVersion", "clusterName", "configurationValues", "namespaceConfig")
        request |= given(inputs, "serviceAccountRoleArn", "tags")
        if inputs.get("resolveConflictsOnCreate"):
            request["resolveConflicts"] = inputs["resolveConflictsOnCreate"]
        cloud.eks.create_addon(**request)
        return f"{inputs['clusterName']}:{inputs['addonName']}"

    def settle(self, cloud: Cloud, old: State) -> None:
        """Wait until it is installed: a new one also through DEGRADED, as ``waitAddonCreated`` does."""
        pending = {"CREATING"} if old.outputs.get("arn") else {"CREATING", "DEGRADED"}

        def installed() -> bool:
            addon = _describe(cloud, old.id)
            if addon is None or addon["status"] == "CREATE_FAILED":
                issues = (addon or {}).get("health", {}).get("issues", [])
                reasons = "; ".join(f"{each.get('code')}: {each.get('message')}" for each in issues)
                status = addon["status"] if addon else "gone"
                raise ProviderError(f"EKS add-on {old.id} is {status}: {reasons or 'EKS gives no reason'}")
            return addon["status"] not in pending

        cloud.wait(installed, f"EKS add-on {old.id} to be installed", CREATE_SECONDS)

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The add-on."""
        addon = _describe(cloud, old.id)
        if addon is None:
            return None
        same = ("addonName", "addonVersion", "clusterName", "configurationValues", "serviceAccountRoleArn", "tags")
        return {
            **{name: addon.get(name) for name in same},
            "namespaceConfig": addon.get("namespaceConfig"),
            "arn": addon["addonArn"],
            "createdAt": addon["createdAt"].isoformat(),
            "modifiedAt": addon["modifiedAt"].isoformat(),
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Version, configuration and role, in one EKS update."""
        names = ("addonVersion", "configurationValues", "serviceAccountRoleArn")
        if not changed & set(names):
            return
        cluster, name = _parts(old.id)
        request = given(inputs, *names)
        conflicts = inputs.get("resolveConflictsOnUpdate") or inputs.get("resolveConflictsOnCreate")
        if conflicts:
            request["resolveConflicts"] = conflicts
        answer = cloud.eks.update_addon(clusterName=cluster, addonName=name, **request)
        wait_for_update(cloud, answer, name=cluster, addonName=name)

    def delete(self, cloud: Cloud, old: State) -> None:
        """Uninstalls the add-on, unless ``preserve`` leaves its software there, and waits until EKS forgot it."""
        cluster, name = _parts(old.id)
        preserve = bool(old.outputs.get("preserve"))
        found(lambda: cloud.eks.delete_addon(clusterName=cluster, addonName=name, preserve=preserve), GONE)
        cloud.wait(lambda: _describe(cloud, old.id) is None, f"EKS add-on {old.id} to be gone", DELETE_SECONDS)


def _parts(resource_id: str) -> tuple[str, str]:
    cluster, name = split_id(resource_id, ":", "cluster name", "add-on name")
    return cluster, name


def _describe(cloud: Cloud, resource_id: str) -> Any:
    cluster, name = _parts(resource_id)
    answer = found(lambda: cloud.eks.describe_addon(clusterName=cluster, addonName=name), GONE)
    return answer["addon"] if answer else None


def get_addon_version(cloud: Cloud, args: Properties) -> Properties:
    """``aws.eks.get_addon_version``: the newest version for a Kubernetes minor, or the default one."""
    name, minor = args["addonName"], args["kubernetesVersion"]
    answer = cloud.eks.describe_addon_versions(addonName=name, kubernetesVersion=minor)
    versions = [version for addon in answer["addons"] for version in addon["addonVersions"]]
    if not args.get("mostRecent"):
        versions = [each for each in versions if any(fit["defaultVersion"] for fit in each["compatibilities"])]
    if not versions:
        raise ProviderError(f"reading EKS Add-On version info ({name}, {minor}): couldn't find resource")
    return {
        "addonName": name,
        "id": name,
        "kubernetesVersion": minor,
        "mostRecent": args.get("mostRecent"),
        "region": cloud.region,
        "version": versions[0]["addonVersion"],
    }


def get_addon(cloud: Cloud, args: Properties) -> Properties:
    """``aws.eks.get_addon``, as ``dataSourceAddonRead`` of addon_data_source.go."""
    resource_id = f"{args['clusterName']}:{args['addonName']}"
    addon = Addon().read(cloud, State(resource_id, {}))
    if addon is None:
        raise ProviderError(f"reading EKS Add-On ({resource_id}): couldn't find resource")
    addon.pop("namespaceConfig")
    return {**addon, "id": resource_id, "podIdentityAssociations": [], "region": cloud.region}


FUNCTIONS = [
    Function("aws:eks/getAddon:getAddon", aws.eks.get_addon, get_addon, frozenset({"addonName", "clusterName"})),
    Function(
        "aws:eks/getAddonVersion:getAddonVersion",
        aws.eks.get_addon_version,
        get_addon_version,
        frozenset({"addonName", "kubernetesVersion"}),
    ),
]
