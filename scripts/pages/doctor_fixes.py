"""docs/doctor/fixes.md: the first fix of every rule, and the test that types it."""

import shlex
from collections.abc import Iterable, Iterator

from doctor.rules import all_rules
from tests.doctor.first_fixes import NOT_TYPED, first_fixes, typed

HEAD = """\
# First fixes

What the doctor proposes first for each rule, and which test types it. `make pages` generates this page from the rules,
from every fault that the fast tests plant, and from the faults of the end-to-end tests.

- A *command* can be typed as it stands. The tests of [faults](../../tests/e2e/doctor/test_doctor_faults.py) plant the
  fault in the sandbox, with the real Kubernetes provider and the emulated AWS, type the command, and require that the
  finding is gone. The last column shows the credential mode, and whether the doctor knew the stack. `make test-e2e`
  types one for each link; the cases with "(full)" run with `make fixes` and every night.
- A `helm upgrade` needs Helm 3.14 or later, for `--reset-then-reuse-values`.
- *Advice* needs your decision, or a value that the doctor does not know. It may end with a command that only reads.
- With `--stack` the doctor fixes by the stack. The other commands are for clusters without a stack of this project.

| rule | without a stack | with a stack | typed by |
| --- | --- | --- | --- |
"""


def page() -> str:
    """Return the page."""
    return HEAD + "\n".join(_rows()) + "\n"


def _rows() -> Iterator[str]:
    cases = typed()
    for rule in all_rules():
        fixes = [each for each in first_fixes() if each.rule == rule.id]
        columns = [_kinds(each.command for each in fixes if each.stack is stack) for stack in (False, True)]
        if rule.id in cases:
            proof = ", ".join(
                f"`{case.name.removeprefix(rule.id + '-')}`{' (full)' * case.full}" for case in cases[rule.id]
            )
        elif rule.id in NOT_TYPED:
            proof = f"not typed: {NOT_TYPED[rule.id]}"
        else:
            proof = "" if fixes else "never broken by itself"
        link = rule.docs.removeprefix("docs/doctor/")
        yield f"| [`{rule.id}`]({link}) | {columns[0]} | {columns[1]} | {proof} |"


def _kinds(commands: Iterable[str]) -> str:
    kinds = dict.fromkeys(" && ".join(map(kind, each.split(" && "))) if each else "advice" for each in commands)
    return ", ".join(name if name == "advice" else f"`{name}`" for name in sorted(kinds))


def kind(command: str) -> str:
    """Return the program of a command and what it does, without its arguments."""
    program, *words = shlex.split(command)
    words = words[2:] if words[0] == "--namespace" else words
    two = program == "aws" or words[0] in ("config", "create", "rollout", "set") or words[:2] == ["up", "--refresh"]
    return " ".join([program, *words[: 2 if two else 1]])
