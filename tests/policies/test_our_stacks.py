"""The program of this project passes its own policy pack, in every environment and credential mode."""

from dataclasses import replace

import pytest

from policies.rules import RULES, desired_size_is_ignored
from policies.rules.model.stack import AUTO_SCALING_GROUP, LAUNCH_TEMPLATE
from policies.rules.model.tags import ENABLED
from tests.policies.judging import judge
from tests.policies.recorded import declared
from tests.program.test_partitions import PARTITIONS, Elsewhere
from tests.program.test_program import STACKS, run_program

CREATED = {
    "name": "mixed",
    "create": {
        "minSize": 0,
        "maxSize": 9,
        "desiredSize": 2,
        "instanceTypes": ["m6i.large", "m5.large"],
        "instancesDistribution": {"onDemandBaseCapacity": 1},
    },
}
"""A self-managed group that the program creates."""

by_stack = pytest.mark.parametrize("stack", STACKS)


@by_stack
@pytest.mark.parametrize("credentials", ["irsa", "podIdentity", "nodeRole"])
def test_an_update_of_a_stack_breaks_no_rule_and_leaves_none_undecided(stack: str, credentials: str) -> None:
    resources = declared(run_program(stack, credentials=credentials))
    assert [rule.name for rule in RULES if not judge(rule, *resources).passes] == []


@by_stack
def test_the_first_preview_of_a_stack_breaks_no_rule(stack: str) -> None:
    resources = declared(run_program(stack, preview=True))
    assert [rule.name for rule in RULES if judge(rule, *resources).violations] == []


@pytest.mark.parametrize(("region", "partition"), PARTITIONS)
@pytest.mark.parametrize("credentials", ["irsa", "podIdentity", "nodeRole"])
def test_a_stack_in_another_partition_breaks_no_rule(region: str, partition: str, credentials: str) -> None:
    cloud = Elsewhere(region, partition)
    resources = declared(run_program("dev", cloud=cloud, region=region, credentials=credentials))
    assert [rule.name for rule in RULES if not judge(rule, *resources).passes] == []


@pytest.mark.parametrize(
    ("stack", "credentials"), [("dev", "irsa"), ("dev", "podIdentity"), ("dev", "nodeRole"), ("sandbox", "irsa")]
)
def test_a_self_managed_group_that_is_created_breaks_no_rule(stack: str, credentials: str) -> None:
    changes = {"credentials": credentials, "autoScalingGroups": [CREATED]}
    resources = declared(run_program(stack, **changes))
    assert [rule.name for rule in RULES if not judge(rule, *resources).passes] == []
    planned = declared(run_program(stack, preview=True, **changes))
    assert [rule.name for rule in RULES if judge(rule, *planned).violations] == []


@pytest.mark.parametrize(
    ("rule", "type_", "path", "value"),
    [
        ("encrypted-volumes", LAUNCH_TEMPLATE, "blockDeviceMappings/0/ebs/encrypted", "false"),
        ("imdsv2-required", LAUNCH_TEMPLATE, "metadataOptions/httpTokens", "optional"),
        ("hop-limit-fits-credentials", LAUNCH_TEMPLATE, "metadataOptions/httpPutResponseHopLimit", 2.0),
        ("discovery-tags", AUTO_SCALING_GROUP, "tags", [{"key": ENABLED, "value": "true"}]),
        ("max-size", AUTO_SCALING_GROUP, "maxSize", 1000.0),
    ],
)
def test_a_self_managed_group_that_is_created_is_judged(rule: str, type_: str, path: str, value: object) -> None:
    resources = declared(run_program("dev", autoScalingGroups=[CREATED]))
    broken = [
        each.but(path, value) if each.type == type_ and each.name.endswith("::mixed") else each for each in resources
    ]
    (judged,) = [each for each in RULES if each.name == rule]
    assert judge(judged, *resources).passes
    assert judge(judged, *broken).violations


def test_a_self_managed_group_that_is_created_must_ignore_its_number_of_nodes() -> None:
    resources = declared(run_program("dev", autoScalingGroups=[CREATED]))
    broken = [replace(each, ignore_changes=()) if each.type == AUTO_SCALING_GROUP else each for each in resources]
    assert judge(desired_size_is_ignored.RULE, *broken).messages == [
        "ignoreChanges is []; expected desiredCapacity in it."
    ]
