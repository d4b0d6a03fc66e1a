"""The tags by which groups are found and described."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pure import discovery, validation

keys = st.from_regex(r"([a-z0-9]{1,8}\.[a-z]{2,3}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,20}[A-Za-z0-9])?", fullmatch=True)
values = st.from_regex(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,20}[A-Za-z0-9])?)?", fullmatch=True)
taints = st.builds(
    lambda key, value, effect: {"key": key, "value": value, "effect": effect},
    keys,
    values,
    st.sampled_from(list(discovery.TAINT_EFFECTS)),
)

# What Cluster Autoscaler itself applies to the value of a taint tag (aws_manager.go, extractTaintsFromAsg).
CLUSTER_AUTOSCALER_TAINT = re.compile(r"(.*):(?:NoSchedule|NoExecute|PreferNoSchedule)")


def test_a_group_is_found_by_two_tags():
    assert discovery.discovery_tags("series-api") == {
        "k8s.io/cluster-autoscaler/enabled": "true",
        "k8s.io/cluster-autoscaler/series-api": "owned",
    }


def test_the_discovery_flag_names_both_keys_without_a_space():
    assert discovery.discovery_flag("series-api") == (
        "--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/series-api"
    )


def test_node_template_tags_are_exactly_these():
    tags = discovery.node_template_tags(
        labels={"workload": "batch"},
        taints=[{"key": "dedicated", "value": "gpu", "effect": "NoExecute"}, {"key": "empty", "effect": "NoSchedule"}],
        resources={"ephemeral-storage": "50Gi", "nvidia.com/gpu": "1"},
        autoscaling_options={"scaledownunneededtime": "5m"},
    )
    assert tags == {
        "k8s.io/cluster-autoscaler/node-template/label/workload": "batch",
        "k8s.io/cluster-autoscaler/node-template/taint/dedicated": "gpu:NoExecute",
        "k8s.io/cluster-autoscaler/node-template/taint/empty": ":NoSchedule",
        "k8s.io/cluster-autoscaler/node-template/resources/ephemeral-storage": "50Gi",
        "k8s.io/cluster-autoscaler/node-template/resources/nvidia.com/gpu": "1",
        "k8s.io/cluster-autoscaler/node-template/autoscaling-options/scaledownunneededtime": "5m",
    }


@given(taints)
def test_a_taint_survives_the_way_to_a_tag_and_back(taint):
    ((key, value),) = discovery.node_template_tags(taints=[taint]).items()
    assert discovery.parse_taint(key, value) == taint


@given(taints)
def test_the_autoscaler_itself_can_read_every_taint_tag(taint):
    assert CLUSTER_AUTOSCALER_TAINT.fullmatch(discovery.taint_value(taint))


@given(taints)
def test_a_taint_of_any_legal_spelling_has_no_fault(taint):
    assert validation.taints("taints", [taint]) == []


@given(st.text(max_size=40), st.text(max_size=40))
def test_reading_a_taint_tag_never_fails(key, value):
    found = discovery.parse_taint(key, value)
    assert found is None or found["effect"] in discovery.TAINT_EFFECTS


@given(st.dictionaries(keys, values, max_size=5))
def test_labels_survive_the_way_to_tags_and_back(labels):
    tags = discovery.node_template_tags(labels=labels)
    assert {key.removeprefix(discovery.label_key("")): value for key, value in tags.items()} == labels


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("scaledownutilizationthreshold", "0.5"),
        ("scaledowngpuutilizationthreshold", "1"),
        ("scaledownunneededtime", "1h30m"),
        ("scaledownunreadytime", "90s"),
        ("ignoredaemonsetsutilization", "true"),
    ],
)
def test_the_five_options_that_aws_honours_pass(option, value):
    assert discovery.autoscaling_option_faults({option: value}) == []


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("maxnodeprovisiontime", "5m"),
        ("scaledownutilizationthreshold", "1.5"),
        ("scaledownunneededtime", "soon"),
        ("ignoredaemonsetsutilization", "yes"),
    ],
)
def test_an_option_that_would_only_be_warned_about_is_refused(option, value):
    (fault,) = discovery.autoscaling_option_faults({option: value})
    assert fault.path == option
