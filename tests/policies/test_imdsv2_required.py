from dataclasses import replace

import pytest

from policies.rules import chart_version_pinned
from policies.rules.imdsv2_required import RULE
from tests.policies.compliant import LAUNCH_TEMPLATE, NODE_GROUP, SELF_MANAGED_GROUP
from tests.policies.judging import UNKNOWN, Declared, judge

TOKENS = "metadataOptions/httpTokens"


def test_optional_tokens_are_refused() -> None:
    assert judge(RULE, NODE_GROUP, LAUNCH_TEMPLATE.but(TOKENS, "optional")).messages == [
        "metadataOptions.httpTokens is optional; expected required."
    ]


@pytest.mark.parametrize("left_out", [TOKENS, "metadataOptions"])
def test_options_left_to_the_default_are_refused(left_out: str) -> None:
    assert judge(RULE, NODE_GROUP, LAUNCH_TEMPLATE.without(left_out)).messages == [
        "metadataOptions.httpTokens is nothing; expected required."
    ]


def test_a_launch_configuration_is_judged_alike() -> None:
    configuration = Declared("aws:ec2/launchConfiguration:LaunchConfiguration", LAUNCH_TEMPLATE.props)
    group = replace(SELF_MANAGED_GROUP, uses={"launchConfiguration": (configuration.name,)})
    assert judge(RULE, group, configuration).passes
    assert len(judge(RULE, group, configuration.without("metadataOptions")).messages) == 1


def test_a_node_group_without_a_launch_template_has_what_eks_gives_it() -> None:
    assert judge(RULE, NODE_GROUP.without("launchTemplate")).passes


def test_a_template_that_launches_no_nodes_is_not_judged() -> None:
    template = LAUNCH_TEMPLATE.but(TOKENS, "optional")
    assert judge(RULE, template).passes
    assert judge(RULE, template, SELF_MANAGED_GROUP.but("tags", [])).passes


def test_options_left_to_the_default_are_seen_in_a_preview_that_does_not_know_what_becomes_of_them() -> None:
    asked = LAUNCH_TEMPLATE.without("metadataOptions")
    judge(chart_version_pinned.RULE, asked)
    assert len(judge(RULE, NODE_GROUP, asked.but("metadataOptions", UNKNOWN)).messages) == 1


def test_without_a_metadata_service_there_is_nothing_to_guard() -> None:
    assert judge(
        RULE, NODE_GROUP, LAUNCH_TEMPLATE.without(TOKENS).but("metadataOptions/httpEndpoint", "disabled")
    ).passes


def test_options_that_are_not_known_yet_are_undecided() -> None:
    assert judge(RULE, NODE_GROUP, LAUNCH_TEMPLATE.but("metadataOptions", UNKNOWN)).undecided
