"""Trusts whatever pod somebody associates the role with, as the AWS console proposes."""

from tests.policies.programs import parts

service = {"Service": "pods.eks.amazonaws.com"}
parts.role("autoscaler", parts.statement(Action=["sts:AssumeRole", "sts:TagSession"], Principal=service))
