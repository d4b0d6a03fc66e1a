"""An EKS add-on of a cluster: created, or adopted if the cluster has it."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from .adoption import TAGS, Adoption, Existing
from .invoking import described, find

DESCRIBE = "aws:eks/getAddon:getAddon"
_OWNERS = ("serviceAccountRoleArn", "podIdentityAssociations", "configurationValues")
"""Properties that the program does not set and the add-on's creator may have set; the CNI, for example, has a role."""

DEFAULT = "default"
"""The version that EKS installs by default on the Kubernetes version of the cluster."""


def register(
    name: str,
    addon_name: str,
    cluster_name: pulumi.Input[str],
    *,
    owner: pulumi.Resource,
    version: pulumi.Input[str] | None = None,
    tags: Mapping[str, pulumi.Input[str]] | None = None,
    takes_over: bool = False,
    opts: pulumi.ResourceOptions | None = None,
) -> aws.eks.Addon:
    """Register an add-on, which is adopted if the cluster has it.

    Args:
        name: Name of the Pulumi resource.
        addon_name: Name of the add-on.
        cluster_name: Name of the cluster.
        owner: Component that the resource belongs to.
        version: Version of the add-on. Defaults to what it has, for a new one to EKS's default.
        tags: AWS tags of a new add-on. Defaults to none.
        takes_over: Whether a new add-on takes over the software that runs on the cluster, which then stays when the
            add-on is deleted. Defaults to false.
        opts: Further options of the Pulumi resource.
    """

    async def existing(requested: Mapping[str, Any]) -> Existing | None:
        cluster = requested["clusterName"]
        unless = (
            f"Cannot check whether the cluster has the add-on {addon_name}, so an existing one is not adopted: "
            "allow eks:DescribeAddon."
        )
        found = await find(owner, DESCRIBE, unless, clusterName=cluster, addonName=addon_name)
        # AddonCreateResourceID in terraform-provider-aws internal/service/eks/addon.go.
        return None if found is None else Existing(f"{cluster}:{addon_name}", ignored=(*TAGS, *_OWNERS))

    return aws.eks.Addon(
        name,
        cluster_name=cluster_name,
        addon_name=addon_name,
        addon_version=version,
        # Settings that others changed on the cluster stay.
        resolve_conflicts_on_update="PRESERVE",
        resolve_conflicts_on_create="OVERWRITE" if takes_over else None,
        preserve=takes_over or None,
        tags=tags,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(parent=owner, transforms=[Adoption(existing)])),
    )


def default_version(
    owner: pulumi.ComponentResource,
    subject: str,
    shape: type,
    path: str,
    addon_name: str,
    kubernetes_version: pulumi.Input[str],
) -> pulumi.Output[str]:
    """Return the version of an add-on that EKS installs by default on a Kubernetes version.

    Args:
        owner: Component that asks.
        subject: Name of the component, for the error if EKS names no version.
        shape: TypedDict of its arguments.
        path: The argument that asks for the default.
        addon_name: Name of the add-on.
        kubernetes_version: Kubernetes version of the cluster.
    """
    answer = aws.eks.get_addon_version_output(
        addon_name=addon_name,
        kubernetes_version=kubernetes_version,
        opts=pulumi.InvokeOutputOptions(parent=owner),
    )
    expected = (
        "a version of the add-on, or permission for eks:DescribeAddonVersions: aws eks describe-addon-versions "
        f"--addon-name {addon_name}"
    )
    return described(owner, subject, shape, path, f"the default version of {addon_name}", answer, expected).version
