"""Lets a group grow to a thousand nodes."""

from tests.policies.programs import parts

parts.node_group(scaling_config={"min_size": 0, "max_size": 1000, "desired_size": 1})
