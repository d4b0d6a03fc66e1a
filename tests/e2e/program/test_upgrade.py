"""An upgrade replaces nothing: the program previewed by the real engine on the state of each released version."""

import copy
import json
import runpy
from pathlib import Path

import pytest

from sandbox.tests.harness import Sandbox
from tests.e2e.program.checkout import Checkout
from tests.markdown import ROOT

BASELINES = sorted((Path(__file__).parent / "baselines").glob("*.json"))
"""Written by ``make baseline`` at each release, and never again."""

SCRIPT = runpy.run_path(str(ROOT / "scripts" / "baseline.py"))
DESTRUCTIVE = {"delete", "delete-replaced", "replace", "create-replacement", "discard-replaced"}


def with_one_that_no_program_has(state):
    """The state with one tag more, which the engine must want to delete: the proof that this test can fail."""
    planted = copy.deepcopy(state)
    resources = planted["deployment"]["resources"]
    tag = next(each for each in resources if each["type"] == "aws:autoscaling/tag:Tag")
    resources.append({**tag, "urn": f"{tag['urn']}-of-another"})
    return planted, f"{tag['urn']}-of-another"


@pytest.mark.parametrize("path", BASELINES, ids=lambda path: path.stem)
def test_nothing_that_a_released_version_made_is_replaced_or_deleted(sandbox: Sandbox, tmp_path: Path, path: Path):
    sandbox.start()
    state, planted = with_one_that_no_program_has(json.loads(path.read_text()))
    checkout = Checkout(sandbox, tmp_path, {"sandbox": path.with_suffix(".yaml").read_text()})
    (tmp_path / "state.json").write_text(json.dumps(state))
    (tmp_path / "backend").mkdir()
    checkout.shell(
        "pulumi stack init sandbox; pulumi stack import --stack sandbox --file state.json;"
        "pulumi preview --stack sandbox --json > preview.json",
        # A separate backend: the session's stack has the same name.
        PULUMI_BACKEND_URL=f"file://{tmp_path}/backend",
    )
    steps = json.loads((tmp_path / "preview.json").read_text())["steps"]
    kept = {each["urn"] for each in state["deployment"]["resources"]}
    assert {step["urn"] for step in steps if step["op"] in DESTRUCTIVE} == {planted}, "give what moved an alias"
    assert not [step["urn"] for step in steps if step["op"] == "create" and step["urn"] in kept]


@pytest.mark.parametrize("path", BASELINES, ids=lambda path: path.stem)
def test_the_state_of_a_release_holds_no_secret(path: Path):
    state = json.loads(path.read_text())
    assert SCRIPT["reduced"](state) == state
    assert "PRIVATE KEY" not in path.read_text()


def test_a_state_with_a_secret_is_not_kept():
    secret = {"4dabf18193072939515e22adb298388d": SCRIPT["SECRET"], "ciphertext": "v1:..."}
    with pytest.raises(ValueError, match="secrets"):
        SCRIPT["reduced"]({"deployment": {"resources": [{"outputs": {"password": secret}}]}})
