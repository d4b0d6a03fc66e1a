"""Karpenter for the workloads, and Cluster Autoscaler on Pod Identity for one managed group; a termination handler.

After the getting-started guide of Karpenter: a fixed managed group runs the controllers, Karpenter launches the rest.
"""

import json

import pulumi
import pulumi_aws as aws

from tests.policies.programs import parts

nodes = parts.role("karpenter-node", parts.service_trust("ec2.amazonaws.com"))
for policy in ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonSSMManagedInstanceCore"):
    aws.iam.RolePolicyAttachment(policy, role=nodes.name, policy_arn=f"arn:aws:iam::aws:policy/{policy}")

pods = parts.statement(Action=["sts:AssumeRole", "sts:TagSession"], Principal={"Service": "pods.eks.amazonaws.com"})
karpenter = parts.role("karpenter", pods)
launch = aws.iam.Policy(
    "karpenter",
    policy=json.dumps(
        parts.statement(
            Action=["ec2:RunInstances", "ec2:CreateFleet", "ec2:TerminateInstances"],
            Resource="*",
            Condition={"StringEquals": {"aws:ResourceTag/kubernetes.io/cluster/prod": "owned"}},
        )
    ),
)
aws.iam.RolePolicyAttachment("karpenter", role=karpenter.name, policy_arn=launch.arn)
aws.eks.PodIdentityAssociation(
    "karpenter",
    cluster_name=parts.CLUSTER,
    namespace="kube-system",
    service_account="karpenter",
    role_arn=karpenter.arn,
)

handler = parts.role("termination-handler", parts.irsa_trust(sub="system:serviceaccount:kube-system:aws-nth"))
hooks = aws.iam.Policy(
    "hooks",
    policy=json.dumps(
        parts.statement(
            Action=[
                "autoscaling:CompleteLifecycleAction",
                "autoscaling:DescribeAutoScalingInstances",
                "ec2:DescribeInstances",
                "sqs:DeleteMessage",
                "sqs:ReceiveMessage",
            ],
            Resource="*",
        )
    ),
)
aws.iam.RolePolicyAttachment("hooks", role=handler.name, policy_arn=hooks.arn)

for name, least, most, ignored in (("controllers", 2, 2, []), ("gpu", 0, 4, ["scalingConfig.desiredSize"])):
    aws.eks.NodeGroup(
        name,
        cluster_name=parts.CLUSTER,
        node_role_arn=nodes.arn,
        subnet_ids=parts.SUBNETS,
        scaling_config={"min_size": least, "max_size": most, "desired_size": least},
        opts=pulumi.ResourceOptions(ignore_changes=ignored),
    )
# The template of a bastion, which is no node of the cluster.
aws.ec2.LaunchTemplate("bastion", instance_type="t3.micro")

narrow = parts.statement(
    Action=["sts:AssumeRole", "sts:TagSession"],
    Principal={"Service": "pods.eks.amazonaws.com"},
    Condition={
        "StringEquals": {
            "aws:SourceAccount": parts.ACCOUNT,
            "aws:RequestTag/kubernetes-namespace": "kube-system",
            "aws:RequestTag/kubernetes-service-account": "cluster-autoscaler",
        },
        "ArnEquals": {"aws:SourceArn": f"arn:aws:eks:us-east-1:{parts.ACCOUNT}:cluster/{parts.CLUSTER}"},
    },
)
autoscaler = parts.role("autoscaler", narrow)
scale = parts.policy(
    Condition={"StringEquals": {"aws:ResourceTag/eks:cluster-name": "${aws:PrincipalTag/eks-cluster-name}"}}
)
aws.iam.RolePolicyAttachment("autoscaler", role=autoscaler.name, policy_arn=scale.arn)
aws.eks.PodIdentityAssociation(
    "autoscaler",
    cluster_name=parts.CLUSTER,
    namespace="kube-system",
    service_account="cluster-autoscaler",
    role_arn=autoscaler.arn,
)
parts.release(parts.chart_values())
