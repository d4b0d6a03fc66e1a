"""Runs whatever image is newest that day."""

from tests.policies.programs import parts

provider = parts.kubernetes_provider()
parts.deployment(provider, image=f"{parts.IMAGE}:latest")
parts.disruption_budget(provider)
