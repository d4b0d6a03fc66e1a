"""What a reviewer reads of a preview."""

import io
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts import preview_report, rendered_chart

END = {"summaryEvent": {}}


def step(op, name, type_="aws:eks/nodeGroup:NodeGroup", *, custom=True, **more):
    urn = f"urn:pulumi:dev::project::parent:index:Parent${type_}::{name}"
    state = {"old" if op == "delete" else "new": {"custom": custom}}
    return {"resourcePreEvent": {"metadata": {"op": op, "urn": urn, **state, **more}}}


def diagnostic(severity, message):
    return {"diagnosticEvent": {"severity": severity, "message": message}}


def violated(level, rule="replicas"):
    event = {"policyName": rule, "enforcementLevel": level, "message": "One pod.\nFix: two.\n"}
    return {"policyEvent": {**event, "resourceUrn": "urn:pulumi:dev::project::a:b:C::autoscaler"}}


def rendered(*events):
    return preview_report.report("dev", [*events, END])


def test_nothing_to_do_is_reported_in_two_words():
    assert "No change." in rendered(step("same", "general"))


def test_what_is_destroyed_is_reported_first_and_loudly():
    text = rendered(
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
    text = rendered(step("update", "general", diffs=["scalingConfig"], detailedDiff={"scalingConfig.maxSize": {}}))
    assert "CAUTION" not in text
    assert "| `scalingConfig.maxSize` |" in text


def test_components_which_only_group_are_left_out():
    assert "No change." in rendered(step("update", "general", "our:index:Component", custom=False))


def test_warnings_of_the_program_and_violations_of_policies_are_reported():
    text = rendered(step("create", "a"), diagnostic("warning", "credentials: nodeRole\n"), violated("advisory"))
    assert "- **advisory** `replicas` on `autoscaler`: One pod.<br>Fix: two." in text
    assert "- **warning** credentials: nodeRole" in text


def test_a_preview_that_failed_differs_from_one_without_changes():
    text = rendered(diagnostic("error", "error: settings: 1 fault\n  region: got nothing"))
    assert "No change." not in text
    assert "The preview failed." in text
    assert "- **error** settings: 1 fault<br>region: got nothing" in text


def inputs_of(account, **more):
    return {"namespace": "kube-system", "values": {"rbac": {"serviceAccount": {"name": account}}}, **more}


def release(account, op="update", **more):
    type_ = "kubernetes:helm.sh/v3:Release"
    sides = {"new": {"custom": True, "inputs": inputs_of(account, **more)}, "old": {"inputs": more | inputs_of("old")}}
    return step(op, "cluster-autoscaler", type_, type=type_, **sides)


@pytest.fixture(autouse=True)
def helm(tmp_path, monkeypatch):
    """Return a writer of the only program on PATH, `helm`; without it there is none."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def write(script):
        program = folder / "helm"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return write


def test_what_stays_in_the_cloud_is_no_loud_deletion():
    state = {"custom": True, "inputs": {}}
    loud = rendered(step("delete", "provider", old=state))
    quiet = rendered(step("delete", "provider", old={**state, "retainOnDelete": True}))
    assert "destroy something" in loud
    assert "destroy something" not in quiet
    assert "delete[retain]" in quiet


@pytest.mark.parametrize(
    ("event", "code"),
    [(step("create", "a"), 0), (violated("advisory"), 0), (violated("mandatory"), 1), (diagnostic("error", "no"), 1)],
)
def test_the_exit_code_shows_whether_an_update_would_be_refused(event, code, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(map(json.dumps, [event, END]))))
    assert preview_report.main([]) == code


@given(st.text(max_size=40))
def test_what_is_no_preview_gets_one_line_and_no_traceback(text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO(text))
        assert preview_report.main([]) == 2


def rendered_as(before, after):
    """A renderer that knows two sides by the account in their values."""
    sides = {"old": before, "new": after}
    return lambda inputs: rendered_chart.objects(sides[inputs["values"]["rbac"]["serviceAccount"]["name"]])


def difference(before, after):
    (metadata,) = preview_report._steps([release("new", name="cluster-autoscaler")])
    return "\n".join(rendered_chart.report([metadata], rendered_as(before, after)))


DEPLOYMENT = """
kind: Deployment
metadata: {name: a, namespace: kube-system}
spec: {replicas: 2}
"""


def test_the_difference_of_each_object_is_shown_folded_and_objects_that_stay_are_not():
    text = difference(
        f"{DEPLOYMENT}---\nkind: Role\nmetadata: {{name: r}}",
        f"kind: Role\nmetadata: {{name: r}}\n---{DEPLOYMENT.replace('2', '3')}",
    )
    assert "1 of 2 change." in text
    assert "<summary><code>Deployment kube-system/a</code> (+1 -1)</summary>" in text
    assert "-  replicas: 2\n+  replicas: 3" in text
    assert "Role" not in text


def test_an_object_that_comes_or_goes_is_named_so():
    assert "<code>Role r</code> (created)" in difference("", "kind: Role\nmetadata: {name: r}")
    assert "<code>Role r</code> (deleted)" in difference("kind: Role\nmetadata: {name: r}", "")


def test_the_order_of_keys_and_objects_is_no_difference():
    text = difference("kind: A\nmetadata: {name: a}\nx: 1\ny: 2", "y: 2\nx: 1\nmetadata: {name: a}\nkind: A")
    assert "no object changes" in text


def test_data_of_secrets_never_reaches_the_report():
    secret = "kind: Secret\nmetadata: {name: s}\ndata: {key: b25l}\nstringData: {other: plain}\n"
    text = difference(secret, f"{secret}type: Opaque\n".replace("b25l", "dHdv"))
    assert "+type: Opaque" in text
    assert not any(word in text for word in ("b25l", "dHdv", "plain"))


def test_a_long_difference_is_cut_and_counted():
    text = difference(
        "kind: A\nmetadata: {name: a}", "kind: A\nmetadata: {name: a}\nlist: " + json.dumps(list(range(500)))
    )
    assert "... 4" in text
    assert len(text.splitlines()) < rendered_chart.MOST_LINES + 20


@pytest.mark.parametrize("kind", ["delete", "delete-replace", "update"])
def test_the_report_mentions_values_that_are_not_known_yet_if_any_value_is_missing(kind):
    step = {
        "type": rendered_chart.RELEASE,
        "op": "update",
        "detailedDiff": {"values.podAnnotations.example.com/role": {"diffKind": kind, "inputDiff": True}},
        "old": {"inputs": {"values": {"role": "old"}}},
        "new": {"inputs": {"values": {}}},
    }
    lines = rendered_chart.report(
        [step], lambda inputs: rendered_chart.objects(json.dumps({"kind": "A", **inputs["values"]}))
    )
    assert "-role: old" in lines
    assert (rendered_chart.NOT_YET_KNOWN in lines) == kind.startswith("delete")


FAKE_HELM = """
echo "$@" >> "$CALLS"
while [ "$1" != --values ]; do shift; done
read -r values < "$2"
printf 'kind: A\\nmetadata: {name: a}\\nvalues:\\n  %s\\n' "$values"
"""


def test_helm_gets_chart_version_repository_and_values_of_each_side(helm, tmp_path, monkeypatch):
    helm(FAKE_HELM)
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "hush"}
    values = {"rbac": {"serviceAccount": {"name": "n"}}, "later": "04da6b54-80e4-46f7-96ec-b56ff0331ba9", "key": secret}
    chart = {"name": "ca", "chart": "cluster-autoscaler", "repositoryOpts": {"repo": "https://c.example"}}
    text = rendered(release("new", **chart, version="9.58.0", values=values))
    expected = (
        "template ca cluster-autoscaler --namespace kube-system --repo https://c.example --version 9.58.0 --values "
    )
    assert [call.startswith(expected) for call in (tmp_path / "calls").read_text().splitlines()] == [True, True]
    assert "(known after the update)" in text
    assert "(masked)" in text
    assert "hush" not in text


def test_without_helm_one_line_reports_it():
    text = rendered(release("new", name="cluster-autoscaler", chart="cluster-autoscaler"))
    (line,) = [line for line in text.splitlines() if "Helm is not installed" in line]
    assert line.startswith("Kubernetes objects of the Helm release `cluster-autoscaler`: no difference can be shown.")


def test_a_chart_that_helm_cannot_render_is_one_line_and_no_refusal(helm):
    helm("echo 'Error: no such repository' >&2; echo more >&2; exit 1")
    events = [release("new", name="ca", chart="cluster-autoscaler"), END]
    assert "`helm template` failed: Error: no such repository" in preview_report.report("dev", events)
    assert not preview_report.failed(events)


@pytest.mark.parametrize("op", ["create", "same", "delete"])
def test_a_release_that_is_new_or_stays_has_no_difference(op):
    assert "Kubernetes objects" not in rendered(release("new", op=op))


@pytest.mark.parametrize("value", ["=", "2026-13-45", "2026-11-30", "<<", "0o17", "1:60"])
def test_a_value_that_only_pyyaml_reads_in_another_way_is_shown(value):
    (text,) = rendered_chart.objects(f"kind: A\nmetadata: {{name: a}}\nspec:\n  op: {value}\n").values()
    assert "op:" in text


@pytest.mark.parametrize(
    "spec",
    [
        "!!int abc",
        "!!float abc",
        "!!bool abc",
        "!!binary é",
        "!!set [a]",
        "!!omap {a: b}",
        "!!python/object:a {}",
        "!custom {}",
        "{{a: b}: c}",
        "{<<: 5}",
        "*nothing",
        "{",
        "[" * 3000,
    ],
)
def test_yaml_that_pyyaml_cannot_read_is_an_error_of_one_line(spec):
    with pytest.raises(rendered_chart.RenderError, match=r"^The rendered chart cannot be read as YAML: [^\n]+$"):
        rendered_chart.objects(f"kind: A\nspec: {spec}\n")


TAGS = st.sampled_from(["", "!!int ", "!!float ", "!!binary ", "!!timestamp ", "!!set ", "!!pairs ", "!!map ", "!x "])
SCALARS = st.text("0123456789=<>:-.~{}[]eETZ_ &*a\n", max_size=12)


@given(st.lists(st.tuples(TAGS, SCALARS), max_size=4))
def test_every_text_is_objects_or_one_error(lines):
    text = "\n".join(f"k{index}: {tag}{scalar}" for index, (tag, scalar) in enumerate(lines))
    with suppress(rendered_chart.RenderError):
        rendered_chart.objects(f"kind: Secret\nmetadata: {{name: a}}\n{text}")
