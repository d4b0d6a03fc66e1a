"""Entry point of the policy pack. `PolicyPack` serves until the engine ends it, so nothing can follow it."""

import re
from pathlib import Path
from typing import Any

from pulumi_policy import EnforcementLevel, PolicyPack, policy

# The engine runs this folder as a program, so `rules` is a top-level package here and `policies.rules` elsewhere.
from rules import RULES  # type: ignore[import-not-found]

_MANIFEST = Path(__file__).with_name("PulumiPolicy.yaml").read_text(encoding="utf-8")
(VERSION,) = re.findall(r"^version: (.+)$", _MANIFEST, flags=re.MULTILINE)

_servicer = policy._PolicyAnalyzerServicer


def _with_our_version(name: str, _: str, *rest: Any) -> Any:
    return _servicer(name, VERSION, *rest)


# The SDK has no argument for the version and puts 0.0.1 into its own messages (PolicyPack.__init__ of pulumi_policy
# 1.21), while the CLI shows that of PulumiPolicy.yaml: one pack then has two versions in one output.
policy._PolicyAnalyzerServicer = _with_our_version  # type: ignore[assignment,misc]

PolicyPack("eks-cluster-autoscaler", policies=list(RULES), enforcement_level=EnforcementLevel.MANDATORY)
