"""Lets the autoscaler of one cluster scale the groups of another."""

from tests.policies.programs import parts

other = "aws:ResourceTag/k8s.io/cluster-autoscaler/staging"
parts.policy(Condition={"StringEquals": {other: "owned"}})
parts.release(parts.chart_values())
