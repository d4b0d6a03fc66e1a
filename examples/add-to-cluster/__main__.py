"""Adds a node group to a cluster that another stack owns, through that stack's outputs."""

import pulumi
import pulumi_aws as aws
from eks_cluster_autoscaler import EksCluster, ManagedNodeGroup

owner = pulumi.StackReference(pulumi.Config().require("clusterStack"))
provider = aws.Provider("aws", region=owner.require_output("region"))
options = pulumi.ResourceOptions(providers=[provider])

cluster = EksCluster("cluster", {"name": owner.require_output("clusterName")}, options)
extra = ManagedNodeGroup(
    "extra",
    {
        "cluster_name": cluster.name,
        "kubernetes_version": cluster.version,
        "subnet_ids": owner.require_output("privateSubnetIds"),
        "instance_types": ["m6i.large"],
        "min_size": 0,
        "max_size": 3,
        "labels": {"workload": "extra"},
    },
    options,
)

pulumi.export("asgNames", extra.asg_names)
pulumi.export("tags", extra.tags)
