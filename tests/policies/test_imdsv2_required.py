import pytest

from policies.rules.imdsv2_required import RULE
from tests.policies.compliant import LAUNCH_TEMPLATE, NODE_GROUP
from tests.policies.judging import UNKNOWN, Declared, judge

TOKENS = "metadataOptions/httpTokens"


def test_optional_tokens_are_refused() -> None:
    assert judge(RULE, LAUNCH_TEMPLATE.but(TOKENS, "optional")).messages == [
        "metadataOptions.httpTokens is optional; expected required."
    ]


@pytest.mark.parametrize("left_out", [TOKENS, "metadataOptions"])
def test_options_left_to_the_default_are_refused(left_out: str) -> None:
    assert judge(RULE, LAUNCH_TEMPLATE.without(left_out)).messages == [
        "metadataOptions.httpTokens is nothing; expected required."
    ]


def test_a_launch_configuration_is_judged_alike() -> None:
    configuration = Declared("aws:ec2/launchConfiguration:LaunchConfiguration", LAUNCH_TEMPLATE.props)
    assert judge(RULE, configuration).passes
    assert len(judge(RULE, configuration.without("metadataOptions")).messages) == 1


def test_a_node_group_without_a_launch_template_is_refused() -> None:
    assert judge(RULE, NODE_GROUP.without("launchTemplate")).messages == [
        "The node group has no launch template, so EKS chooses the metadata options, with hop limit 2."
    ]


def test_without_a_metadata_service_there_is_nothing_to_guard() -> None:
    assert judge(RULE, LAUNCH_TEMPLATE.without(TOKENS).but("metadataOptions/httpEndpoint", "disabled")).passes


def test_options_that_are_not_known_yet_are_undecided_and_a_template_is_not() -> None:
    assert judge(RULE, LAUNCH_TEMPLATE.but("metadataOptions", UNKNOWN)).undecided
    assert judge(RULE, NODE_GROUP.but("launchTemplate", UNKNOWN)).passes
