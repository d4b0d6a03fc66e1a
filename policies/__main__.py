"""Entry point of the policy pack. `PolicyPack` serves until the engine ends it, so nothing can follow it."""

from pulumi_policy import EnforcementLevel, PolicyPack

# The engine runs this folder as a program, so `rules` is a top-level package here and `policies.rules` elsewhere.
from rules import RULES  # type: ignore[import-not-found]

PolicyPack("eks-cluster-autoscaler", policies=list(RULES), enforcement_level=EnforcementLevel.MANDATORY)
