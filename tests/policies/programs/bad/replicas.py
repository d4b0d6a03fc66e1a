"""Runs a single pod, as the chart does by default."""

from tests.policies.programs import parts

values = parts.chart_values()
del values["replicaCount"]
parts.release(values)
