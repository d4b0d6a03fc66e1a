"""``eks:index:Cluster``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from sandbox.providers.eks.access import access_entries, node_access_config_map
from sandbox.providers.eks.addons import VpcCniAddon, addon, wants_coredns, wants_kube_proxy, wants_vpc_cni
from sandbox.providers.eks.arguments import supports_access_entries, supports_config_map
from sandbox.providers.eks.kubeconfig import kubeconfig
from sandbox.providers.eks.security_groups import NodeSecurityGroup, cluster_security_group, node_security_group
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
        within = pulumi.ResourceOptions(parent=self)
        own_groups = not inputs.get("skipDefaultSecurityGroups")
        self.role = None if inputs.get("serviceRole") else self._service_role(name, inputs)
        self.group: aws.ec2.SecurityGroup | None = inputs.get("clusterSecurityGroup")
        if self.group is None and own_groups:
            tags = _tags(f"{name}-eksClusterSecurityGroup", inputs, "clusterSecurityGroupTags")
            self.group = cluster_security_group(name, inputs["vpcId"], tags, within)
        self.cluster = self._cluster(name, inputs)
        self.nodes = self._node_security_group(name, inputs, self.group) if self.group and own_groups else None

        self.provider = kubernetes.Provider(
            f"{name}-eks-k8s",
            kubeconfig=pulumi.Output.json_dumps(self._kubeconfig(inputs, with_profile=True)),
            enable_config_map_mutable=inputs.get("enableConfigMapMutable"),
            opts=within,
        )
        self.instance_roles = inputs.get("instanceRoles") or [r for r in [inputs.get("instanceRole")] if r]
        self.config_map = (
            node_access_config_map(name, self.instance_roles, self.provider, self)
            if supports_config_map(inputs)
            else None
        )
        entries = self._access_entries(name, inputs)
        self._addons(name, inputs, [*entries, *([self.config_map] if self.config_map else [])])
        self.oidc = self._oidc_provider(name) if inputs.get("createOidcProvider") else None

        self.outputs = self._outputs(inputs)
        self.register_outputs(self.outputs)

    def _service_role(self, name: str, inputs: Inputs) -> ServiceRole:
        return ServiceRole(
            f"{name}-eksRole",
            service="eks.amazonaws.com",
            description="Allows EKS to manage clusters on your behalf.",
            policies=["AmazonEKSClusterPolicy"],
            actions=["sts:AssumeRole", "sts:TagSession"],
            tags=inputs.get("tags"),
            parent=self,
        )

    def _cluster(self, name: str, inputs: Inputs) -> aws.eks.Cluster:
        role, group = self.role, self.group
        mode, key = inputs.get("authenticationMode"), inputs.get("encryptionConfigKeyArn")
        bootstrap = inputs.get("bootstrapSelfManagedAddons")
        role_arn = role.role.arn if role else pulumi.Output.from_input(inputs["serviceRole"]).arn
        return aws.eks.Cluster(
            f"{name}-eksCluster",
            name=inputs.get("name"),
            role_arn=role_arn,
            version=inputs.get("version"),
            vpc_config=aws.eks.ClusterVpcConfigArgs(
                subnet_ids=_subnet_ids(inputs),
                security_group_ids=[group.id] if group else None,
                endpoint_private_access=inputs.get("endpointPrivateAccess"),
                endpoint_public_access=inputs.get("endpointPublicAccess"),
                public_access_cidrs=inputs.get("publicAccessCidrs"),
            ),
            access_config=aws.eks.ClusterAccessConfigArgs(
                authentication_mode=mode, bootstrap_cluster_creator_admin_permissions=True
            )
            if mode
            else None,
            kubernetes_network_config=_network_config(inputs),
            encryption_config=aws.eks.ClusterEncryptionConfigArgs(
                provider=aws.eks.ClusterEncryptionConfigProviderArgs(key_arn=key), resources=["secrets"]
            )
            if key
            else None,
            bootstrap_self_managed_addons=True if bootstrap is None else bootstrap,
            enabled_cluster_log_types=inputs.get("enabledClusterLogTypes"),
            upgrade_policy=inputs.get("upgradePolicy"),
            deletion_protection=inputs.get("deletionProtection"),
            tags=_tags(f"{name}-eksCluster", inputs, "clusterTags"),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[role.role, *role.attachments] if role else [],
                ignore_changes=["accessConfig.bootstrapClusterCreatorAdminPermissions", "bootstrapSelfManagedAddons"],
            ),
        )

    def _node_security_group(self, name: str, inputs: Inputs, group: aws.ec2.SecurityGroup) -> NodeSecurityGroup:
        def tags(known: list[Any]) -> dict[str, str]:
            cluster_name, own, shared = known
            named = {"Name": f"{name}-nodeSecurityGroup", f"kubernetes.io/cluster/{cluster_name}": "owned"}
            return {**named, **own, **shared}

        own, shared = inputs.get("nodeSecurityGroupTags") or {}, inputs.get("tags") or {}
        all_tags = pulumi.Output.all(self.cluster.name, own, shared).apply(tags)
        return node_security_group(name, inputs["vpcId"], group.id, all_tags, pulumi.ResourceOptions(parent=self))

    def _access_entries(self, name: str, inputs: Inputs) -> list[aws.eks.AccessEntry]:
        if not supports_access_entries(inputs):
            return []
        given = dict(inputs.get("accessEntries") or {})
        if inputs.get("instanceRole"):
            arn = pulumi.Output.from_input(inputs["instanceRole"]).arn
            given = {"defaultNodeGroupInstanceRole": {"principalArn": arn, "type": "EC2_LINUX"}, **given}
        return access_entries(name, self.cluster, given, self)

    def _addons(self, name: str, inputs: Inputs, authenticated: Sequence[pulumi.Resource]) -> None:
        cluster, tags, within = self.cluster, inputs.get("tags"), pulumi.ResourceOptions(parent=self)
        if wants_kube_proxy(inputs):
            addon(f"{name}-kube-proxy", "kube-proxy", cluster, inputs.get("kubeProxyAddonOptions") or {}, tags, within)
        if wants_vpc_cni(inputs):
            after = pulumi.ResourceOptions(parent=self, depends_on=authenticated)
            VpcCniAddon(f"{name}-vpc-cni", cluster, inputs.get("vpcCniOptions") or {}, tags, after)
        if wants_coredns(inputs):
            addon(f"{name}-coredns", "coredns", cluster, inputs["corednsAddonOptions"], tags, within)

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

    def _kubeconfig(self, inputs: Inputs, *, with_profile: bool) -> pulumi.Output[dict[str, Any]]:
        cluster = self.cluster
        authority = cluster.certificate_authority.apply(lambda found: found.data)
        credentials = inputs.get("providerCredentialOpts") or {}
        return pulumi.Output.all(cluster.name, cluster.arn, cluster.endpoint, authority, credentials).apply(
            lambda known: kubeconfig(*known, with_profile=with_profile)
        )

    def _outputs(self, inputs: Inputs) -> dict[str, Any]:
        cluster, group, nodes = self.cluster, self.group, self.nodes
        shared_kubeconfig = self._kubeconfig(inputs, with_profile=False)
        clusters_own_group = cluster.vpc_config.apply(lambda config: config.cluster_security_group_id)
        node_group_options = {
            "version": inputs.get("version"),
            "nodeSecurityGroup": nodes and nodes.group,
            "clusterIngressRule": nodes and nodes.ingress,
        }
        core = {
            "accessEntries": list((inputs.get("accessEntries") or {}).values()),
            "cluster": cluster,
            "clusterIamRole": self.role.role if self.role else inputs["serviceRole"],
            "clusterSecurityGroup": group,
            "eksNodeAccess": self.config_map,
            "endpoint": cluster.endpoint,
            "instanceRoles": self.instance_roles,
            "kubeconfig": shared_kubeconfig,
            "nodeGroupOptions": _given(node_group_options),
            "nodeSecurityGroupTags": inputs.get("nodeSecurityGroupTags"),
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
            "clusterIngressRuleId": nodes.ingress.security_group_rule_id if nodes else "",
            "clusterSecurityGroup": group,
            "clusterSecurityGroupId": group.id if group else clusters_own_group,
            "core": _given(core),
            "defaultNodeGroupAsgName": "",
            "eksCluster": cluster,
            "eksClusterIngressRule": nodes and nodes.ingress,
            "fargateProfileId": "",
            "fargateProfileStatus": "",
            "instanceRoles": self.instance_roles,
            "kubeconfig": shared_kubeconfig,
            "kubeconfigJson": pulumi.Output.json_dumps(shared_kubeconfig),
            "nodeSecurityGroup": nodes and nodes.group,
            "nodeSecurityGroupId": nodes.group.id if nodes else clusters_own_group,
            "oidcIssuer": self._issuer().apply(lambda url: url.removeprefix("https://")),
            "oidcProviderArn": self.oidc.arn if self.oidc else "",
            "oidcProviderUrl": self._issuer(),
        }
        return _given(outputs)


def _subnet_ids(inputs: Inputs) -> pulumi.Input[list[str]]:
    if inputs.get("subnetIds"):
        given: pulumi.Input[list[str]] = inputs["subnetIds"]
        return given
    parts = pulumi.Output.all(inputs.get("publicSubnetIds") or [], inputs.get("privateSubnetIds") or [])
    return parts.apply(lambda lists: [*lists[0], *lists[1]])


def _network_config(inputs: Inputs) -> aws.eks.ClusterKubernetesNetworkConfigArgs | None:
    family, addresses = inputs.get("ipFamily"), inputs.get("kubernetesServiceIpAddressRange")
    if not family and not addresses:
        return None
    return aws.eks.ClusterKubernetesNetworkConfigArgs(
        ip_family=family or "ipv4", service_ipv4_cidr=addresses if (family or "ipv4") == "ipv4" else None
    )


def _tags(name: str, inputs: Inputs, own: str) -> pulumi.Output[dict[str, str]]:
    """The ``Name`` tag, the tags of this kind of resource and the component's, the later over the earlier."""
    given = pulumi.Output.all(inputs.get(own) or {}, inputs.get("tags") or {})
    return given.apply(lambda maps: {"Name": name, **maps[0], **maps[1]})


def _given(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if value is not None}
