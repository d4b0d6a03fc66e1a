"""Lets the provider make a name up for the release."""

from tests.policies.programs import parts

parts.release(parts.chart_values(), name=None)
