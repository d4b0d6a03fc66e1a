"""Lets the priorities decide which group grows, and gives none."""

from tests.policies.programs import parts

parts.release(parts.chart_values() | {"extraArgs": {"expander": "priority"}})
