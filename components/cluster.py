"""EksCluster: the cluster that everything else hangs on, created or adopted."""

from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from .errors import raise_if_any
from .pure import compatibility, iam, validation
from .pure.faults import Fault
from .pure.kubeconfig import kubeconfig

TOKEN = "eks-cluster-autoscaler:index:EksCluster"


class ClusterCreation(TypedDict):
    """What a new cluster is to be. Every worker comes later, by ManagedNodeGroup."""

    kubernetes_version: str
    """Kubernetes version, such as `1.35`."""
    vpc_id: pulumi.Input[str]
    """VPC of the subnets."""
    private_subnet_ids: list[pulumi.Input[str]]
    """Subnets of the control plane's network interfaces, in two zones at least."""
    public_subnet_ids: NotRequired[list[pulumi.Input[str]]]
    """Subnets for internet-facing load balancers. Defaults to none."""
    public_access_cidrs: NotRequired[list[str]]
    """Networks that may reach the API server from the internet. Defaults to none: then it is private altogether."""
    admin_principal_arns: NotRequired[list[str]]
    """IAM roles or users that administrate the cluster beside its creator, by access entries. Defaults to none."""
    tags: NotRequired[dict[str, str]]
    """AWS tags of the cluster. Defaults to none."""


class EksClusterArgs(TypedDict):
    """Which cluster, and whether it is still to be made."""

    name: pulumi.Input[str]
    """Name of the cluster."""
    create: NotRequired[ClusterCreation]
    """How to create it. Defaults to adopting the cluster of that name, of which nothing is changed."""


def faults(args: EksClusterArgs) -> list[Fault]:
    """Faults of the arguments, as far as they are plain values."""
    found = validation.cluster_name("name", args["name"])
    if (create := args.get("create")) is None:
        return found
    admins = create.get("admin_principal_arns", [])
    public = create.get("public_subnet_ids")
    return [
        *found,
        *_version_faults("create.kubernetesVersion", create["kubernetes_version"]),
        *validation.vpc_id("create.vpcId", create["vpc_id"]),
        *validation.subnet_ids("create.privateSubnetIds", create["private_subnet_ids"], in_two_zones=True),
        *(validation.subnet_ids("create.publicSubnetIds", public) if public else []),
        *_access_faults(create.get("public_access_cidrs", [])),
        *validation.tags("create.tags", create.get("tags", {})),
        *(f for i, arn in enumerate(admins) for f in _principal_faults(f"create.adminPrincipalArns[{i}]", arn)),
    ]


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
    kubeconfig: pulumi.Output[str]
    """Kubeconfig that gets its tokens from `aws eks get-token`: no secret inside."""

    def __init__(self, name: str, args: EksClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(TOKEN, name, dict(args), opts)
        raise_if_any(f"EksCluster {name!r}", faults(args))
        create = args.get("create")
        if create is None:
            self._adopt(args["name"])
        else:
            self._create(name, args["name"], create)
        self.register_outputs(
            {
                "name": self.name,
                "arn": self.arn,
                "version": self.version,
                "endpoint": self.endpoint,
                "oidcIssuer": self.oidc_issuer,
                "subnetIds": self.subnet_ids,
                "kubeconfig": self.kubeconfig,
            }
        )

    def _adopt(self, name: pulumi.Input[str]) -> None:
        found = aws.eks.get_cluster_output(name=name, opts=pulumi.InvokeOutputOptions(parent=self))
        self.name = found.name
        self.arn = found.arn
        self.version = found.version
        self.endpoint = found.endpoint
        self.oidc_issuer = found.identities.apply(lambda identities: identities[0].oidcs[0].issuer)
        self.subnet_ids = found.vpc_config.apply(lambda network: network.subnet_ids)
        self.kubeconfig = _kubeconfig(
            found, found.certificate_authorities.apply(lambda authorities: authorities[0].data)
        )

    def _create(self, name: str, cluster_name: pulumi.Input[str], create: ClusterCreation) -> None:
        # Not at the top: an adopted cluster, the usual case, does without the tenth of a second that pulumi-eks takes.
        from .new_cluster import new_cluster

        cluster = new_cluster(name, cluster_name, create, pulumi.ResourceOptions(parent=self))
        self.name = cluster.apply(lambda found: found.name)
        self.arn = cluster.apply(lambda found: found.arn)
        self.version = cluster.apply(lambda found: found.version)
        self.endpoint = cluster.apply(lambda found: found.endpoint)
        self.oidc_issuer = cluster.apply(lambda found: found.identities[0].oidcs[0].issuer)
        self.subnet_ids = pulumi.Output.all(*create["private_subnet_ids"], *create.get("public_subnet_ids", []))
        self.kubeconfig = _kubeconfig(self, cluster.apply(lambda found: found.certificate_authority.data))


def _kubeconfig(
    cluster: "EksCluster | pulumi.Output[aws.eks.GetClusterResult]", authority: pulumi.Output[str]
) -> pulumi.Output[str]:
    return pulumi.Output.all(cluster.name, cluster.endpoint, authority, cluster.arn).apply(
        lambda known: kubeconfig(known[0], known[1], known[2], iam.ClusterIdentity.from_arn(known[3]).region)
    )


def _version_faults(path: str, version: str) -> list[Fault]:
    misspelt = validation.kubernetes_version(path, version)
    return misspelt or [fault.under(path) for fault in compatibility.kubernetes_faults(version)]


def _access_faults(cidrs: list[str]) -> list[Fault]:
    found = []
    for index, cidr in enumerate(cidrs):
        path = f"create.publicAccessCidrs[{index}]"
        found += validation.cidr(path, cidr)
        if cidr.endswith("/0"):
            found.append(Fault(path, repr(cidr), "the networks you work from: the whole internet is refused"))
    return found


def _principal_faults(path: str, arn: str) -> list[Fault]:
    role, user = (validation.iam_arn(path, arn, kind) for kind in ("role", "user"))
    return [Fault(path, repr(arn), "the ARN of an IAM role or user")] if role and user else []
