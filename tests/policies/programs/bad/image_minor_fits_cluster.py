"""Runs an autoscaler two minors behind its cluster."""

from tests.policies.programs import parts

parts.release(parts.chart_values() | {"image": {"repository": parts.IMAGE, "tag": "v1.33.0"}})
