"""Rules about the stack in the preview of a new cluster, where the engine has no outputs of what will run on it."""

from dataclasses import replace

from policies.rules import chart_version_pinned, hop_limit_fits_credentials, image_minor_fits_cluster
from tests.policies.compliant import CLUSTER, LAUNCH_TEMPLATE, NODE_GROUP, RELEASE
from tests.policies.judging import Declared, judge


def without_outputs(resource: Declared) -> Declared:
    return replace(resource, props={})


def test_a_resource_of_which_nothing_is_known_is_undecided() -> None:
    assert judge(image_minor_fits_cluster.RULE, CLUSTER, without_outputs(RELEASE)).undecided


def test_its_inputs_are_remembered_from_any_rule_about_one_resource() -> None:
    old = RELEASE.but("values/image/tag", "v1.33.0")
    judge(chart_version_pinned.RULE, old)
    assert len(judge(image_minor_fits_cluster.RULE, CLUSTER, without_outputs(old)).messages) == 1


def test_without_outputs_the_release_still_shows_how_it_gets_credentials() -> None:
    two_hops = LAUNCH_TEMPLATE.but("metadataOptions/httpPutResponseHopLimit", 2.0)
    judge(chart_version_pinned.RULE, RELEASE)
    assert len(judge(hop_limit_fits_credentials.RULE, two_hops, NODE_GROUP, without_outputs(RELEASE)).messages) == 1


def test_outputs_go_before_inputs() -> None:
    judge(chart_version_pinned.RULE, RELEASE.but("values/image/tag", "v1.33.0"))
    assert judge(image_minor_fits_cluster.RULE, CLUSTER, RELEASE).passes
