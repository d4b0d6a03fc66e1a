"""Entry point of the policy pack. `PolicyPack` serves until the engine ends it, so nothing can follow it."""

import re
from pathlib import Path
from typing import Any

from pulumi_policy import EnforcementLevel, PolicyPack, policy

# The engine runs this folder as a program, so `rules` is a top-level package here and `policies.rules` elsewhere.
from rules import RULES  # type: ignore[import-not-found]

_MANIFEST = Path(__file__).with_name("PulumiPolicy.yaml").read_text(encoding="utf-8")
(VERSION,) = re.findall(r"^version: (.+)$", _MANIFEST, flags=re.MULTILINE)


class _Servicer(policy._PolicyAnalyzerServicer):
    """The SDK's, under the pack's version.

    The SDK has no argument for it and puts 0.0.1 into its own messages (PolicyPack.__init__ of pulumi_policy 1.21),
    while the CLI shows the version of PulumiPolicy.yaml: one pack then has two versions in one output.
    """

    def __init__(self, name: str, _: str, *rest: Any) -> None:
        super().__init__(name, VERSION, *rest)


policy._PolicyAnalyzerServicer = _Servicer  # type: ignore[assignment, misc]

PolicyPack("eks-cluster-autoscaler", policies=list(RULES), enforcement_level=EnforcementLevel.MANDATORY)
