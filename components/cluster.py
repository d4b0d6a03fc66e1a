"""EksCluster: the cluster that everything else hangs on, created or adopted."""

from collections.abc import Awaitable
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pulumi_aws.eks.outputs import GetClusterVpcConfigResult

from . import new_cluster, private_subnets
from .errors import FaultsError, checked, named
from .invoking import describe_cluster
from .new_cluster import ClusterCreation
from .node_group_args import ManagedNodeGroupArgs
from .pure import compatibility, iam, ip_family, validation
from .pure.faults import Fault
from .pure.kubeconfig import kubeconfig

TOKEN = "eks-cluster-autoscaler:index:EksCluster"


class EksClusterArgs(TypedDict):
    """Which cluster, and whether it is still to be made."""

    name: pulumi.Input[str]
    """Name of the cluster."""
    ip_family: NotRequired[str]
    """IP family of pods and services: `ipv4` or `ipv6`; EKS cannot change it afterwards. Of an adopted cluster, name
    the one that it has. Defaults to `ipv4`."""
    create: NotRequired[ClusterCreation]
    """How to create it. Defaults to adopting the cluster of that name, of which nothing is changed."""


def faults(args: EksClusterArgs) -> list[Fault]:
    """Check the arguments, as far as they are plain values."""
    found = [
        *validation.cluster_name("name", args["name"]),
        *validation.choice("ipFamily", args.get("ip_family", ip_family.IPV4), ip_family.FAMILIES),
    ]
    if (create := args.get("create")) is None:
        return found
    family = args.get("ip_family", ip_family.IPV4)
    return [*found, *(fault.under("create") for fault in new_cluster.faults(create, family))]


