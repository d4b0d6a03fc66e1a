"""Deploys the autoscaler by a manifest that forgets the budget."""

from tests.policies.programs import parts

parts.deployment(parts.kubernetes_provider())
