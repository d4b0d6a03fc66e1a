"""Runs whatever image is newest that day."""

from tests.policies.programs import parts

parts.deployment(image=f"{parts.IMAGE}:latest")
