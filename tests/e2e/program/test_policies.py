"""The policy pack in the real engine: our stack passes, and bad programs fail."""

import re
import shutil
from pathlib import Path

import pytest

from policies.rules import RULES
from sandbox.tests.harness import Sandbox
from tests.e2e.program.stack import Stack
from tests.policies.test_programs import TRUE_OF_OTHERS

ROOT = Path(__file__).parents[3]
PACK = ROOT / "policies"
PROGRAMS = ROOT / "tests" / "policies" / "programs"
# The stand-in for the AWS provider has no IAM groups, instance profiles and Auto Scaling groups, which these have.
NOT_IN_THE_SANDBOX = {"ci_roles", "pulumi_eks_quickstart"}
OTHERS = sorted({path.stem for path in (PROGRAMS / "others").glob("*.py")} - NOT_IN_THE_SANDBOX)
BAD = ("encrypted_volumes", "tags_name_the_discovered_cluster")
"""One rule on a resource and one on the stack: the engine calls the pack in these two ways.

``tests/policies/test_programs.py`` runs every rule on its bad program without the engine.
"""


def judged(sandbox: Sandbox, settings: Path, program: str) -> str:
    """What the engine reports for one of the small programs, with every rule mandatory."""
    arguments = ["preview", "--stack", "judged", "--config-file", str(settings), "-c", f"program={program}"]
    pack = ["--policy-pack", str(PACK), "--policy-pack-config", str(PROGRAMS / "all-mandatory.json")]
    return sandbox.pulumi(*arguments, *pack, folder=PROGRAMS, check=False)


@pytest.fixture(scope="module")
def settings(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    sandbox.start()
    path = tmp_path_factory.mktemp("judged") / "Pulumi.judged.yaml"
    sandbox.pulumi("stack", "init", "judged", folder=PROGRAMS)
    # The command writes its file next to the program; it belongs to this session alone.
    shutil.move(PROGRAMS / "Pulumi.judged.yaml", path)
    return path


def test_our_stack_passes_the_policy_pack(stack: Stack) -> None:
    printed = stack.preview("--policy-pack", str(PACK))
    assert "[mandatory]" not in printed


def test_a_compliant_program_passes(sandbox: Sandbox, settings: Path) -> None:
    printed = judged(sandbox, settings, "compliant")
    assert "[mandatory]" not in printed
    assert "error" not in printed.lower()


@pytest.mark.parametrize("program", OTHERS)
def test_a_program_of_others_is_stopped_by_nothing_but_what_is_true(
    sandbox: Sandbox, settings: Path, program: str
) -> None:
    output = judged(sandbox, settings, program)
    stopped = {rule.name for rule in RULES if re.search(rf"\[mandatory\].*\s{rule.name}\s", output)}
    assert stopped == TRUE_OF_OTHERS[program], output


@pytest.mark.parametrize("rule", BAD)
def test_a_program_that_breaks_a_rule_is_stopped_by_that_rule(sandbox: Sandbox, settings: Path, rule: str) -> None:
    printed = judged(sandbox, settings, rule)
    assert "[mandatory]" in printed
    assert rule.replace("_", "-") in printed
