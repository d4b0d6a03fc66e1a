"""Each step is seen when it comes, timed from the one before, and late when its budget is over."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor.arguments import parse_arguments
from doctor.stress.timeline import UP, Observation, Step, Timeline, budgets, seconds

from .examples import few, refused_in_words

BUDGETS = dict.fromkeys(Step, 60.0)
BEFORE = Observation(0.0, desired={"g": 2}, ready_nodes=frozenset({"n1"}), nodes=frozenset({"n1"}))
BACK = replace(BEFORE, pods=0)


def timeline() -> Timeline:
    return Timeline.start(3, BEFORE, BUDGETS)


OBSERVATIONS = [
    replace(BEFORE, at=2.0, pods=3),
    replace(BEFORE, at=4.0, pods=3, unschedulable="0/1 nodes"),
    replace(BEFORE, at=9.0, pods=3, unschedulable="0/1 nodes", scale_up="g 2->3"),
    replace(BEFORE, at=10.0, pods=3, unschedulable="0/1 nodes", scale_up="g 2->3", desired={"g": 3}),
    replace(BEFORE, at=40.0, pods=3, scale_up="g 2->3", desired={"g": 3}, ready_nodes=frozenset({"n1", "n2"})),
    replace(BEFORE, at=41.0, pods=3, running=3, desired={"g": 3}, ready_nodes=frozenset({"n1", "n2"})),
]


def followed(observations: list[Observation]) -> Timeline:
    found = timeline()
    for observation in observations:
        found = found.advance(observation)
    return found


def test_the_steps_of_a_scale_up_are_seen_one_after_the_other():
    found = followed(OBSERVATIONS)
    assert found.is_up
    assert [moment.took for moment in found.moments] == [4.0, 5.0, 1.0, 30.0, 1.0, None]
    assert found[Step.DESIRED_UP].seen == "g: 2 -> 3"
    assert found[Step.NODE_READY].seen == "n2"
    assert found.current is not None
    assert found.current.step is Step.SCALED_DOWN


@pytest.mark.parametrize("number", range(len(UP)))
def test_a_step_that_does_not_come_is_late_after_its_budget_and_no_other_is(number: int):
    found = followed(OBSERVATIONS[: number + 1])
    began = found.moments[number].started_at
    assert began is not None
    assert found.late(began + 60.0) is None
    late = found.late(began + 60.1)
    assert late is not None
    assert late.step is UP[number]


def test_a_step_that_came_too_late_stays_late():
    found = followed([*OBSERVATIONS[:-1], replace(OBSERVATIONS[-1], at=101.0)])
    assert found.is_up
    late = found.late(101.0)
    assert late is not None
    assert late.step is Step.PODS_RUNNING


def test_the_way_back_starts_with_the_clean_up_and_ends_when_all_is_as_before():
    up = followed(OBSERVATIONS)
    assert up.advance(replace(BACK, at=50.0))[Step.SCALED_DOWN].done_at is None
    down = up.clean(50.0)
    still_there = replace(BACK, at=60.0, nodes=frozenset({"n1", "n2"}))
    assert down.advance(still_there)[Step.SCALED_DOWN].done_at is None
    assert down.advance(replace(BACK, at=70.0, desired={}))[Step.SCALED_DOWN].done_at is None
    assert down.advance(replace(BACK, at=80.0))[Step.SCALED_DOWN].took == 30.0


def test_it_does_not_matter_which_node_goes():
    kept_the_new_one = replace(BACK, at=60.0, nodes=frozenset({"n2"}), ready_nodes=frozenset({"n2"}))
    assert followed(OBSERVATIONS).clean(50.0).advance(kept_the_new_one)[Step.SCALED_DOWN].took == 10.0


def test_a_scale_up_that_failed_has_no_way_back():
    assert followed(OBSERVATIONS[:3]).clean(50.0)[Step.SCALED_DOWN].started_at is None


observations = st.builds(
    Observation,
    at=st.floats(0, 1000),
    running=st.integers(0, 4),
    unschedulable=st.sampled_from(["", "no capacity"]),
    scale_up=st.sampled_from(["", "g 2->3"]),
    desired=st.sampled_from([{}, {"g": 2}, {"g": 3}]),
    ready_nodes=st.sampled_from([frozenset({"n1"}), frozenset({"n1", "n2"})]),
    nodes=st.sampled_from([frozenset({"n1"}), frozenset({"n1", "n2"})]),
)


@few
@given(st.lists(observations, max_size=8))
def test_no_order_of_observations_undoes_a_step(seen: list[Observation]):
    found = timeline()
    for observation in sorted(seen, key=lambda each: each.at):
        after = found.advance(observation)
        for old, new in zip(found.moments, after.moments, strict=True):
            assert old.done_at is None or (old.done_at, old.seen) == (new.done_at, new.seen)
            assert new.took is None or new.took >= 0
        found = after
    assert found.is_up == all(found[step].done_at is not None for step in UP)


@pytest.mark.parametrize(("text", "expected"), [("90s", 90), ("1h30m", 5400), ("1.5m", 90), ("250ms", 0.25)])
def test_durations_are_read_as_go_reads_them(text: str, expected: float):
    assert seconds(text) == expected


@few
@given(st.text())
def test_any_text_is_a_duration_or_refused_in_words(text: str):
    with refused_in_words(ValueError, "expected a duration"):
        assert seconds(text) >= 0


def test_the_budgets_follow_the_flags_of_the_autoscaler():
    given_flags = parse_arguments(
        ["--scale-down-unneeded-time=2m", "--scale-down-delay-after-add=1m", "--scan-interval=x"]
    )
    assert budgets(given_flags)[Step.SCALED_DOWN] == 120 + 60 + 60 + 120
    assert budgets(parse_arguments([]))[Step.SCALED_DOWN] == 600 + 600 + 60 + 120
    assert budgets(parse_arguments(["--max-node-provision-time=20m"]))[Step.NODE_READY] == 1200
