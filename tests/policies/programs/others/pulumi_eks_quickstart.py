"""What the quickstart of pulumi-eks makes: a cluster open to the internet, and its default group. No autoscaler.

`eks.Cluster` is a component of another process, so its resources stand here as it registers them (nodegroup.ts of 4.x).
"""

import json

import pulumi
import pulumi_aws as aws

from tests.policies.programs import parts

service_role = aws.iam.Role(
    "cluster-eksRole",
    assume_role_policy=json.dumps(parts.service_trust("eks.amazonaws.com")),
    managed_policy_arns=["arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"],
)
cluster = aws.eks.Cluster(
    "cluster-eksCluster",
    name="quickstart",
    role_arn=service_role.arn,
    vpc_config={"subnet_ids": ["subnet-0a", "subnet-0b"], "endpoint_public_access": True},
)
instance_role = aws.iam.Role(
    "cluster-instanceRole",
    assume_role_policy=json.dumps(parts.service_trust("ec2.amazonaws.com")),
    managed_policy_arns=[
        "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
        "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy",
        "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly",
    ],
)
template = aws.ec2.LaunchTemplate(
    "cluster-launchTemplate",
    instance_type="t3.medium",
    iam_instance_profile={"name": instance_role.name},
    metadata_options={"http_tokens": "required", "http_put_response_hop_limit": 2},
    block_device_mappings=[{"device_name": "/dev/xvda", "ebs": {"encrypted": "true", "volume_size": 20}}],
)
aws.autoscaling.Group(
    "cluster",
    min_size=1,
    max_size=2,
    desired_capacity=2,
    vpc_zone_identifiers=["subnet-0a", "subnet-0b"],
    launch_template={"id": template.id, "version": template.latest_version.apply(str)},
    tags=[
        {
            "key": pulumi.Output.concat("kubernetes.io/cluster/", cluster.name),
            "value": "owned",
            "propagate_at_launch": True,
        },
        {"key": "Name", "value": "cluster-worker", "propagate_at_launch": True},
    ],
)
