"""ClusterAddons: the add-ons that every cluster has, at a version that fits its Kubernetes version."""

from typing import NotRequired, TypedDict

import pulumi

from . import addon
from .errors import checked
from .pure import validation
from .pure.faults import Fault

TOKEN = "eks-cluster-autoscaler:index:ClusterAddons"

NONE = "none"
"""Instead of a version: the add-on is not part of the stack."""


class ClusterAddonsArgs(TypedDict):
    """Of which cluster, and the versions of the add-ons."""

    cluster_name: pulumi.Input[str]
    """Name of the EKS cluster."""
    kubernetes_version: pulumi.Input[str]
    """Kubernetes version of the cluster."""
    vpc_cni: NotRequired[str]
    """Version of the add-on `vpc-cni`; `default` follows the default version of EKS for the Kubernetes version of the
    cluster, `none` leaves the add-on to you. Defaults to `default`."""
    kube_proxy: NotRequired[str]
    """Version of the add-on `kube-proxy`, `default` or `none`. Defaults to `default`."""
    core_dns: NotRequired[str]
    """Version of the add-on `coredns`, `default` or `none`. It needs a node. Defaults to `default`."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """AWS tags of new add-ons; later changes are not applied. Defaults to none."""


def faults(args: ClusterAddonsArgs) -> list[Fault]:
    """Check the arguments, as far as they are plain values."""
    words = [addon.DEFAULT, NONE]
    return [
        *validation.cluster_name("clusterName", args["cluster_name"]),
        *validation.kubernetes_version("kubernetesVersion", args["kubernetes_version"]),
        *validation.addon_version("vpcCni", args.get("vpc_cni"), words),
        *validation.addon_version("kubeProxy", args.get("kube_proxy"), words),
        *validation.addon_version("coreDns", args.get("core_dns"), words),
        *validation.tags("tags", args.get("tags", {})),
    ]


class ClusterAddons(pulumi.ComponentResource):
    """VPC CNI, kube-proxy and CoreDNS as EKS add-ons, upgraded with the cluster.

    EKS installs the three on a new cluster, and nothing upgrades them afterwards. A new add-on takes over what runs and
    resets its configuration; one that exists is adopted as it is. An add-on that the program no longer has is deleted,
    and its software stays on the cluster. CoreDNS needs a node, so the component must depend on the node groups. Needs
    an AWS provider, with `eks:DescribeAddon` and `eks:DescribeAddonVersions` at preview.
    """

    versions: pulumi.Output[dict[str, str]]
    """Version of each add-on, by its name."""

    def __init__(self, name: str, args: ClusterAddonsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(ClusterAddons, name, args, ClusterAddonsArgs, faults)
        super().__init__(TOKEN, name, dict(args), opts)
        wanted = {
            "vpc-cni": ("vpcCni", args.get("vpc_cni", addon.DEFAULT)),
            "kube-proxy": ("kubeProxy", args.get("kube_proxy", addon.DEFAULT)),
            "coredns": ("coreDns", args.get("core_dns", addon.DEFAULT)),
        }
        made = {
            addon_name: addon.register(
                f"{name}-{addon_name}",
                addon_name,
                args["cluster_name"],
                owner=self,
                version=addon.default_version(
                    self, name, ClusterAddonsArgs, path, addon_name, args["kubernetes_version"]
                )
                if version == addon.DEFAULT
                else version,
                tags=args.get("tags"),
                takes_over=True,
            )
            for addon_name, (path, version) in wanted.items()
            if version != NONE
        }
        self.versions = pulumi.Output.all(**{each: resource.addon_version for each, resource in made.items()})
        self.register_outputs({"versions": self.versions})
