"""Two existing clusters in one stack; neither autoscaler can reach the other's groups."""

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
from eks_cluster_autoscaler import ClusterAutoscaler, ClusterOidcProvider, EksCluster

config = pulumi.Config()
aws_provider = aws.Provider("aws", region=config.require("region"))
on_aws = pulumi.ResourceOptions(providers=[aws_provider])

for name in config.require_object("clusters"):
    cluster = EksCluster(name, {"name": name}, on_aws)
    issuer = ClusterOidcProvider(name, {"issuer": cluster.oidc_issuer}, on_aws)
    api = kubernetes.Provider(name, kubeconfig=cluster.kubeconfig)
    autoscaler = ClusterAutoscaler(
        name,
        {
            "cluster_arn": cluster.arn,
            "cluster_name": cluster.name,
            "kubernetes_version": cluster.version,
            "oidc_provider_arn": issuer.arn,
            "oidc_issuer": issuer.issuer,
        },
        pulumi.ResourceOptions(providers=[aws_provider, api]),
    )
    pulumi.export(f"{name}RoleArn", autoscaler.role_arn)
