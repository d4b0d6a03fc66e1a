"""Lets the autoscaler wait behind the pods it should make room for."""

from tests.policies.programs import parts

parts.release(parts.chart_values() | {"priorityClassName": ""})
