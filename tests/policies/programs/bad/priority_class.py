"""Lets the autoscaler wait behind the pods that it should add nodes for."""

from tests.policies.programs import parts

parts.release(parts.chart_values() | {"priorityClassName": ""})
