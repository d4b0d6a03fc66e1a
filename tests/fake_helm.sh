#!/bin/sh
# Stands in for `helm template NAME CHART ...` for the chart of fake_sources.py: prints its only template, which is plain YAML.
exec tar -xzOf "$3" cluster-autoscaler/templates/clusterrole.yaml
