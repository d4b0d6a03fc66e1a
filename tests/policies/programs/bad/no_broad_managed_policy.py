"""Gives the nodes' role everything that Auto Scaling can do."""

import pulumi_aws as aws

from tests.policies.programs import parts

nodes = parts.role("nodes", parts.service_trust("ec2.amazonaws.com"))
aws.iam.RolePolicyAttachment("scale", role=nodes.name, policy_arn="arn:aws:iam::aws:policy/AutoScalingFullAccess")
