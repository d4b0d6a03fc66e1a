"""The command line of an autoscaler becomes settings; what does not is reported."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pure import compatibility, discovery, flag_needs, flags
from doctor.arguments import PROCESS_FLAGS, parse_arguments
from doctor.init.command_line import Translation, translate
from doctor.init.document import Entry

from .examples import few

OURS = discovery.discovery_flag("lab")


def translated(*words: str, version: str = "1.33", image: str | None = None, **options: Any) -> Translation:
    given_options: dict[str, Any] = {"minor": (1, 33), "namespace": "kube-system", "cluster": "lab", **options}
    request = compatibility.Request(version, "us-east-1", image_tag=image)
    return translate(words, request=request, **given_options)


def value(translation: Translation, key: str) -> Any:
    return next((entry.value for entry in translation.settings if entry.key == key), None)


def entry(translation: Translation, key: str) -> Entry:
    return next(each for each in translation.settings if each.key == key)


@pytest.mark.parametrize(
    ("words", "setting", "expected"),
    [
        (["--balance-similar-node-groups"], "balanceSimilarNodeGroups", True),
        (["--skip-nodes-with-system-pods=false"], "skipNodesWithSystemPods", False),
        (["--scale-down-unneeded-time=3m"], "scaleDownUnneededTime", "3m"),
        (["--scale-down-unneeded-time", "3m"], "scaleDownUnneededTime", "3m"),
        (["--scale-down-delay-after-add=1h"], "scaleDownDelayAfterAdd", "1h"),
        (["--expander=most-pods,random"], "expander", "most-pods,random"),
        ([], "balanceSimilarNodeGroups", False),
        ([], "skipNodesWithSystemPods", True),
        ([], "scaleDownUnneededTime", "10m"),
        ([], "scaleDownDelayAfterAdd", "10m"),
    ],
)
def test_a_flag_that_has_a_setting_becomes_that_setting(words: list[str], setting: str, expected: object):
    assert value(translated(*words), setting) == expected


@pytest.mark.parametrize(("minor", "expander"), [((1, 32), "random"), ((1, 33), "least-waste"), ((1, 20), "random")])
def test_an_expander_that_is_not_given_is_that_of_the_version_that_runs(minor: tuple[int, int], expander: str):
    assert value(translated(OURS, minor=minor), "expander") == expander


def test_a_default_that_the_program_does_not_share_is_explained():
    translation = translated(OURS)
    (why,) = entry(translation, "scaleDownUnneededTime").comments
    assert "The program's default is 2m" in why
    assert entry(translation, "expander").comments == ()
    assert entry(translated("--scale-down-unneeded-time=10m"), "scaleDownUnneededTime").comments == ()


def test_a_repeatable_flag_becomes_a_list_and_any_other_its_last_value():
    translation = translated("--balancing-ignore-label=a", "--balancing-ignore-label=b", "--v=4", "--scan-interval=9s")
    assert value(translation, "flags") == {"balancing-ignore-label": "a,b", "scan-interval": "9s"}
    translation = translated("--scan-interval=9s", "--scan-interval=8s")
    assert value(translation, "flags") == {"scan-interval": "8s"}
    assert any("--scan-interval is given 2 times" in note for note in translation.notes)


def test_what_the_program_sets_itself_is_recognized():
    translation = translated(
        OURS, "--cloud-provider=aws", "--namespace=kube-system", "--leader-elect=true", "--v=4", "--cluster-name=lab"
    )
    assert translation.notes == ()
    assert translation.by_program[0] == "--cloud-provider=aws"
    assert len(translation.by_program) == 5
    assert value(translation, "flags") is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scan-intervall=9s"], "did you mean scan-interval?"),
        (["--max-empty-bulk-delete=20"], "max-empty-bulk-delete=20 is not kept"),
        (["--scan-interval=often"], "--scan-interval=often is not kept"),
        (["--scale-down-unneeded-time=often"], "The default applies, 10m"),
        (["--expander=price"], "AWS gives no prices"),
        (["--expander=priority"], "the ConfigMap cluster-autoscaler-priority-expander does not exist"),
        (["--capacity-buffer-controller-enabled=true"], "wait indefinitely"),
        (["--kubeconfig=/etc/kubeconfig"], "names a file in the pod"),
        (["--version"], "--version=true is not kept"),
        (["--leader-elect-resource-namespace=x"], "--leader-elect-resource-namespace=x is not kept"),
        (["--log-file=/tmp/x"], "names a file in the pod"),
        (["--v=much"], "--v=much is not kept: got 'much'; expected a whole number"),
        (["--status-config-map-name=mine"], "sets cluster-autoscaler-status"),
        (["--scale-up-from-zero=false"], "never adds the first node of an empty group"),
        (["stray"], "The command line selects no groups"),
        (["--nodes=1:5:workers"], "--nodes lists workers. The program discovers groups by tags"),
        (["--nodes=5:workers"], "--nodes=5:workers is malformed"),
        (["--node-group-auto-discovery=asg:tag=team"], f"is replaced by {OURS}"),
        (["--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/other"], "it names the cluster other"),
        (["--a=1", "word"], "The word 'word' of the command line belongs to no flag"),
        (["--Ä=1"], "this is not the name of a flag"),
    ],
)
def test_what_is_not_kept_is_reported_with_what_to_do(words: list[str], message: str):
    translation = translated("./cluster-autoscaler", *words, version="1.34")
    assert any(message in note for note in translation.notes), translation.notes


def test_flags_of_the_libraries_are_kept_unless_they_are_what_the_chart_sets():
    translation = translated(
        OURS, "--v=6", "--vmodule=x=1", "--stderrthreshold=info", "--leader-elect-lease-duration=1m"
    )
    assert value(translation, "flags") == {"v": "6", "vmodule": "x=1", "leader-elect-lease-duration": "1m"}
    assert translation.notes == ()


BUFFERS = [f"--{flag}=true" for flag in flag_needs.BUFFER_FLAGS]


@pytest.mark.parametrize(
    ("words", "minor", "kept"),
    [
        (BUFFERS, "1.34", None),
        ([*BUFFERS, "--scan-interval=9s"], "1.34", {"scan-interval": "9s"}),
        ([*BUFFERS, "--capacity-buffer-pod-dry-run-enabled=false"], "1.36", ...),
        ([*BUFFERS, "--kube-api-content-type=application/json"], "1.34", ...),
    ],
)
def test_an_autoscaler_that_works_on_capacity_buffers_gets_the_setting_in_place_of_the_flags(words, minor, kept):
    translation = translated(OURS, *words, version=minor)
    assert value(translation, "capacityBuffers") == {}
    (comment,) = entry(translation, "capacityBuffers").comments
    assert "it must serve v1beta1" in comment
    flags_left = value(translation, "flags") or {}
    assert not set(flags_left) & set(flag_needs.BUFFER_FLAGS)
    if kept is not ...:
        assert value(translation, "flags") == kept
    assert not [note for note in translation.notes if "capacity" in note]


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (BUFFERS[:1], {"version": "1.34"}),
        (BUFFERS[1:], {"version": "1.34"}),
        ([BUFFERS[0], BUFFERS[1].replace("true", "false")], {"version": "1.34"}),
        (BUFFERS, {"version": "1.33"}),
    ],
)
def test_flags_of_capacity_buffers_that_do_not_work_together_are_not_kept(words, options):
    translation = translated(OURS, *words, **options)
    assert value(translation, "capacityBuffers") is None
    assert any("capacity-buffer" in note and "is not kept" in note for note in translation.notes)


@pytest.mark.parametrize("word", ["--leader-elect=false", "--leader-elect-resource-name=mine"])
def test_a_separate_lease_is_reported(word: str):
    assert word in translated(OURS, word).apart
    assert translated(OURS).apart == ""


@pytest.mark.parametrize(
    ("words", "namespace", "apart"),
    [
        (
            [],
            "autoscaling",
            "the lease of the old one is in the namespace kube-system, that of the new one in autoscaling",
        ),
        (["--namespace=autoscaling"], "autoscaling", ""),
        (["--namespace=mine"], "kube-system", "the lease of the old one is in the namespace mine"),
        (["--leader-elect-resource-namespace=mine"], "kube-system", ""),
    ],
)
def test_the_flag_namespace_decides_where_the_lease_is(words: list[str], namespace: str, apart: str):
    found = translated(OURS, *words, namespace=namespace).apart
    assert found.startswith(apart) if apart else not found


def test_the_priorities_of_the_config_map_are_kept():
    text = "10:\n  - .*spot.*\n50:\n  - .*\n"
    translation = translated("--expander=priority,least-waste", priorities=text)
    assert value(translation, "expander") == "priority,least-waste"
    assert value(translation, "expanderPriorities") == {"10": [".*spot.*"], "50": [".*"]}


@pytest.mark.parametrize("text", [None, "", "][", "a: [b]", "10: b", "10: [1]", "10:\n  - '['", "true: [a]"])
def test_priorities_that_cannot_be_kept_leave_the_rest_of_the_chain(text: str | None):
    translation = translated("--expander=priority,least-nodes", priorities=text)
    assert value(translation, "expander") == "least-nodes"
    assert any("becomes least-nodes" in note for note in translation.notes)


def test_flags_are_judged_by_the_version_that_the_program_will_run():
    word = "--max-empty-bulk-delete=20"
    assert value(translated(word, version="1.32"), "flags") == {"max-empty-bulk-delete": "20"}
    assert value(translated(word, version="1.34"), "flags") is None
    assert value(translated(word, version="1.34", image="v1.32.0"), "flags") == {"max-empty-bulk-delete": "20"}


NAMES = st.sampled_from(sorted([*flags.table(), *PROCESS_FLAGS, "no-such-flag", "x"]))
VALUES = st.sampled_from(
    ["true", "false", "10m", "3", "0.5", "a,b", "", "1:5:x", "aws", "/etc/x", "random", "priority"]
)


@few
@given(words=st.lists(st.builds("--{}={}".format, NAMES, VALUES), max_size=8))
def test_no_flag_is_dropped_in_silence(words: list[str]):
    translation = translated(*words)
    kept = value(translation, "flags") or {}
    settings = {entry.key for entry in translation.settings}
    message = " ".join((*translation.notes, *translation.by_program, translation.apart))
    discovers = dict(discovery.discovery_tags("lab"))
    for flag in parse_arguments(words).values:
        assert flag in kept or flags.OWNED_BY.get(flag) in settings or f"--{flag}" in message or flag in discovers
