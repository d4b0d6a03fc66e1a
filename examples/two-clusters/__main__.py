"""Two existing clusters in one stack; neither autoscaler can reach the other's groups."""

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
from eks_cluster_autoscaler import ClusterAutoscaler, EksCluster, cluster_arguments

config = pulumi.Config()
aws_provider = aws.Provider("aws", region=config.require("region"))
on_aws = pulumi.ResourceOptions(providers=[aws_provider])

for name in config.require_object("clusters"):
    cluster = EksCluster(name, {"name": name}, on_aws)
    api = kubernetes.Provider(name, kubeconfig=cluster.kubeconfig)
    autoscaler = ClusterAutoscaler(
        name, cluster_arguments(cluster), pulumi.ResourceOptions(providers=[aws_provider, api])
    )
    pulumi.export(f"{name}RoleArn", autoscaler.role_arn)
