import pytest

from policies.rules.image_pinned import RULE
from tests.policies.compliant import DEPLOYMENT, RELEASE
from tests.policies.judging import UNKNOWN, judge
from tests.versions import NEWEST_MINOR, newest_image

TAG = "values/image/tag"
IMAGE = "spec/template/spec/containers/0/image"
EXAMPLE = newest_image(NEWEST_MINOR)
REPOSITORY = "registry.example:5000/mirror/cluster-autoscaler"


@pytest.mark.parametrize("tag", ["latest", "master", "v1.35", "1"])
def test_a_moving_tag_is_refused(tag: str) -> None:
    expected = [f"The image tag is {tag}; expected an exact release such as {EXAMPLE}, or a digest."]
    assert judge(RULE, RELEASE.but(TAG, tag)).messages == expected
    assert judge(RULE, DEPLOYMENT.but(IMAGE, f"{REPOSITORY}:{tag}")).messages == expected


def test_a_deployment_without_a_tag_is_refused() -> None:
    assert judge(RULE, DEPLOYMENT.but(IMAGE, REPOSITORY)).messages == [
        f"The image has no tag, which means latest; expected an exact release such as {EXAMPLE}."
    ]


@pytest.mark.parametrize("image", [f"{REPOSITORY}:v1.35.0", f"{REPOSITORY}@sha256:abc", f"{REPOSITORY}:x@sha256:abc"])
def test_a_release_or_a_digest_passes(image: str) -> None:
    assert judge(RULE, DEPLOYMENT.but(IMAGE, image)).passes


def test_a_digest_in_chart_values_passes() -> None:
    assert judge(RULE, RELEASE.but("values/image", {"repository": f"{REPOSITORY}@sha256", "tag": "abc"})).passes


def test_a_release_that_states_no_image_runs_the_one_of_its_pinned_chart() -> None:
    assert judge(RULE, RELEASE.without(TAG)).passes


def test_a_values_file_that_the_provider_has_not_read_may_hold_the_tag() -> None:
    with_file = RELEASE.but("valueYamlFiles", [{"path": "values.yaml"}])
    assert judge(RULE, with_file).passes
    assert judge(RULE, with_file.without(TAG)).undecided


def test_a_tag_that_is_not_known_yet_is_undecided() -> None:
    assert judge(RULE, RELEASE.but(TAG, UNKNOWN)).undecided
    assert judge(RULE, DEPLOYMENT.but(IMAGE, UNKNOWN)).undecided, "the command shows that it is the autoscaler"
