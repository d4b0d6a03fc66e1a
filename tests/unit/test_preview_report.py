"""What a reviewer reads of a preview."""

import io
import json
import runpy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "preview_report.py"))
END = {"summaryEvent": {}}


def step(op, name, type_="aws:eks/nodeGroup:NodeGroup", *, custom=True, **more):
    urn = f"urn:pulumi:dev::project::parent:index:Parent${type_}::{name}"
    state = {"old" if op == "delete" else "new": {"custom": custom}}
    return {"resourcePreEvent": {"metadata": {"op": op, "urn": urn, **state, **more}}}


def said(severity, message):
    return {"diagnosticEvent": {"severity": severity, "message": message}}


def violated(level, rule="replicas"):
    event = {"policyName": rule, "enforcementLevel": level, "message": "One pod.\nFix: two.\n"}
    return {"policyEvent": {**event, "resourceUrn": "urn:pulumi:dev::project::a:b:C::autoscaler"}}


def told(*events):
    return SCRIPT["report"]("dev", [*events, END])


def test_nothing_to_do_is_said_in_two_words():
    assert "No change." in told(step("same", "general"))


def test_what_is_destroyed_is_told_first_and_loudly():
    text = told(
        step("create", "new"),
        step("replace", "general", keys=["instanceTypes"]),
        step("create-replacement", "general"),
        step("delete", "old", "aws:iam/role:Role"),
    )
    assert "**2 of these changes destroy something:** `NodeGroup general` (replace), `Role old` (delete)" in text
    assert text.index("± **replace**") < text.index("+ create")
    assert "| ± **replace** | `general` | `aws:eks/nodeGroup:NodeGroup` | `instanceTypes` |" in text
    assert "1 to replace, 1 to delete, 1 to create." in text


def test_an_update_names_what_changes_within_and_raises_no_alarm():
    text = told(step("update", "general", diffs=["scalingConfig"], detailedDiff={"scalingConfig.maxSize": {}}))
    assert "CAUTION" not in text
    assert "| `scalingConfig.maxSize` |" in text


def test_components_which_only_group_are_left_out():
    assert "No change." in told(step("update", "general", "our:index:Component", custom=False))


def test_warnings_of_the_program_and_what_the_policy_pack_found_are_told():
    text = told(step("create", "a"), said("warning", "credentials: nodeRole\n"), violated("advisory"))
    assert "- **advisory** `replicas` on `autoscaler`: One pod.<br>Fix: two." in text
    assert "- **warning** credentials: nodeRole" in text


def test_a_preview_that_failed_does_not_look_like_one_without_changes():
    text = told(said("error", "error: settings: 1 fault\n  region: got nothing"))
    assert "No change." not in text
    assert "The preview failed." in text
    assert "- **error** settings: 1 fault<br>region: got nothing" in text


def association(op, account="cluster-autoscaler"):
    type_ = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
    inputs = {"namespace": "kube-system", "serviceAccount": account}
    state = {"old" if op == "delete" else "new": {"custom": True, "inputs": inputs}}
    return step(op, "autoscaler", type_, type=type_, **state)


def release(account, op="update"):
    type_ = "kubernetes:helm.sh/v3:Release"
    inputs = {"namespace": "kube-system", "values": {"rbac": {"serviceAccount": {"name": account}}}}
    return step(op, "cluster-autoscaler", type_, type=type_, new={"custom": True, "inputs": inputs})


def test_pods_that_would_lose_their_pod_identity_are_told():
    text = told(release("cluster-autoscaler"), association("delete"))
    assert "- **warning** `cluster-autoscaler` leaves Pod Identity and keeps its name" in text


@pytest.mark.parametrize(
    "events",
    [
        [release("cluster-autoscaler-2"), association("delete")],
        [release("cluster-autoscaler"), association("delete"), association("create")],
        [release("cluster-autoscaler"), association("same")],
        [association("delete")],
    ],
)
def test_a_move_out_of_pod_identity_that_does_no_harm_is_no_warning(events):
    assert "warning" not in told(*events)


@pytest.mark.parametrize(
    ("event", "code"),
    [(step("create", "a"), 0), (violated("advisory"), 0), (violated("mandatory"), 1), (said("error", "no"), 1)],
)
def test_the_exit_code_says_whether_an_update_would_be_refused(event, code, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(map(json.dumps, [event, END]))))
    assert SCRIPT["main"]() == code


@given(st.text(max_size=40))
def test_what_is_no_preview_gets_one_line_and_no_traceback(text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO(text))
        assert SCRIPT["main"]() == 2
