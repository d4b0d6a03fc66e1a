"""Lets the autoscaler change the groups of every cluster in the account."""

from tests.policies.programs import parts

parts.policy(Condition={})
