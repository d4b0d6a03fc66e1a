"""Installs whatever chart of the ninth series is newest that day."""

from tests.policies.programs import parts

parts.release(parts.chart_values(), version="^9.50.0")
