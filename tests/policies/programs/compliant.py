"""A whole program that breaks no rule: IRSA, a managed and a self-managed group, and a Helm release."""

import pulumi_aws as aws

from tests.policies.programs import parts

role = parts.role("autoscaler", parts.irsa_trust())
aws.iam.RolePolicyAttachment("scale", role=role.name, policy_arn=parts.policy().arn)
parts.node_group()
parts.asg_tag("k8s.io/cluster-autoscaler/node-template/taint/dedicated", "batch:NoSchedule")
parts.release(parts.chart_values(role.arn))
