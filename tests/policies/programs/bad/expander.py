"""Asks for the expander that ends the autoscaler on AWS."""

from tests.policies.programs import parts

parts.release(parts.chart_values() | {"extraArgs": {"expander": "price"}})
