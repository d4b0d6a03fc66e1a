"""Raises the image and leaves the chart: the pod waits indefinitely for resources that it may not list."""

from tests.policies.programs import parts

parts.release(parts.chart_values(), version="9.46.0")
