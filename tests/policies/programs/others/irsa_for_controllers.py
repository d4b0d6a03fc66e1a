"""An existing cluster gets the AWS load balancer controller, external-dns and the EBS CSI driver, each by IRSA.

Their trust documents are written in the ways in which their guides write them: with and without the audience, by
StringLike, and with a condition on the network.
"""

import json

import pulumi_aws as aws

from tests.policies.programs import parts


def role(name: str, condition: dict[str, dict[str, str]]) -> aws.iam.Role:
    """A role for a service account, under a condition on its token."""
    provider = f"arn:aws:iam::{parts.ACCOUNT}:oidc-provider/{parts.ISSUER}"
    trust = parts.statement(
        Action="sts:AssumeRoleWithWebIdentity", Principal={"Federated": provider}, Condition=condition
    )
    return aws.iam.Role(name, assume_role_policy=json.dumps(trust))


SUB, AUD = f"{parts.ISSUER}:sub", f"{parts.ISSUER}:aud"

balancer = role(
    "aws-load-balancer-controller",
    {
        "StringEquals": {AUD: "sts.amazonaws.com", "aws:SourceVpc": "vpc-0a1b2c3d"},
        "StringLike": {SUB: "system:serviceaccount:kube-system:aws-load-balancer-controller"},
    },
)
balancing = aws.iam.Policy(
    "aws-load-balancer-controller",
    policy=json.dumps(
        {
            "Statement": [
                {"Effect": "Allow", "Action": ["ec2:Describe*", "elasticloadbalancing:*"], "Resource": "*"},
                {
                    "Effect": "Allow",
                    "Action": ["ec2:AuthorizeSecurityGroupIngress", "ec2:CreateSecurityGroup"],
                    "Resource": "*",
                    "Condition": {"Null": {"aws:ResourceTag/elbv2.k8s.aws/cluster": "false"}},
                },
            ]
        }
    ),
)
aws.iam.RolePolicyAttachment("balancing", role=balancer.name, policy_arn=balancing.arn)

dns = role("external-dns", {"StringEquals": {SUB: "system:serviceaccount:external-dns:external-dns"}})
aws.iam.RolePolicyAttachment("dns", role=dns.name, policy_arn="arn:aws:iam::aws:policy/AmazonRoute53FullAccess")

csi = role(
    "ebs-csi",
    {"StringEquals": {AUD: "sts.amazonaws.com", SUB: "system:serviceaccount:kube-system:ebs-csi-controller-sa"}},
)
aws.iam.RolePolicyAttachment(
    "csi", role=csi.name, policy_arn="arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"
)

provider = parts.kubernetes_provider()
parts.web(provider, image="nginx:latest")
