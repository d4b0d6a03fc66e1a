"""How many nodes a group is given when its limits change or when it is replaced."""

import pytest

from components.pure import sizes
from components.pure.sizes import LiveGroup, Sizes

REQUESTED = {"instanceTypes": ["m6i.large"], "subnetIds": ["subnet-a", "subnet-b"], "nodeRoleArn": "arn"}


def live(minimum, maximum, desired, **changes):
    properties = {**REQUESTED, "subnetIds": ["subnet-b", "subnet-a"], **changes}
    return LiveGroup("general-0a1b2c3", Sizes(minimum, maximum, desired), "lt-1", properties)


@pytest.mark.parametrize(
    ("now", "minimum", "maximum", "sent"),
    [
        ((2, 4, 4), 2, 4, None),
        ((2, 4, 4), 2, 6, 4),
        ((2, 4, 2), 3, 4, 3),
        ((2, 4, 4), 2, 3, 3),
        ((0, 4, 0), 0, 9, 0),
        ((2, 9, 7), 2, 4, 4),
    ],
    ids=["nothing changes", "higher maximum", "minimum above the size", "maximum below the size", "empty", "drift"],
)
def test_a_size_is_sent_only_with_new_limits_and_is_the_live_one_within_them(now, minimum, maximum, sent):
    assert sizes.desired_size(live(*now), minimum, maximum, REQUESTED) == sent


@pytest.mark.parametrize(
    "change", [{"instanceTypes": ["m5.large"]}, {"subnetIds": ["subnet-a"]}, {"nodeRoleArn": "another"}]
)
def test_a_replaced_group_gets_the_size_of_the_old_one(change):
    assert sizes.desired_size(live(2, 4, 3), 2, 4, {**REQUESTED, **change}) == 3


def test_a_property_that_is_not_known_yet_counts_as_a_replacement():
    assert sizes.is_replaced(live(2, 4, 3), {**REQUESTED, "nodeRoleArn": object()})


def test_of_an_old_and_a_new_group_the_one_that_fits_the_program_is_the_current_one():
    old, new = live(2, 4, 4, instanceTypes=["m5.large"]), live(2, 4, 2)
    assert sizes.current([old, new], REQUESTED) is new
    assert sizes.current([old], REQUESTED) is old
    assert sizes.current([], REQUESTED) is None


def test_a_name_made_by_pulumi_is_recognised():
    assert sizes.may_be_of("general", "general-0a1b2c3")
    assert not sizes.may_be_of("general", "batch-0a1b2c3")
