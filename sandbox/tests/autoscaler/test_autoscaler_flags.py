"""The command line, and the release that an image names."""

import re

import pytest

from sandbox.autoscaler.flags import FlagError, parse
from sandbox.autoscaler.release import UnknownReleaseError, informed, of_image
from sandbox.tests.autoscaler.making import NEWEST, NEWEST_IMAGE, options


def test_flags_are_read_in_the_type_of_their_default():
    read = options("--scan-interval=1m30s", "--v=4", "--leader-elect=false", "--startup-taint=a", "--startup-taint=b")

    assert (read.scan_interval, read.v, read.leader_elect, read.startup_taint) == (90.0, 4, False, ("a", "b"))
    assert options().scale_down_unneeded_time == 600.0


@pytest.mark.parametrize(
    ("flag", "minor", "message"),
    [
        ("--no-such-flag=1", NEWEST, "unknown flag: --no-such-flag"),
        ("--max-empty-bulk-delete=10", 33, "unknown flag: --max-empty-bulk-delete"),
        ("--capacity-quotas-enabled=true", 35, "unknown flag: --capacity-quotas-enabled"),
        ("-x", NEWEST, "unknown shorthand flag: 'x' in -x"),
        ("--scan-interval", NEWEST, "flag needs an argument: --scan-interval"),
        ("--scan-interval=soon", NEWEST, 'invalid argument "soon" for "--scan-interval" flag: parse error'),
        ("--v=x", NEWEST, 'invalid argument "x" for "--v" flag: parse error'),
        ("--leader-elect=perhaps", NEWEST, 'invalid argument "perhaps" for "--leader-elect" flag: parse error'),
    ],
)
def test_what_ends_the_real_program_ends_the_stand_in(flag, minor, message):
    with pytest.raises(FlagError) as error:
        parse([flag], minor)
    assert str(error.value) == message


def test_a_flag_is_accepted_by_the_releases_that_have_it():
    parse(["--max-empty-bulk-delete=10"], 32)
    parse(["--capacity-quotas-enabled"], 36)


def test_flags_without_effect_are_named():
    given = ["--expander=priority", "--balance-similar-node-groups", "--logtostderr=true", "--v=4"]
    assert parse(given, NEWEST)[1] == ["balance-similar-node-groups", "expander"]


@pytest.mark.parametrize("tag", [NEWEST_IMAGE, "v1.30.0"])
def test_an_image_names_its_release(tag):
    assert of_image(f"mirror.example.com:5000/ca:{tag}@sha256:0") == tag[1:]


@pytest.mark.parametrize("image", ["ca", "ca:latest", "ca:v1.36.99", "ca:v1.99.0", "ca:v1.28.0", "ca:1.36.0"])
def test_an_image_that_names_none_is_refused(image):
    with pytest.raises(UnknownReleaseError, match=f"up to .*{re.escape(NEWEST_IMAGE)}"):
        of_image(image)


def test_newer_releases_list_more():
    assert "/apis/storage.k8s.io/v1/storageclasses" in informed(30)
    assert informed(32).keys() - informed(31).keys() == {"/apis/storage.k8s.io/v1/volumeattachments"}
    assert informed(36)["/apis/resource.k8s.io/v1/deviceclasses"] == "*v1.DeviceClass"
