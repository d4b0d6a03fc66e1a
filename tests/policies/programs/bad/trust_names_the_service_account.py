"""Trusts the chart's own name for the service account, and gives the account another."""

from tests.policies.programs import parts

trust = parts.irsa_trust(sub="system:serviceaccount:kube-system:cluster-autoscaler-aws-cluster-autoscaler")
parts.release(parts.chart_values(parts.role("autoscaler", trust).arn))
