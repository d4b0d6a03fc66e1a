"""What nodes to come are imagined like: by their living kin, by EKS, by tags; and whether a pod fits them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pure import discovery
from doctor.facts import Instance, Taint, Toleration
from doctor.templates import (
    Template,
    lacking_tags,
    refusals,
    tagged_labels,
    tagged_taints,
    template,
    tolerates,
    unread_taints,
)

from . import snapshots
from .examples import few

labels = st.dictionaries(st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?", fullmatch=True), st.text(max_size=8), max_size=4)
taints = st.builds(
    Taint,
    key=st.from_regex(r"[a-z]{1,8}", fullmatch=True),
    value=st.sampled_from(["", "a", "b"]),
    effect=st.sampled_from(["NoSchedule", "NoExecute", "PreferNoSchedule"]),
)


@few
@given(labels, st.lists(taints, max_size=3, unique_by=lambda taint: taint.key))
def test_a_group_with_all_the_tags_of_its_node_group_lacks_none(labels, taints):
    described = snapshots.node_group(labels=labels, taints=tuple(taints))
    bare = snapshots.asg(tags={})
    tags = lacking_tags(bare, described)
    tagged = snapshots.asg(tags=tags)
    assert lacking_tags(tagged, described) == {}
    assert tagged_labels(tagged) == labels
    assert set(tagged_taints(tagged)) == set(taints)
    assert unread_taints(tagged, described, (1, 29)) == ()


@few
@given(st.dictionaries(st.text(), st.text()))
def test_no_tag_crashes_the_reader(tags):
    group = snapshots.asg(tags={**tags, **{discovery.taint_key(key): value for key, value in tags.items()}})
    template(group, None, ())
    assert all(taint.effect in discovery.TAINT_EFFECTS for taint in tagged_taints(group))


@pytest.mark.parametrize(
    ("value", "minor", "seen"),
    [("yes", (1, 31), True), ("yes", (1, 30), False), ("", (1, 33), False), ("yes", None, True)],
)
def test_a_taint_known_to_eks_only_is_seen_from_1_31_on_if_it_has_a_value(value, minor, seen):
    described = snapshots.node_group(taints=(Taint("spot", value, "NoSchedule"),))
    assert (unread_taints(snapshots.asg(), described, minor) == ()) is seen


def test_a_live_node_decides_before_any_tag():
    group = snapshots.asg(tags={discovery.label_key("tier"): "old"})
    living = snapshots.node(
        labels={"tier": "new"},
        taints=(Taint("spot", "yes", "NoSchedule"), Taint("node.kubernetes.io/not-ready", "", "NoSchedule")),
    )
    found = template(group, snapshots.node_group(labels={"tier": "eks"}), (living,))
    assert found == Template({"tier": "new"}, (Taint("spot", "yes", "NoSchedule"),))


def test_eks_overrides_the_labels_of_tags_and_adds_to_their_taints():
    group = snapshots.asg(
        tags={discovery.label_key("tier"): "tag", discovery.taint_key("a"): "1:NoExecute"}, instances=()
    )
    described = snapshots.node_group(labels={"tier": "eks"}, taints=(Taint("b", "2", "NoSchedule"),))
    found = template(group, described, ())
    assert found.labels["tier"] == "eks"
    assert set(found.taints) == {Taint("a", "1", "NoExecute"), Taint("b", "2", "NoSchedule")}


def test_an_instance_that_is_no_node_yet_decides_nothing():
    group = snapshots.asg(instances=(Instance("i-new", "us-east-1a"),))
    assert template(group, None, (snapshots.node(labels={"tier": "x"}),)).labels["kubernetes.io/os"] == "linux"


def test_a_pod_is_refused_for_each_label_and_taint():
    node = Template({"tier": "api"}, (Taint("spot", "yes", "NoSchedule"), Taint("soft", "", "PreferNoSchedule")))
    pod = snapshots.pending_pod(labels_wanted={"tier": "batch", "gpu": "yes"})
    assert refusals(node, pod) == ["label tier is api, not batch", "label gpu=yes", "taint spot=yes:NoSchedule"]
    fits = snapshots.pending_pod(labels_wanted={"tier": "api"}, tolerations=(Toleration("spot", "Exists"),))
    assert refusals(node, fits) == []


def test_labels_that_the_autoscaler_derives_refuse_no_pod():
    wanted = {"kubernetes.io/arch": "arm64", "eks.amazonaws.com/capacityType": "SPOT"}
    assert refusals(Template({}, ()), snapshots.pending_pod(labels_wanted=wanted)) == []
    known = Template({"kubernetes.io/arch": "amd64"}, ())
    assert refusals(known, snapshots.pending_pod(labels_wanted={"kubernetes.io/arch": "arm64"})) != []


@pytest.mark.parametrize(
    ("toleration", "accepted"),
    [
        (Toleration("spot", "Equal", "yes", "NoSchedule"), True),
        (Toleration("spot", "Equal", "yes"), True),
        (Toleration("spot", "Equal", "no"), False),
        (Toleration("spot", "Exists"), True),
        (Toleration("", "Exists"), True),
        (Toleration("other", "Exists"), False),
        (Toleration("spot", "Exists", "", "NoExecute"), False),
        (Toleration("", "Equal", ""), False),
    ],
)
def test_tolerations_accept_what_kubernetes_accepts(toleration, accepted):
    assert tolerates(toleration, Taint("spot", "yes", "NoSchedule")) is accepted
