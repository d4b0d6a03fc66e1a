"""Flags by name, version and type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pure import compatibility, flags


def test_the_flag_table_has_a_column_for_every_known_minor():
    assert flags.known_minors() == tuple(compatibility.NEWEST_PATCH)


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("scan-interval", "10s"),
        ("max-nodes-total", "100"),
        ("scale-down-utilization-threshold", "0.5"),
        ("skip-nodes-with-local-storage", "false"),
        ("balancing-ignore-label", "a,b"),
        ("max-node-provision-time", "15m0s"),
        ("v", "6"),
        ("vmodule", "scale_up=9"),
        ("logging-format", "json"),
        ("leader-elect", "true"),
        ("leader-elect-lease-duration", "30s"),
    ],
)
def test_a_flag_of_the_right_type_passes(flag, value):
    assert flags.flag_faults({flag: value}, (1, 36)) == []


@pytest.mark.parametrize(
    ("flag", "value", "expected"),
    [
        ("scan-interval", "10", "a Go duration"),
        ("max-nodes-total", "many", "a whole number"),
        ("scale-down-utilization-threshold", "half", "a number"),
        ("skip-nodes-with-local-storage", "no", "true or false"),
        ("enable-dynamic-resource-allocation", "false", "exits on anything else from 1.35"),
        ("scan-intervall", "10s", "did you mean scan-interval?"),
        ("--scan-interval", "10s", "did you mean scan-interval?"),
        ("v", "much", "a whole number"),
        ("leader-elect-retry-period", "2", "a Go duration"),
        ("leader-elect-resource-namespace", "x", "no such key: the flag follows from namespace"),
        ("leader-elect-resource-name", "x", "no such key: the chart's RBAC names the lease"),
        ("expander", "random", "no such key: the flag follows from expander"),
        ("nodes", "1:2:asg", "no such key: the flag follows from the tags of the node groups"),
        ("parallel-drain", "true", "left out"),
    ],
)
def test_a_flag_that_would_end_the_autoscaler_is_refused(flag, value, expected):
    (fault,) = flags.flag_faults({flag: value}, (1, 36))
    assert fault.path == flag
    assert expected in str(fault)


@pytest.mark.parametrize("value", ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"])
def test_a_boolean_passes_in_every_spelling_that_go_takes(value):
    assert flags.flag_faults({"skip-nodes-with-local-storage": value}) == []


@pytest.mark.parametrize("value", ["tRuE", "tRUE", "fALSE", "yes", "", " true", "2"])
def test_a_boolean_in_any_other_spelling_is_refused(value):
    (fault,) = flags.flag_faults({"skip-nodes-with-local-storage": value})
    assert (fault.got, fault.expected) == (repr(value), "true or false")


def test_a_removed_flag_passes_while_the_version_is_not_known():
    assert flags.flag_faults({"parallel-drain": "true"}, None) == []


@pytest.mark.parametrize("expander", ["random", "least-waste", "priority,least-waste", "least-nodes,random"])
def test_expanders_and_chains_of_them_pass(expander):
    assert flags.expander_faults(expander) == []


@pytest.mark.parametrize(
    ("expander", "expected"),
    [
        ("price", "exits"),
        ("priority, least-waste", "without spaces"),
        ("random,random", "each expander once"),
        ("random,priority", "nothing after random"),
        ("cheapest", "one of random"),
        ("", "one of random"),
    ],
)
def test_an_expander_that_would_end_the_autoscaler_is_refused(expander, expected):
    assert expected in " ".join(map(str, flags.expander_faults(expander)))


@given(st.dictionaries(st.sampled_from(sorted(flags.table())) | st.text(), st.text(), max_size=4))
def test_checking_flags_never_fails(given_flags):
    for minor in (None, (1, 29), (1, 36), (2, 0)):
        assert {fault.path for fault in flags.flag_faults(given_flags, minor)} <= set(given_flags)
