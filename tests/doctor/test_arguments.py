"""The command line is read as the binary reads it, and no command line crashes the reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pure import discovery, flags
from doctor.arguments import (
    PROCESS_FLAGS,
    StaticGroup,
    discovery_fault,
    image_tag,
    parse_arguments,
    parse_discovery,
    parse_static_groups,
)

from .examples import few


def test_the_four_ways_to_write_a_flag_are_one():
    given_ = parse_arguments(
        ["./cluster-autoscaler", "--expander=priority", "--max-nodes-total", "7", "--scale-down-enabled", "--v=4"]
    )
    assert given_.values == {
        "expander": ("priority",),
        "max-nodes-total": ("7",),
        "scale-down-enabled": ("true",),
        "v": ("4",),
    }
    assert given_.stray == ()


def test_a_switch_does_not_swallow_the_word_behind_it():
    given_ = parse_arguments(["--leader-elect", "stray", "--nodes=1:2:a", "--nodes=1:2:b"])
    assert given_.is_true("leader-elect")
    assert given_.stray == ("stray",)
    assert given_.values["nodes"] == ("1:2:a", "1:2:b")


def test_underscores_are_dashes_and_the_last_value_counts():
    given_ = parse_arguments(["--scan_interval=10s", "--scan-interval=20s"])
    assert given_.get("scan-interval") == "20s"
    assert given_.get("expander", "random") == "random"


@few
@given(st.lists(st.text()))
def test_no_command_line_crashes_the_reader(words):
    given_ = parse_arguments(words)
    for flag in given_.values:
        assert flag == flag.replace("_", "-")
    parse_discovery(words)
    parse_static_groups(words)


@few
@given(st.dictionaries(st.sampled_from(sorted(flags.table())), st.text(min_size=1)))
def test_flags_come_back_as_they_were_given(given_flags):
    words = [f"--{flag}={value}" for flag, value in given_flags.items()]
    assert parse_arguments(words).values == {flag: (value,) for flag, value in given_flags.items()}


def test_no_flag_of_the_libraries_is_in_the_table_of_the_binary_under_another_type():
    assert not PROCESS_FLAGS.keys() & flags.table().keys()


def test_the_chart_s_flag_finds_a_group_with_both_tags():
    asked = parse_discovery([discovery.discovery_flag("demo").partition("=")[2]])
    assert asked.finds(discovery.discovery_tags("demo"))
    assert asked.missing_from({discovery.ENABLED_KEY: "true"}) == {discovery.cluster_key("demo"): None}
    assert discovery_fault(asked, "demo") == ""


def test_several_flags_are_one_and_a_value_must_match():
    asked = parse_discovery(["asg:tag=a=1", "asg:tag=b"])
    assert asked.finds({"a": "1", "b": ""})
    assert not asked.finds({"a": "2", "b": ""})
    assert not asked.finds({"a": "1"})


def test_an_empty_discovery_finds_nothing():
    assert not parse_discovery([]).finds({"a": "1"})


@pytest.mark.parametrize(
    ("specification", "words"),
    [
        ("asg:tag=a, b", "' b'"),
        ("asg:tag=a ,b", "'a '"),
        ("tag=a", "not of the form"),
        ("asg:tag=", "not of the form"),
        ("asg:tag=a,,b", "not of the form"),
        ("asg:tag=eks:cluster-autoscaler/enabled", "neither EKS nor this project sets"),
        ("asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/other", "names the cluster other"),
    ],
)
def test_what_finds_nothing_is_reported(specification, words):
    assert words in discovery_fault(parse_discovery([specification]), "demo")


@few
@given(
    st.dictionaries(
        st.text(st.characters(exclude_characters=",=", categories=["L", "N"]), min_size=1),
        st.none() | st.text(st.characters(categories=["L"]), min_size=1),
        min_size=1,
    )
)
def test_a_discovery_finds_the_tags_that_it_asks_for(wanted):
    text = ",".join(key if value is None else f"{key}={value}" for key, value in wanted.items())
    asked = parse_discovery([f"asg:tag={text}"])
    assert asked.tags == wanted
    assert asked.finds({key: value or "any" for key, value in wanted.items()})


def test_static_groups_are_read_and_malformed_ones_named():
    found, malformed = parse_static_groups(["0:3:eks-a", "1:a:b", "1:2", "-1:2:x", "1:2:with:colon"])
    assert found == (StaticGroup("eks-a", 0, 3), StaticGroup("with:colon", 1, 2))
    assert malformed == ("1:a:b", "1:2", "-1:2:x")


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("registry.k8s.io/autoscaling/cluster-autoscaler:v1.33.0", "v1.33.0"),
        ("localhost:5000/cluster-autoscaler:v1.33.0@sha256:00", "v1.33.0"),
        ("localhost:5000/cluster-autoscaler", ""),
        ("cluster-autoscaler@sha256:00", ""),
        ("", ""),
    ],
)
def test_the_tag_of_an_image_is_what_follows_its_name(image, tag):
    assert image_tag(image) == tag
