"""EKS add-ons.

Imitates terraform-provider-aws internal/service/eks/addon.go and addon_data_source.go, as of v6 (the base of pulumi-aws
7.51).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.eks.common import GONE, EksResource, given, health, wait_for_update
from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import Properties
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.aws.validators import CLUSTER_NAME, arn, matching, one_of
from sandbox.providers.rpc import ProviderError, State

CREATE_SECONDS = 120.0
"""How long an add-on may take to become ACTIVE."""

DELETE_SECONDS = 120.0
"""How long an add-on may take to go."""

_UPDATED = ("addonVersion", "configurationValues", "serviceAccountRoleArn")


class Addon(EksResource):
    """``aws.eks.Addon``. ID: ``<cluster>:<add-on>``."""

    resource = aws.eks.Addon
    supported = frozenset(
        [
            "addonName",
            "addonVersion",
            "clusterName",
            "configurationValues",
            "preserve",
            "resolveConflictsOnCreate",
            "resolveConflictsOnUpdate",
            "serviceAccountRoleArn",
            "tags",
        ]
    )
    parts = MappingProxyType({"clusterName": "cluster name", "addonName": "add-on name"})
    computed = frozenset({"addonVersion", "configurationValues", "namespaceConfig"})
    kept = frozenset({"preserve", "resolveConflictsOnCreate", "resolveConflictsOnUpdate"})
    replaces = frozenset({"addonName", "clusterName"})
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
    volatile = frozenset({"modifiedAt"})

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Starts to install the add-on."""
        request = given(inputs, "addonName", "clusterName", *_UPDATED, "tags")
        if inputs.get("resolveConflictsOnCreate"):
            request["resolveConflicts"] = inputs["resolveConflictsOnCreate"]
        cloud.eks.create_addon(**request)
        return f"{inputs['clusterName']}:{inputs['addonName']}"

    def settle(self, cloud: Cloud, old: State) -> None:
        """Wait until it is installed: a new one also through DEGRADED, as ``waitAddonCreated`` does."""
        pending = {"CREATING"} if old.outputs.get("arn") else {"CREATING", "DEGRADED"}

        def installed() -> bool:
            addon = self._describe(cloud, old.id)
            if addon is None or addon["status"] == "CREATE_FAILED":
                status = addon["status"] if addon else "gone"
                raise ProviderError(f"EKS add-on {old.id} is {status}: {health(addon)}")
            return addon["status"] not in pending

        cloud.wait(installed, f"EKS add-on {old.id} to be installed", CREATE_SECONDS)

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The add-on."""
        addon = self._describe(cloud, old.id)
        if addon is None:
            return None
        same = ("addonName", "clusterName", *_UPDATED, "tags")
        return {
            **{name: addon.get(name) for name in same},
            "namespaceConfig": addon.get("namespaceConfig"),
            "arn": addon["addonArn"],
            "createdAt": addon["createdAt"].isoformat(),
            "modifiedAt": addon["modifiedAt"].isoformat(),
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Version, configuration and role, in one EKS update."""
        if not changed & set(_UPDATED):
            return
        named, request = self.named(old.id), given(inputs, *_UPDATED)
        conflicts = inputs.get("resolveConflictsOnUpdate") or inputs.get("resolveConflictsOnCreate")
        if conflicts:
            request["resolveConflicts"] = conflicts
        answer = cloud.eks.update_addon(**named, **request)
        wait_for_update(cloud, answer, name=named["clusterName"], addonName=named["addonName"])

    def delete(self, cloud: Cloud, old: State) -> None:
        """Uninstalls the add-on, unless ``preserve`` leaves its software there, and waits until EKS forgot it."""
        preserve = bool(old.outputs.get("preserve"))
        found(lambda: cloud.eks.delete_addon(**self.named(old.id), preserve=preserve), GONE)
        cloud.wait(lambda: self._describe(cloud, old.id) is None, f"EKS add-on {old.id} to be gone", DELETE_SECONDS)

    def _describe(self, cloud: Cloud, resource_id: str) -> Any:
        answer = found(lambda: cloud.eks.describe_addon(**self.named(resource_id)), GONE)
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
    Function(
        "aws:eks/getAddon:getAddon", aws.eks.get_addon, get_addon, required=frozenset({"addonName", "clusterName"})
    ),
    Function(
        "aws:eks/getAddonVersion:getAddonVersion",
        aws.eks.get_addon_version,
        get_addon_version,
        frozenset({"mostRecent"}),
        frozenset({"addonName", "kubernetesVersion"}),
    ),
]
