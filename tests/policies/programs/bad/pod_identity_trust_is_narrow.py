"""Lets any pod that a user associates take the role that scales groups."""

import pulumi_aws as aws

from tests.policies.programs import parts

service = {"Service": "pods.eks.amazonaws.com"}
role = parts.role("autoscaler", parts.statement(Action=["sts:AssumeRole", "sts:TagSession"], Principal=service))
aws.iam.RolePolicyAttachment("scale", role=role.name, policy_arn=parts.policy().arn)
