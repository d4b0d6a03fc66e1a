"""Whether a pod fits a node."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.autoscaler.objects import Taint, quantities
from sandbox.autoscaler.predicates import labels_match, misfits
from sandbox.tests.autoscaler.making import node, pod

TAINT = Taint("dedicated", "gpu", "NoSchedule")


def test_a_pod_that_fits_has_no_misfits():
    assert misfits(pod(), node(), {}) == []


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"cpu": "3", "pods": "1"}, "Insufficient cpu"),
        ({"nvidia.com/gpu": "1", "pods": "1"}, "Insufficient nvidia.com/gpu"),
        ({"ephemeral-storage": "1Gi", "pods": "1"}, "Insufficient ephemeral-storage"),
        ({"pods": "11"}, "Too many pods"),
    ],
)
def test_what_is_asked_for_must_be_there(asked, reason):
    assert misfits(pod(requests=quantities(asked)), node(), {}) == [reason]


def test_what_is_in_use_is_not_there():
    assert misfits(pod(cpu="500m"), node(), quantities({"cpu": "1.5"})) == []
    assert misfits(pod(cpu="501m"), node(), quantities({"cpu": "1.5"})) == ["Insufficient cpu"]
    assert misfits(pod(), node(), quantities({"pods": "10"})) == ["Too many pods"]


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}, True),
        ({"key": "dedicated", "operator": "Equal", "value": "gpu"}, True),
        ({"key": "dedicated", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "dedicated", "value": "cpu"}, False),
        ({"key": "dedicated", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({"operator": "Equal", "value": "gpu"}, False),
    ],
)
def test_a_taint_keeps_away_what_does_not_tolerate_it(toleration, tolerated):
    reasons = misfits(pod(tolerations=(toleration,)), node(taints=(TAINT,)), {})

    assert reasons == ([] if tolerated else ["node(s) had untolerated taint {dedicated: gpu}"])


@pytest.mark.parametrize("effect", ["PreferNoSchedule", "NO_SCHEDULE"])
def test_an_effect_that_the_scheduler_does_not_enforce_keeps_nobody_away(effect):
    assert misfits(pod(), node(taints=(Taint("a", "b", effect),)), {}) == []


def term(*expressions):
    return {"matchExpressions": [{"key": k, "operator": o, "values": list(v)} for k, o, *v in expressions]}


@pytest.mark.parametrize(
    ("terms", "fits"),
    [
        ([term(("zone", "In", "a", "b"))], True),
        ([term(("zone", "In", "b"))], False),
        ([term(("zone", "NotIn", "b"))], True),
        ([term(("zone", "Exists")), term(("disk", "Exists"))], True),
        ([term(("zone", "Exists"), ("disk", "Exists"))], False),
        ([term(("disk", "DoesNotExist"))], True),
        ([term(("cores", "Gt", "3"))], True),
        ([term(("cores", "Lt", "4"))], False),
        ([term(("zone", "Gt", "3"))], False),
        ([{}], False),
        ([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node"]}]}], True),
    ],
)
def test_required_affinity_is_any_term_with_all_its_expressions(terms, fits):
    reasons = misfits(pod(affinity=tuple(terms)), node(labels={"zone": "a", "cores": "4"}), {})

    assert reasons == ([] if fits else ["node(s) didn't match Pod's node affinity/selector"])


def test_the_node_selector_must_match_too():
    assert misfits(pod(node_selector={"zone": "a"}), node(labels={"zone": "a"}), {}) == []
    assert misfits(pod(node_selector={"zone": "b"}), node(labels={"zone": "a"}), {}) != []


def test_a_cordoned_node_takes_nothing():
    assert misfits(pod(), node(unschedulable=True), {}) == ["node(s) were unschedulable"]


def test_a_demand_that_cannot_be_judged_is_not_taken_as_fulfilled():
    assert "affinity.podAffinity" in misfits(pod(unsupported=("affinity.podAffinity",)), node(), {})[0]


@given(
    st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz")),
    st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz")),
)
def test_a_selector_of_labels_matches_exactly_its_supersets(selector, labels):
    matched = labels_match({"matchLabels": selector}, labels)

    assert matched == all(labels.get(key) == value for key, value in selector.items())
