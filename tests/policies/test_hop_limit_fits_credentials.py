from dataclasses import replace

from policies.rules.hop_limit_fits_credentials import RULE
from tests.policies.compliant import (
    ASSOCIATION,
    DEPLOYMENT,
    LAUNCH_TEMPLATE,
    NODE_GROUP,
    RELEASE,
    SELF_MANAGED_GROUP,
    SERVICE_ACCOUNT,
)
from tests.policies.judging import UNKNOWN, judge

LIMIT = "metadataOptions/httpPutResponseHopLimit"
TWO_HOPS = LAUNCH_TEMPLATE.but(LIMIT, 2.0)
BARE_RELEASE = RELEASE.without("values/rbac/serviceAccount/annotations")


def test_with_irsa_two_hops_are_refused() -> None:
    assert judge(RULE, TWO_HOPS, NODE_GROUP, RELEASE).messages == [
        "metadataOptions.httpPutResponseHopLimit is 2; expected 1 for credentials by irsa."
    ]


def test_irsa_is_seen_in_a_service_account_of_a_manifest() -> None:
    assert len(judge(RULE, TWO_HOPS, NODE_GROUP, DEPLOYMENT, SERVICE_ACCOUNT).messages) == 1


def test_with_pod_identity_two_hops_are_refused() -> None:
    assert judge(RULE, TWO_HOPS, NODE_GROUP, BARE_RELEASE, ASSOCIATION).messages == [
        "metadataOptions.httpPutResponseHopLimit is 2; expected 1 for credentials by podIdentity."
    ]


def test_with_the_nodes_role_one_hop_is_refused() -> None:
    assert judge(RULE, LAUNCH_TEMPLATE, NODE_GROUP, BARE_RELEASE).messages == [
        "metadataOptions.httpPutResponseHopLimit is 1; expected 2 for credentials by nodeRole."
    ]
    assert judge(RULE, TWO_HOPS, NODE_GROUP, BARE_RELEASE).passes


def test_an_association_for_another_account_does_not_count() -> None:
    other = ASSOCIATION.but("serviceAccount", "web")
    assert len(judge(RULE, LAUNCH_TEMPLATE, NODE_GROUP, BARE_RELEASE, other).messages) == 1


def test_a_limit_left_to_the_default_is_refused_because_the_ami_decides_it() -> None:
    (message,) = judge(RULE, LAUNCH_TEMPLATE.without(LIMIT), NODE_GROUP, RELEASE).messages
    assert message.startswith("metadataOptions.httpPutResponseHopLimit is not set; expected 1")


def test_a_template_of_a_self_managed_group_is_judged_alike() -> None:
    assert len(judge(RULE, TWO_HOPS, SELF_MANAGED_GROUP, RELEASE).messages) == 1


def test_a_template_of_other_machines_is_not_judged() -> None:
    assert judge(RULE, TWO_HOPS, RELEASE).passes
    assert judge(RULE, TWO_HOPS, replace(SELF_MANAGED_GROUP.but("tags", [])), RELEASE).passes


def test_without_an_autoscaler_in_the_stack_only_the_setting_decides() -> None:
    assert judge(RULE, TWO_HOPS, NODE_GROUP).passes
    assert len(judge(RULE, TWO_HOPS, NODE_GROUP, settings={"credentials": "irsa"}).messages) == 1
    assert judge(RULE, TWO_HOPS, NODE_GROUP, RELEASE, settings={"credentials": "nodeRole"}).passes


def test_a_role_arn_that_is_not_known_yet_is_an_annotation_all_the_same() -> None:
    release = RELEASE.but("values/rbac/serviceAccount/annotations", {"eks.amazonaws.com/role-arn": UNKNOWN})
    assert judge(RULE, LAUNCH_TEMPLATE, NODE_GROUP, release).passes


def test_a_limit_that_is_not_known_yet_is_undecided() -> None:
    assert judge(RULE, LAUNCH_TEMPLATE.but(LIMIT, UNKNOWN), NODE_GROUP, RELEASE).undecided
