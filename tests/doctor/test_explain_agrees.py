"""`explain` against the real Cluster Autoscaler: the same clusters, from bundles that were taken while it logged.

The autoscaler names one reason for a node and one for each group; `explain` names every one. It agrees when the
autoscaler's reason is among its own, and when it calls nothing removable or helpful that the autoscaler did not.
"""

import re
from dataclasses import replace

import pytest

from components.pure.versions import parse_minor
from doctor.checks import examine
from doctor.explain.reading import parse_templates
from doctor.explain.removal import Verdict
from doctor.metrics import parse_metrics
from doctor.rules.groups import HEADROOM

from .bundles import Bundled, bundled
from .recordings import ROOT, recording, versions

VERSION = versions()[-1]

NODE_WORDS = {
    "not enough pod disruption budget": "NotEnoughPdb",
    "pod with local storage present": "LocalStorageRequested",
    "pod annotated as not safe to evict present": "NotSafeToEvictAnnotation",
    "kube-system pod present": "UnmovableKubeSystemPod",
    "is not replicated": "NotReplicated",
}
"""Words of `simulator/drain.go` and of the drainability rules, and the rule of `explain`."""
GROUP_WORDS = {
    "max node group size reached": "at its maxSize",
    "untolerated taint": "is not tolerated",
    "node affinity/selector": "label ",
    "in backoff after failed scale-up": "in backoff",
    "Insufficient cpu": "CPU: ",
}
"""Words of an event NotTriggerScaleUp, and those of `explain`."""
_UNREMOVABLE = re.compile(r"Node (?P<node>\S+) cannot be removed: (?P<reason>.*)")
_ABOVE = re.compile(r"Node (?P<node>\S+) unremovable: cpu requested \((?P<share>[\d.]+)% of allocatable\) is above")
_AT_MINIMUM = re.compile(r"Skipping (?P<node>\S+) - node group min size reached")
_COUNTED = re.compile(r"(\d+) ((?:(?!, \d).)+)")


def cluster(scenario: str) -> Bundled:
    return bundled(ROOT / VERSION / scenario / "bundle.tar.gz")


def test_every_node_that_a_pod_keeps_is_kept_by_the_same_pod():
    answers = {answer.node: answer for answer in cluster("scale-down-blocked").nodes()}
    logged = [match for line in recording(VERSION, "scale-down-blocked").log if (match := _UNREMOVABLE.search(line))]
    rules = set()
    for match in logged:
        (rule,) = [rule for words, rule in NODE_WORDS.items() if words in match["reason"]]
        answer = answers[match["node"]]
        assert answer.verdict is Verdict.BLOCKED, match[0]
        named = [each.pod.rpartition("/")[2] for each in answer.reasons if each.rule == rule]
        assert any(pod in match["reason"] for pod in named), (match[0], answer.reasons)
        rules.add(rule)
    assert rules == set(NODE_WORDS.values())


def test_every_node_of_a_group_at_its_minimum_is_kept():
    answers = {answer.node: answer for answer in cluster("scale-down-blocked").nodes()}
    skipped = {
        match["node"] for line in recording(VERSION, "scale-down-blocked").log if (match := _AT_MINIMUM.search(line))
    }
    assert skipped
    for node in skipped:
        assert "NodeGroupMinSizeReached" in {each.rule for each in answers[node].reasons}


def test_as_many_nodes_are_kept_by_pods_as_the_autoscaler_counts():
    page = (ROOT / VERSION / "scale-down-blocked" / "metrics.txt").read_text()
    counted = parse_metrics(page, "ca", parse_minor(VERSION)).unremovable
    kept = [answer for answer in cluster("scale-down-blocked").nodes() if any(each.pod for each in answer.reasons)]
    at_minimum = [each for each in kept if "NodeGroupMinSizeReached" in {reason.rule for reason in each.reasons}]
    assert counted == {"BlockedByPod": len(kept) - len(at_minimum)}


def test_nothing_is_called_removable_that_the_autoscaler_kept():
    answers = cluster("scale-down-blocked").nodes()
    assert not [
        event for event in recording(VERSION, "scale-down-blocked").events if event.reason.startswith("ScaleDown")
    ]
    assert {answer.verdict for answer in answers} == {Verdict.BLOCKED}


