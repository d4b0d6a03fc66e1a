"""The add-ons that the component installs: kube-proxy and the VPC CNI unless told not to, CoreDNS if told to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_aws as aws

_CNI_CONFIGURATION: Final = {
    "env": {
        "AWS_VPC_ENI_MTU": "9001",
        "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "false",
        "AWS_VPC_K8S_CNI_EXTERNALSNAT": "false",
        "AWS_VPC_K8S_CNI_LOGLEVEL": "DEBUG",
        "AWS_VPC_K8S_CNI_LOG_FILE": "/host/var/log/aws-routed-eni/ipamd.log",
        "AWS_VPC_K8S_CNI_VETHPREFIX": "eni",
        "AWS_VPC_K8S_PLUGIN_LOG_FILE": "/var/log/aws-routed-eni/plugin.log",
        "AWS_VPC_K8S_PLUGIN_LOG_LEVEL": "DEBUG",
        "ENABLE_POD_ENI": "false",
        "WARM_ENI_TARGET": "1",
    },
    "init": {"env": {"DISABLE_TCP_EARLY_DEMUX": "false"}},
}
"""What the official package tells the CNI by default."""


def wants_kube_proxy(inputs: Mapping[str, Any]) -> bool:
    """Whether the add-on kube-proxy is to be made: unless disabled."""
    return (inputs.get("kubeProxyAddonOptions") or {}).get("enabled") is not False


def wants_coredns(inputs: Mapping[str, Any]) -> bool:
    """Whether the add-on CoreDNS is to be made. Without a default node group only if asked for in so many words."""
    options = inputs.get("corednsAddonOptions") or {}
    return options.get("enabled") is True or bool(options.get("configurationValues"))


def wants_vpc_cni(inputs: Mapping[str, Any]) -> bool:
    """Whether the add-on VPC CNI is to be made: unless EKS's own is to stay."""
    return not inputs.get("useDefaultVpcCni")


def addon(
    name: str,
    addon_name: str,
    cluster: aws.eks.Cluster,
    options: Mapping[str, Any],
    tags: pulumi.Input[Mapping[str, str]] | None,
    opts: pulumi.ResourceOptions,
) -> aws.eks.Addon:
    """An add-on, in the newest version for the cluster unless ``options`` name one."""
    version = options.get("version") or options.get("addonVersion") or _newest(addon_name, cluster, opts)
    configuration = options.get("configurationValues")
    return aws.eks.Addon(
        name,
        cluster_name=cluster.name,
        addon_name=addon_name,
        addon_version=version,
        preserve=True,
        tags=tags,
        resolve_conflicts_on_create=options.get("resolveConflictsOnCreate") or "OVERWRITE",
        resolve_conflicts_on_update=options.get("resolveConflictsOnUpdate") or "OVERWRITE",
        service_account_role_arn=options.get("serviceAccountRoleArn"),
        configuration_values=pulumi.Output.from_input(configuration).apply(_document) if configuration else None,
        opts=opts,
    )


class VpcCniAddon(pulumi.ComponentResource):
    """``eks:index:VpcCniAddon`` with the official package's own settings."""

    def __init__(
        self,
        name: str,
        cluster: aws.eks.Cluster,
        options: Mapping[str, Any],
        tags: pulumi.Input[Mapping[str, str]] | None,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("eks:index:VpcCniAddon", name, {}, opts)
        configured = {**options, "configurationValues": _CNI_CONFIGURATION}
        made = addon(name, "vpc-cni", cluster, configured, tags, pulumi.ResourceOptions(parent=self))
        self.register_outputs({"addon": made})


def _newest(addon_name: str, cluster: aws.eks.Cluster, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    return aws.eks.get_addon_version_output(
        addon_name=addon_name,
        kubernetes_version=cluster.version,
        most_recent=True,
        opts=pulumi.InvokeOutputOptions(parent=opts.parent),
    ).version


def _document(configuration: Mapping[str, Any]) -> str:
    return json.dumps(_with_whole_numbers(configuration), sort_keys=True, separators=(",", ":"))


def _with_whole_numbers(value: Any) -> Any:
    """The value with ``1`` for ``1.0``: the wire has only floats."""
    if isinstance(value, Mapping):
        return {key: _with_whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
