"""A cluster laid out as terraform-aws-modules/eks does it, with its sister module's role for Cluster Autoscaler.

One group of a fixed size for the system, one that scales; add-ons with the open Pod Identity trust that AWS documents.
"""

import json

import pulumi
import pulumi_aws as aws

from tests.policies.programs import parts

NAME = "ex-eks"
SUBNETS = ["subnet-0a", "subnet-0b"]

cluster_role = aws.iam.Role("cluster", assume_role_policy=json.dumps(parts.service_trust("eks.amazonaws.com")))
cluster = aws.eks.Cluster(
    "cluster",
    name=NAME,
    version="1.35",
    role_arn=cluster_role.arn,
    vpc_config={"subnet_ids": SUBNETS, "endpoint_private_access": True, "endpoint_public_access": False},
)

node_role = aws.iam.Role("node", assume_role_policy=json.dumps(parts.service_trust("ec2.amazonaws.com")))
for policy in ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryReadOnly"):
    aws.iam.RolePolicyAttachment(policy, role=node_role.name, policy_arn=f"arn:aws:iam::aws:policy/{policy}")

for name, least, most, ignored in (("system", 2, 2, []), ("workers", 1, 20, ["scalingConfig.desiredSize"])):
    template = aws.ec2.LaunchTemplate(
        name,
        metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
        block_device_mappings=[{"device_name": "/dev/xvda", "ebs": {"encrypted": "true", "volume_size": 75}}],
    )
    aws.eks.NodeGroup(
        name,
        cluster_name=cluster.name,
        node_role_arn=node_role.arn,
        subnet_ids=SUBNETS,
        scaling_config={"min_size": least, "max_size": most, "desired_size": least},
        launch_template={"id": template.id, "version": template.latest_version.apply(str)},
        opts=pulumi.ResourceOptions(ignore_changes=ignored),
    )

pods = parts.statement(Action=["sts:AssumeRole", "sts:TagSession"], Principal={"Service": "pods.eks.amazonaws.com"})
csi = aws.iam.Role("ebs-csi", assume_role_policy=json.dumps(pods))
aws.iam.RolePolicyAttachment(
    "ebs-csi", role=csi.name, policy_arn="arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"
)
aws.eks.Addon("ebs-csi", cluster_name=cluster.name, addon_name="aws-ebs-csi-driver")

autoscaler = aws.iam.Role(
    "autoscaler",
    assume_role_policy=json.dumps(
        parts.irsa_trust(sub="system:serviceaccount:kube-system:cluster-autoscaler-aws-cluster-autoscaler")
    ),
)
scale = aws.iam.Policy(
    "autoscaler",
    policy=json.dumps(
        {
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": ["autoscaling:Describe*", "ec2:Describe*", "eks:DescribeNodegroup"],
                    "Resource": "*",
                },
                {
                    "Effect": "Allow",
                    "Action": ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
                    "Resource": "*",
                    "Condition": {
                        "StringEquals": {f"autoscaling:ResourceTag/kubernetes.io/cluster/{NAME}": "owned"},
                    },
                },
            ]
        }
    ),
)
aws.iam.RolePolicyAttachment("autoscaler", role=autoscaler.name, policy_arn=scale.arn)
values = {
    "autoDiscovery": {"clusterName": NAME},
    "awsRegion": "us-east-1",
    "image": {"tag": parts.IMAGE_TAG},
    "rbac": {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": autoscaler.arn}}},
    "extraArgs": {"expander": "least-waste", "skip-nodes-with-local-storage": False},
}
parts.release(values, cluster=cluster)
