"""Ignores the desired size by a path that means nothing to the engine."""

from tests.policies.programs import parts

parts.node_group(ignored="scaling_config.desired_size")
