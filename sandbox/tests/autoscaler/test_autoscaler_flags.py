"""The command line, release by release."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.autoscaler.flags import FlagError, duration, parse
from sandbox.autoscaler.options import Options, without_effect
from sandbox.autoscaler.releases import Release
from sandbox.tests.autoscaler.making import NEWEST, options

MINORS = range(26, 37)


@pytest.mark.parametrize("minor", MINORS)
def test_the_default_arguments_of_the_chart_suit_every_release(minor):
    discovery = "asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/demo"
    given = options(
        "--cloud-provider=aws",
        "--namespace=kube-system",
        f"--node-group-auto-discovery={discovery}",
        "--logtostderr=true",
        "--stderrthreshold=info",
        "--v=4",
        release=Release(minor, 1),
    )

    assert given.node_group_auto_discovery == [discovery]
    assert (given.cloud_provider, given.v) == ("aws", 4)


@pytest.mark.parametrize(
    ("flag", "minor", "expected"),
    [
        ("expander", 32, "random"),
        ("expander", 33, "least-waste"),
        ("cordon_node_before_terminating", 33, False),
        ("cordon_node_before_terminating", 34, True),
        ("scan_interval", 26, 10),
        ("scan_interval", 36, 10),
        ("scale_down_unneeded_time", 26, 600),
        ("scale_down_delay_after_failure", 36, 180),
        ("max_nodes_total", 36, 0),
    ],
)
def test_defaults_are_those_of_the_release(flag, minor, expected):
    assert getattr(options(release=Release(minor, 0)), flag) == expected


@pytest.mark.parametrize(
    ("argument", "last"),
    [
        ("--parallel-drain=true", 31),
        ("--max-empty-bulk-delete=5", 32),
        ("--node-autoprovisioning-enabled=false", 32),
        ("--max-autoprovisioned-node-group-count=1", 32),
        ("--gce-expander-ephemeral-storage-support=true", 32),
    ],
)
def test_a_flag_is_unknown_from_the_release_that_removed_it(argument, last):
    parse([argument], Release(last, 0))

    with pytest.raises(FlagError, match=f"^unknown flag: {argument.partition('=')[0]}$"):
        parse([argument], Release(last + 1, 0))


@pytest.mark.parametrize(
    ("argument", "first"), [("--startup-taint=a", 29), ("--async-node-groups=true", 31), ("--salvo-scale-up=true", 36)]
)
def test_a_flag_is_unknown_until_the_release_that_added_it(argument, first):
    parse([argument], Release(first, 0))

    with pytest.raises(FlagError, match="unknown flag"):
        parse([argument], Release(first - 1, 0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scan-interval=10"], 'invalid argument "10" for "--scan-interval" flag: parse error'),
        (["--max-nodes-total=many"], 'invalid argument "many" for "--max-nodes-total" flag: parse error'),
        (["--regional=maybe"], 'invalid argument "maybe" for "--regional" flag: parse error'),
        (["--scale-down-utilization-threshold=a"], 'invalid argument "a" for "--scale-down-utilization-threshold"'),
        (["--expander"], "flag needs an argument: --expander"),
        (["--nothing"], "unknown flag: --nothing"),
        (["-expander=random"], "unknown shorthand flag: 'e' in -expander=random"),
    ],
)
def test_a_wrong_command_line_is_refused_in_the_words_of_the_real_one(arguments, message):
    with pytest.raises(FlagError, match=message.replace("(", r"\(")):
        parse(arguments, NEWEST)


def test_values_come_with_an_equals_sign_or_as_the_next_word_and_repeat_where_they_may():
    line = parse(
        ["--nodes", "1:2:a", "--nodes=1:2:b", "--regional", "-v=2", "--skip_headers", "--", "--ignored"], NEWEST
    )

    assert line.values["nodes"] == ["1:2:a", "1:2:b"]
    assert line.values["regional"] is True
    assert line.values["v"] == 2
    assert line.given == {"nodes", "regional", "v", "skip-headers"}


def test_a_flag_without_effect_on_the_stand_in_is_named():
    line = parse(["--cores-total=0:8", "--v=4", "--logtostderr=true", "--expander=random"], NEWEST)

    assert without_effect(line) == ["cores-total"]


@pytest.mark.parametrize("minor", MINORS)
def test_every_obeyed_flag_exists_in_every_release_or_has_a_default_of_its_own(minor):
    Options.of(parse([], Release(minor, 0)))


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("10s", 10), ("1h30m", 5400), ("1.5h", 5400), ("250ms", 0.25), ("-2m", -120)]
)
def test_durations_are_those_of_go(text, seconds):
    assert duration(text) == seconds


@given(st.integers(0, 999), st.integers(0, 59), st.integers(0, 59))
def test_any_duration_that_go_prints_can_be_read(hours, minutes, seconds):
    assert duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


@pytest.mark.parametrize("text", ["", "10", "h", "1d", "1h 2m", "s1", "--1s", "1h-2m"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="parse error"):
        duration(text)
