"""``eks:index:Cluster``.

Imitates pulumi-eks nodejs/eks/cluster/cluster.ts, ``createCore`` and ``ClusterInternal``, as of v4, with a role and
access entries, without security groups and nodes, and of the add-ons with kube-proxy alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from sandbox.providers.eks.access import access_entries
from sandbox.providers.eks.kubeconfig import kubeconfig
from sandbox.providers.eks.service_role import ServiceRole

TYPE: Final = "eks:index:Cluster"

Inputs = Mapping[str, Any]


class Cluster(pulumi.ComponentResource):
    """An EKS cluster and what belongs to it, without workers.

    Args:
        name: Name in the program.
        inputs: The component's properties, by their names on the wire, judged by ``arguments.failures``.
        opts: Options.

    Attributes:
        outputs: All outputs of the component, by their names on the wire.
    """

    def __init__(self, name: str, inputs: Inputs, opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(TYPE, name, dict(inputs), opts)
        self.role: ServiceRole | None = None
        if inputs.get("serviceRole") is None:
            self.role = ServiceRole(f"{name}-eksRole", inputs.get("tags"), self)
        self.cluster = self._cluster(name, inputs)
        self.kubeconfig = self._kubeconfig()
        self.provider = kubernetes.Provider(
            f"{name}-eks-k8s",
            kubeconfig=pulumi.Output.json_dumps(self.kubeconfig),
            opts=pulumi.ResourceOptions(parent=self),
        )
        if (inputs.get("kubeProxyAddonOptions") or {}).get("enabled") is not False:
            self._kube_proxy(name, inputs)
        access_entries(name, self.cluster, inputs.get("accessEntries") or {}, self)
        self.oidc = self._oidc_provider(name) if inputs.get("createOidcProvider") else None
        self.outputs = self._outputs(inputs)
        self.register_outputs(self.outputs)

    def _cluster(self, name: str, inputs: Inputs) -> aws.eks.Cluster:
        given: pulumi.Output[Any] = pulumi.Output.from_input(inputs.get("serviceRole"))
        return aws.eks.Cluster(
            f"{name}-eksCluster",
            name=inputs.get("name"),
            role_arn=self.role.role.arn if self.role else given.apply(lambda role: role.arn),
            version=inputs.get("version"),
            vpc_config=aws.eks.ClusterVpcConfigArgs(
                subnet_ids=_subnet_ids(inputs),
                endpoint_private_access=inputs.get("endpointPrivateAccess"),
                endpoint_public_access=inputs.get("endpointPublicAccess"),
                public_access_cidrs=inputs.get("publicAccessCidrs"),
            ),
            access_config=aws.eks.ClusterAccessConfigArgs(
                authentication_mode=inputs["authenticationMode"], bootstrap_cluster_creator_admin_permissions=True
            ),
            bootstrap_self_managed_addons=True,
            kubernetes_network_config=aws.eks.ClusterKubernetesNetworkConfigArgs(ip_family=inputs["ipFamily"])
            if inputs.get("ipFamily")
            else None,
            tags=pulumi.Output.from_input(inputs.get("tags") or {}).apply(
                lambda given: {"Name": f"{name}-eksCluster", **given}
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[self.role.role, self.role.attachment] if self.role else None,
                ignore_changes=["accessConfig.bootstrapClusterCreatorAdminPermissions", "bootstrapSelfManagedAddons"],
            ),
        )

    def _kube_proxy(self, name: str, inputs: Inputs) -> aws.eks.Addon:
        """The add-on that the official package makes by default, in the newest version for the cluster."""
        newest = aws.eks.get_addon_version_output(
            addon_name="kube-proxy",
            kubernetes_version=self.cluster.version,
            most_recent=True,
            opts=pulumi.InvokeOutputOptions(parent=self),
        )
        return aws.eks.Addon(
            f"{name}-kube-proxy",
            cluster_name=self.cluster.name,
            addon_name="kube-proxy",
            addon_version=newest.version,
            preserve=True,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            tags=inputs.get("tags"),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _oidc_provider(self, name: str) -> aws.iam.OpenIdConnectProvider:
        return aws.iam.OpenIdConnectProvider(
            f"{name}-oidcProvider",
            client_id_lists=["sts.amazonaws.com"],
            url=self._issuer(),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _issuer(self) -> pulumi.Output[str]:
        def first(identities: Any) -> str:
            issuer: str = identities[0].oidcs[0].issuer
            return issuer

        return self.cluster.identities.apply(first)

    def _kubeconfig(self) -> pulumi.Output[dict[str, Any]]:
        cluster = self.cluster
        authority = cluster.certificate_authority.apply(lambda found: found.data)
        return pulumi.Output.all(cluster.name, cluster.arn, cluster.endpoint, authority).apply(
            lambda known: kubeconfig(*known)
        )

    def _outputs(self, inputs: Inputs) -> dict[str, Any]:
        cluster = self.cluster
        clusters_own_group = cluster.vpc_config.apply(lambda config: config.cluster_security_group_id)
        core = {
            "accessEntries": list((inputs.get("accessEntries") or {}).values()),
            "cluster": cluster,
            "clusterIamRole": self.role.role if self.role else inputs["serviceRole"],
            "endpoint": cluster.endpoint,
            "instanceRoles": [],
            "kubeconfig": self.kubeconfig,
            "nodeGroupOptions": _given({"version": inputs.get("version")}),
            "oidcProvider": self.oidc,
            "privateSubnetIds": inputs.get("privateSubnetIds"),
            "provider": self.provider,
            "publicSubnetIds": inputs.get("publicSubnetIds"),
            "subnetIds": _subnet_ids(inputs),
            "tags": inputs.get("tags"),
            "vpcId": inputs["vpcId"],
        }
        outputs = {
            "autoModeNodeRoleName": "",
            "clusterIngressRuleId": "",
            "clusterSecurityGroupId": clusters_own_group,
            "core": _given(core),
            "defaultNodeGroupAsgName": "",
            "eksCluster": cluster,
            "fargateProfileId": "",
            "fargateProfileStatus": "",
            "instanceRoles": [],
            "kubeconfig": self.kubeconfig,
            "kubeconfigJson": pulumi.Output.json_dumps(self.kubeconfig),
            "nodeSecurityGroupId": clusters_own_group,
            "oidcIssuer": self._issuer().apply(lambda url: url.removeprefix("https://")),
            "oidcProviderArn": self.oidc.arn if self.oidc else "",
            "oidcProviderUrl": self._issuer(),
        }
        return _given(outputs)


def _subnet_ids(inputs: Inputs) -> pulumi.Input[list[str]]:
    parts = pulumi.Output.all(inputs.get("publicSubnetIds") or [], inputs.get("privateSubnetIds") or [])
    return parts.apply(lambda lists: [*lists[0], *lists[1]])


def _given(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if value is not None}
