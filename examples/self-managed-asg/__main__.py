"""Tag a self-managed Auto Scaling Group so that a cluster's autoscaler discovers it and can scale it from zero."""

import pulumi
import pulumi_aws as aws
from eks_cluster_autoscaler import AutoscalerTags

config = pulumi.Config()
provider = aws.Provider("aws", region=config.require("region"))
tags = AutoscalerTags(
    "self-managed",
    {
        "asg_name": config.require("asgName"),
        "cluster_name": config.require("clusterName"),
        "labels": {"workload": "legacy"},
        "taints": [{"key": "dedicated", "value": "legacy", "effect": "NoSchedule"}],
        "resources": {"ephemeral-storage": "100Gi"},
    },
    pulumi.ResourceOptions(providers=[provider]),
)

pulumi.export("tags", tags.tags)