def test_nodes_without_pods_are_needed_by_the_buffer_as_much_as_the_autoscaler_logs():
    it = cluster("reserved")
    needed = [answer for answer in it.nodes() if answer.verdict is Verdict.NEEDED]
    assert not {pod.node for pod in it.state.pods} & {answer.node for answer in needed}
    logged = [match for line in recording(VERSION, "reserved").log if (match := _ABOVE.search(line))]
    by_node = {answer.node: answer for answer in needed}
    for match in logged:
        assert by_node[match["node"]].utilization.share * 100 == pytest.approx(float(match["share"]), abs=1e-4)
    assert logged
    page = (ROOT / VERSION / "reserved" / "metrics.txt").read_text()
    assert parse_metrics(page, "ca", parse_minor(VERSION)).unremovable == {"NotUnderutilized": len(needed)}
    assert not [event for event in recording(VERSION, "reserved").events if event.reason.startswith("ScaleDown")]


@pytest.mark.parametrize("scenario", ["refused", "launch-failure", "startup-taint-unknown", "debugging-snapshot"])
def test_every_group_that_does_not_help_does_not_help_for_the_same_reason(scenario):
    it = cluster(scenario)
    pending = {(pod.namespace, pod.name) for pod in it.state.pods if not pod.node}
    judged = 0
    events = it.case.snapshot.kubernetes.events
    for event in events:
        if event.reason != "NotTriggerScaleUp" or (event.namespace, event.name) not in pending:
            continue
        answer = it.pod(event.namespace, event.name)
        counts = [(int(count), words) for count, words in _COUNTED.findall(event.message.partition(": ")[2])]
        assert sum(count for count, _ in counts) == len(answer.groups), event.message
        assert answer.helped_by == (), (event.message, answer)
        for count, words in counts:
            (ours,) = [ours for theirs, ours in GROUP_WORDS.items() if theirs in words]
            agreeing = [group for group in answer.groups if any(ours in reason for reason in group.reasons)]
            assert len(agreeing) >= count, (event.message, answer.groups)
        judged += 1
    assert judged


def test_the_error_of_a_failed_launch_is_in_the_answer():
    it = cluster("launch-failure")
    pod = next(each for each in it.state.pods if not each.node)
    reasons = [reason for group in it.pod(pod.namespace, pod.name).groups for reason in group.reasons]
    assert any("in backoff" in reason and "InsufficientInstanceCapacity" in reason for reason in reasons), reasons


def with_templates(it: Bundled) -> Bundled:
    page = (ROOT / VERSION / "debugging-snapshot" / "snapshotz.json").read_text()
    return Bundled(it.case, replace(it.state, templates=parse_templates(page)))


def test_the_autoscalers_own_node_templates_are_used_and_like_the_ones_that_are_worked_out():
    """Two of the five groups have a node, which has been ready for seconds."""
    worked_out = cluster("debugging-snapshot")
    shown = with_templates(worked_out)
    pod = next(each for each in worked_out.state.pods if not each.node)
    own, guessed = (it.pod(pod.namespace, pod.name) for it in (shown, worked_out))
    assert {group.group for group in own.groups} == set(shown.state.templates)
    for ours, theirs in zip(guessed.groups, own.groups, strict=True):
        assert theirs.source == "the autoscaler (/snapshotz)"
        assert [reason.partition(":")[0] for reason in ours.reasons] == [
            reason.partition(":")[0] for reason in theirs.reasons
        ]
        assert ours.capacity == theirs.capacity


@pytest.mark.parametrize(
    ("scenario", "full"), [("refused", ["workers"]), ("launch-failure", []), ("debugging-snapshot", [])]
)
def test_a_full_group_is_a_fault_only_if_a_pending_pod_could_use_it(scenario, full):
    """The autoscaler reports "max node group size reached" of a group, too, that the pod does not tolerate."""
    it = cluster(scenario)
    assert any("max node group size reached" in event.message for event in it.case.recent_events)
    found = [each for each in examine(it.case.snapshot).findings if each.rule is HEADROOM and each.status == "broken"]
    assert [each.seen.split("-")[1] for each in found] == full, found
