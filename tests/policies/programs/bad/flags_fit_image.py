"""Keeps a flag that 1.33 removed: the autoscaler ends at its start."""

from tests.policies.programs import parts

parts.release(parts.chart_values() | {"extraArgs": {"expander": "least-waste", "max-empty-bulk-delete": 10}})
