"""The commands of the documentation do what it promises, on the stack that is up, as they are written there."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.tests.harness import Sandbox
from tests.e2e.program.checkout import Checkout
from tests.e2e.program.stack import Stack
from tests.markdown import ROOT, blocks, executed_by

STAND_FOR = {"prod": "sandbox", "prod-*": "sandbox", "series-api": "sandbox"}
"""The documentation's environment and cluster, and the sandbox's."""


def commands() -> Iterator[str]:
    """Each command line once; pages repeat the usual ones."""
    seen = set()
    for block in executed_by(Path(__file__).stem):
        for line in block.text.splitlines():
            command = line.partition(" #")[0].strip()
            if command and command not in seen:
                seen.add(command)
                yield command


@pytest.fixture(scope="module")
def checkout(sandbox: Sandbox, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout with the stack's settings, and the policy configuration that the policy pack's page shows."""
    folder = tmp_path_factory.mktemp("checkout")
    made = Checkout(sandbox, folder, {stack.name: (ROOT / "Pulumi.sandbox.yaml").read_text()})
    (configuration,) = [block.text for block in blocks(ROOT / "policies" / "README.md") if block.language == "json"]
    # Its limits are examples, not the sandbox's: the command is what is tried here.
    (folder / "policy-config.json").write_text(configuration.replace('"mandatory"', '"advisory"'))
    # As in the sandbox's shell: the pages' commands act on the selected stack.
    made.shell(f"pulumi stack select {stack.name}")
    return made


@pytest.mark.parametrize("command", list(commands()))
def test_a_documented_command_works_as_it_is_written(checkout: Checkout, command: str) -> None:
    words = [STAND_FOR.get(word, word) for word in shlex.split(command)]
    shell = {"|", ">"}
    checkout.shell(" ".join(word if word in shell else shlex.quote(word) for word in words))


def test_a_reviewer_sees_what_the_documentation_shows(sandbox: Sandbox, checkout: Checkout) -> None:
    settings: dict[str, Any] = yaml.safe_load((ROOT / "Pulumi.sandbox.yaml").read_text())
    config = settings["config"]
    config["eks-cluster-autoscaler:nodeGroups"][1]["diskSizeGib"] = 80
    config["eks-cluster-autoscaler:autoscaler"] |= {"serviceAccount": "scaler", "replicas": 1}
    with checkout.settings("sandbox", yaml.safe_dump(settings)):
        seen = checkout.shell("make -s ci-preview", SANDBOX_STATE=str(sandbox.layout.root))
    (shown,) = [block.text for block in blocks(ROOT / "docs" / "ci.md") if block.language == "markdown"]
    # Pulumi ends the role's name with random digits.
    report = re.sub(r"(role/cluster-autoscaler-)\w+", r"\g<1>0123abc", seen[seen.index("## Preview") :]).splitlines()
    # The age of the version tables depends on the day.
    report_text = "\n".join(line for line in report if "version tables" not in line)
    # The page leaves out the last objects of the chart.
    first, last = shown.split("\n...\n")
    assert report_text.startswith(first)
    assert report_text.endswith(last.strip())
