"""A bundle of the live stack: the documented commands, and the same findings and answers as live."""

import json
import shlex
from pathlib import Path

from sandbox.tests.harness import Sandbox
from tests.e2e.doctor.commands import Doctor, Result
from tests.markdown import executed_by


def documented() -> list[list[str]]:
    """The words of each command that the page shows, from the command's name on."""
    (block,) = executed_by("test_doctor_bundle")
    return [shlex.split(line)[3:] for line in block.text.splitlines()]


def offline(doctor: Doctor, words: list[str], file: Path) -> Result:
    """Run a command on a bundle: the stack is not named."""
    return doctor.run_alone(*[str(file) if word == "cluster.tar.gz" else word for word in words], "--json")


def test_a_bundle_of_the_stack_gives_what_the_stack_gives(doctor: Doctor, sandbox: Sandbox, tmp_path: Path) -> None:
    write, check, explain = documented()
    file = tmp_path / "cluster.tar.gz"
    result = doctor.run(write[0], str(file))
    assert result.code == 0, result.err
    assert "Secrets are redacted" in result.out

    live, kept = doctor.run("check", "--json"), offline(doctor, check, file)
    assert kept.code == live.code == 0, kept.err
    # Sets, since a finding comes once for each pod or node, and these come and go between the two moments.
    both = [{(each["id"], each["status"]) for each in it.document["findings"]} for it in (live, kept)]
    assert both[0] == both[1]

    live, kept = doctor.run("explain", "node", "--json"), offline(doctor, explain, file)
    assert kept.code == 0, kept.err
    assert {each["node"] for each in kept.document["nodes"]} == {each["node"] for each in live.document["nodes"]}
    assert json.dumps(kept.document["nodes"][0]["reasons"])
