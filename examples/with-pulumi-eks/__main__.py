"""Cluster Autoscaler on a cluster that the same program creates with pulumi_eks."""

import pulumi
import pulumi_eks as eks
import pulumi_kubernetes as kubernetes
from eks_cluster_autoscaler import ClusterAutoscaler, ClusterNetwork, ManagedNodeGroup, cluster_arguments

config = pulumi.Config()
network = ClusterNetwork("network", {"cluster_name": "with-pulumi-eks", "zones": config.require_object("zones")})
private, public = list(network.private_subnets.values()), list(network.public_subnets.values())
cluster = eks.Cluster(
    "cluster",
    name="with-pulumi-eks",
    version="1.36",
    vpc_id=network.vpc_id,
    private_subnet_ids=private,
    public_subnet_ids=public,
    authentication_mode=eks.AuthenticationMode.API,
    create_oidc_provider=True,
    skip_default_node_group=True,
    skip_default_security_groups=True,
    use_default_vpc_cni=True,
)

nodes = ManagedNodeGroup(
    "nodes",
    {"cluster_name": cluster.eks_cluster.name, "subnet_ids": private, "min_size": 1, "max_size": 3},
)
api = kubernetes.Provider("api", kubeconfig=cluster.kubeconfig_json)
options = pulumi.ResourceOptions(providers=[api], depends_on=[nodes])
autoscaler = ClusterAutoscaler("cluster-autoscaler", cluster_arguments(cluster), options)

pulumi.export("roleArn", autoscaler.role_arn)
pulumi.export("asgNames", nodes.asg_names)
