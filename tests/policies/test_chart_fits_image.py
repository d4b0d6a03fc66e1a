import pytest

from policies.rules.chart_fits_image import RULE
from tests.policies.compliant import DEPLOYMENT, RELEASE
from tests.policies.judging import UNKNOWN, Declared, judge
from tests.versions import NEWER_CHART, NEWER_MINOR, NEWEST_CHART

TAG = "values/image/tag"


def release(chart: str, tag: str) -> Declared:
    return RELEASE.but("version", chart).but(TAG, tag)


@pytest.mark.parametrize(
    ("chart", "tag", "granted", "floor"),
    [
        ("9.46.2", "v1.33.0", "volumeattachments.storage.k8s.io", "9.46.3"),
        (
            "9.53.0",
            "v1.35.0",
            "deviceclasses.resource.k8s.io, resourceclaims.resource.k8s.io, resourceslices.resource.k8s.io",
            "9.54.0",
        ),
    ],
)
def test_a_chart_older_than_the_image_needs_is_refused(chart: str, tag: str, granted: str, floor: str) -> None:
    minor = tag[1:5]
    assert judge(RULE, release(chart, tag)).messages == [
        f"Chart {chart} does not let Cluster Autoscaler {minor} list {granted}; expected chart {floor} or newer."
    ]


def test_a_chart_that_lacks_permissions_of_two_groups_is_refused_once_with_both_and_the_higher_floor() -> None:
    (message,) = judge(RULE, release("9.29.0", "v1.35.0")).messages
    assert "volumeattachments.storage.k8s.io, deviceclasses.resource.k8s.io" in message
    assert "expected chart 9.54.0 or newer" in message


def test_a_chart_and_an_image_newer_than_the_table_pass() -> None:
    assert judge(RULE, release(NEWER_CHART, f"v{NEWER_MINOR}.0")).passes
    assert not judge(RULE, release("9.53.0", f"v{NEWER_MINOR}.0")).passes


@pytest.mark.parametrize(
    ("chart", "tag"),
    [("9.46.3", "v1.33.0"), ("9.54.0", "v1.35.0"), (NEWEST_CHART, "v1.30.0"), ("9.37.0", "v1.32.0")],
)
def test_a_chart_that_grants_enough_passes(chart: str, tag: str) -> None:
    assert judge(RULE, release(chart, tag)).passes


def test_a_chart_always_fits_its_own_image() -> None:
    for chart in ("9.37.0", "9.47.0", "9.54.0", "9.55.1"):
        assert judge(RULE, RELEASE.without(TAG).but("version", chart)).passes


def test_a_rendered_deployment_names_its_chart_in_a_label() -> None:
    label = "cluster-autoscaler-9.53.0"
    labels = {"helm.sh/chart": label}
    assert len(judge(RULE, DEPLOYMENT.but("metadata/labels", labels)).messages) == 1
    assert judge(RULE, DEPLOYMENT.without("metadata/labels")).passes


def test_a_version_that_is_not_known_yet_is_undecided() -> None:
    assert judge(RULE, release(NEWEST_CHART, UNKNOWN)).undecided