class EksCluster(pulumi.ComponentResource):
    """An EKS cluster: adopted by name, or created with pulumi-eks (API access entries, no default node group).

    Needs an AWS provider. A created cluster's API server is private unless networks are named; the whole internet is
    refused.
    """

    name: pulumi.Output[str]
    """Name of the cluster."""
    arn: pulumi.Output[str]
    """ARN of the cluster."""
    version: pulumi.Output[str]
    """Kubernetes version, major and minor."""
    endpoint: pulumi.Output[str]
    """URL of the API server."""
    oidc_issuer: pulumi.Output[str]
    """URL of the OIDC issuer of the service accounts' tokens."""
    subnet_ids: pulumi.Output[list[str]]
    """Subnets of the cluster."""
    private_subnet_ids: pulumi.Output[list[str]]
    """Subnets of the cluster without a route to an internet gateway and without public addresses, for nodes.

    Empty if the cluster has none, or if AWS denies the read.
    """
    kubeconfig: pulumi.Output[str]
    """Kubeconfig that gets its tokens from `aws eks get-token`: no secret inside."""

    def __init__(
        self,
        name: str,
        args: EksClusterArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        has_new_node_roles: bool = True,
    ) -> None:
        """Adopt or create the cluster.

        Args:
            name: Name of the resource.
            args: Which cluster.
            opts: Options of the resource, with an AWS provider.
            has_new_node_roles: Whether the program may create roles of nodes, which IPv6 pods need permissions of. With
                False an IPv6 cluster without `ip_family` gets no warning (Python only).
        """
        args = checked(EksCluster, name, args, EksClusterArgs, faults)
        self._has_new_node_roles = has_new_node_roles
        super().__init__(TOKEN, name, dict(args), opts)
        create = args.get("create")
        self.is_created = create is not None
        """Whether the cluster is part of the stack, not adopted (Python only)."""
        family = args.get("ip_family", ip_family.IPV4)
        if create is None:
            self._adopt(name, args["name"], family)
        else:
            if warning := compatibility.kubernetes_warning(create["kubernetes_version"]):
                pulumi.log.warn(warning, resource=self)
            self._create(name, args["name"], create, family)
        self.register_outputs(
            {
                "name": self.name,
                "arn": self.arn,
                "version": self.version,
                "endpoint": self.endpoint,
                "oidcIssuer": self.oidc_issuer,
                "subnetIds": self.subnet_ids,
                "privateSubnetIds": self.private_subnet_ids,
                "kubeconfig": self.kubeconfig,
            }
        )

    @property
    def node_subnet_ids(self) -> pulumi.Output[list[str]]:
        """The private subnets, for nodes: an error if the cluster has none or if they are not known (Python only)."""
        return self._subnets.apply(self._for_nodes)

    def _for_nodes(self, subnets: private_subnets.Found) -> list[str]:
        if subnets.private:
            return subnets.private
        got = f"none, and the cluster has no private subnet: {', '.join(subnets.all)} have a route to an internet "
        got += "gateway or give nodes public addresses"
        if subnets.refused:
            got = f"none, and the private subnets of the cluster are not known: {subnets.refused}"
        expected = "the subnets of the nodes, or permission for ec2:DescribeSubnets and ec2:DescribeRouteTables"
        raise FaultsError("node groups", named([Fault("subnetIds", got, expected)], ManagedNodeGroupArgs))

    def _checked_name(self, name: pulumi.Input[str], create: ClusterCreation, family: str) -> pulumi.Output[str]:
        """Return the cluster's name once EKS would accept the cluster.

        No administrator is the creator, whom EKS adds by itself, and a cluster that exists can get the version.
        """
        admins = create.get("admin_principal_arns", [])
        caller: pulumi.Input[str] = ""
        if admins:
            caller = aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(parent=self)).arn

        async def check(known: list[Any]) -> str:
            cluster_name = str(known[0])
            found = await new_cluster.live_faults(self, cluster_name, create, family)
            if admins:
                creators = iam.creator_faults("adminPrincipalArns", known[1], known[2:])
                found += [each.under("create") for each in creators]
            if found:
                raise FaultsError.of(EksCluster, cluster_name, EksClusterArgs, found)
            return cluster_name

        return pulumi.Output.all(name, caller, *admins).apply(check)

    def _look_up(self, network: GetClusterVpcConfigResult) -> Awaitable[private_subnets.Found]:
        return private_subnets.look_up(self, network.vpc_id, network.subnet_ids)

    def _checked_family(self, found: aws.eks.GetClusterResult, family: str) -> str:
        """Return the name of an adopted cluster, once its IP family fits the one that the program names."""
        live = next((each.ip_family for each in found.kubernetes_network_configs or ()), "")
        if live == ip_family.IPV6 and family == ip_family.IPV4:
            # No error: the VPC CNI may have its own role, and a program need not create nodes.
            if self._has_new_node_roles:
                pulumi.log.warn(
                    f"The pods of cluster {found.name} have IPv6 addresses, which the roles of new node groups may not "
                    "assign. Set ipFamily: ipv6 on the cluster, unless the VPC CNI has its own role.",
                    self,
                )
        elif wrong := ip_family.live_faults("ipFamily", live, family):
            raise FaultsError.of(EksCluster, found.name, EksClusterArgs, wrong)
        return found.name

    def _adopt(self, name: str, cluster_name: pulumi.Input[str], family: str) -> None:
        found = describe_cluster(self, name, EksClusterArgs, "name", cluster_name)
        self.name = found.apply(lambda known: self._checked_family(known, family))
        self.arn = found.arn
        self.version = found.version
        self.endpoint = found.endpoint
        self.oidc_issuer = found.identities.apply(lambda identities: identities[0].oidcs[0].issuer)
        self.subnet_ids = found.vpc_config.apply(lambda network: network.subnet_ids)
        self._subnets: pulumi.Output[private_subnets.Found] = found.vpc_config.apply(self._look_up)
        self.private_subnet_ids = self._subnets.apply(lambda subnets: subnets.private)
        self.kubeconfig = _kubeconfig(
            found, found.certificate_authorities.apply(lambda authorities: authorities[0].data)
        )

    def _create(self, name: str, cluster_name: pulumi.Input[str], create: ClusterCreation, family: str) -> None:
        if not create.get("public_access_cidrs"):
            pulumi.log.warn(
                "publicAccessCidrs is not set, so the API server of the new cluster is private: run `pulumi up` where "
                "the VPC is reachable, or the Helm release cannot be installed.",
                self,
            )
        cluster = new_cluster.register(
            name,
            self._checked_name(cluster_name, create, family),
            create,
            family,
            pulumi.ResourceOptions(parent=self),
        )
        self.name = cluster.apply(lambda found: found.name)
        self.arn = cluster.apply(lambda found: found.arn)
        self.version = cluster.apply(lambda found: found.version)
        self.endpoint = cluster.apply(lambda found: found.endpoint)
        self.oidc_issuer = cluster.apply(lambda found: found.identities[0].oidcs[0].issuer)
        subnets = [create["private_subnet_ids"], create.get("public_subnet_ids", [])]
        self.subnet_ids = pulumi.Output.all(*subnets).apply(lambda known: [*known[0], *known[1]])
        self.private_subnet_ids = pulumi.Output.all(create["private_subnet_ids"]).apply(lambda known: [*known[0]])
        self._subnets = self.private_subnet_ids.apply(lambda ids: private_subnets.Found(ids, ids))
        self.kubeconfig = _kubeconfig(self, cluster.apply(lambda found: found.certificate_authority.data))


def _kubeconfig(
    cluster: "EksCluster | pulumi.Output[aws.eks.GetClusterResult]", authority: pulumi.Output[str]
) -> pulumi.Output[str]:
    return pulumi.Output.all(cluster.name, cluster.endpoint, authority, cluster.arn).apply(
        lambda known: kubeconfig(known[0], known[1], known[2], iam.ClusterIdentity.from_arn(known[3]).region)
    )
