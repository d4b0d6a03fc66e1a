import json
from dataclasses import replace

import pytest

from policies.rules.organisation_tags import RULE
from tests.policies.compliant import CLUSTER, IRSA_ROLE, NODE_GROUP, RELEASE, SELF_MANAGED_GROUP, TAINT_TAG
from tests.policies.judging import UNKNOWN, Declared, Props, judge

SETTINGS = {"required": ["team", "cost-centre"]}
TAGS = {"team": "platform", "cost-centre": "42"}


def test_no_tag_is_required_by_default() -> None:
    assert judge(RULE, CLUSTER, NODE_GROUP, SELF_MANAGED_GROUP).passes


@pytest.mark.parametrize("resource", [CLUSTER, IRSA_ROLE, NODE_GROUP, SELF_MANAGED_GROUP], ids=lambda one: one.name)
def test_each_missing_tag_is_named(resource: Declared) -> None:
    assert judge(RULE, resource, settings=SETTINGS).messages == [
        "The tag team is missing.",
        "The tag cost-centre is missing.",
    ]


def test_tags_of_the_resource_pass() -> None:
    assert judge(RULE, CLUSTER.but("tags", TAGS), settings=SETTINGS).passes
    listed = [{"key": key, "value": value} for key, value in TAGS.items()]
    assert judge(RULE, SELF_MANAGED_GROUP.but("tags", listed), settings=SETTINGS).passes


@pytest.mark.parametrize("provider", [{"defaultTags": {"tags": TAGS}}, {"defaultTags": json.dumps({"tags": TAGS})}])
def test_default_tags_of_the_provider_pass(provider: Props) -> None:
    assert judge(RULE, replace(CLUSTER, provider=provider), settings=SETTINGS).passes


def test_an_auto_scaling_group_takes_no_default_tags() -> None:
    group = replace(SELF_MANAGED_GROUP, provider={"defaultTags": {"tags": TAGS}})
    assert len(judge(RULE, group, settings=SETTINGS).messages) == 2


def test_what_cannot_be_tagged_is_not_judged() -> None:
    assert judge(RULE, TAINT_TAG, RELEASE, settings=SETTINGS).passes


def test_a_value_that_is_not_known_yet_passes_and_unknown_tags_are_undecided() -> None:
    assert judge(RULE, CLUSTER.but("tags", {"team": UNKNOWN, "cost-centre": "1"}), settings=SETTINGS).passes
    assert judge(RULE, CLUSTER.but("tags", UNKNOWN), settings=SETTINGS).undecided
