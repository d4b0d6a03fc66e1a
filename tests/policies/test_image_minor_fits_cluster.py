import pytest

from policies.rules.image_minor_fits_cluster import RULE
from policies.rules.model import charts
from tests.policies.compliant import CLUSTER, DEPLOYMENT, RELEASE
from tests.policies.judging import UNKNOWN, judge
from tests.versions import NEWER_CHART, NEWER_MINOR, NEWEST_MINOR, newest_image

TAG = "values/image/tag"
IMAGE = "spec/template/spec/containers/0/image"


@pytest.mark.parametrize("minor", ["1.34", "1.36"])
def test_an_older_and_a_newer_image_are_refused(minor: str) -> None:
    assert judge(RULE, CLUSTER, RELEASE.but(TAG, f"v{minor}.1")).messages == [
        f"The image is of Cluster Autoscaler {minor}, and cluster prod runs Kubernetes 1.35; expected 1.35."
    ]
    image = f"registry.k8s.io/autoscaling/cluster-autoscaler:v{minor}.1"
    assert len(judge(RULE, CLUSTER, DEPLOYMENT.but(IMAGE, image)).messages) == 1


def test_any_patch_of_the_minor_passes() -> None:
    assert judge(RULE, CLUSTER, RELEASE.but(TAG, "v1.35.0")).passes


@pytest.mark.parametrize(
    ("chart", "kubernetes"),
    [("9.58.0", "1.35"), ("9.54.0", "1.34"), ("9.53.0", "1.34"), ("9.46.6", "1.32"), ("9.29.0", "1.27")],
)
def test_a_release_that_states_no_image_is_judged_by_its_charts_default(chart: str, kubernetes: str) -> None:
    release = RELEASE.without(TAG).but("version", chart)
    assert judge(RULE, CLUSTER.but("version", kubernetes), release).passes
    assert len(judge(RULE, CLUSTER.but("version", "1.31"), release).messages) == 1


def test_the_default_of_a_chart_newer_than_the_table_must_be_stated() -> None:
    assert judge(RULE, CLUSTER, RELEASE.without(TAG).but("version", NEWER_CHART)).messages == [
        f"No image tag is stated, and this pack does not know the default of chart {NEWER_CHART} (its table is of "
        f"{charts.READ_ON}); cluster prod runs Kubernetes 1.35."
    ]


def test_on_a_cluster_newer_than_the_table_the_newest_known_image_and_newer_ones_pass() -> None:
    newer = CLUSTER.but("version", NEWER_MINOR)
    assert judge(RULE, newer, RELEASE.but(TAG, newest_image(NEWEST_MINOR))).passes
    assert judge(RULE, newer, RELEASE.but(TAG, f"v{NEWER_MINOR}.0")).passes
    assert judge(RULE, newer, RELEASE.but(TAG, "v1.35.0")).messages == [
        f"The image is of Cluster Autoscaler 1.35, and cluster prod runs Kubernetes {NEWER_MINOR}; expected "
        f"{NEWEST_MINOR} or newer, up to {NEWER_MINOR}."
    ]


def test_an_image_newer_than_the_cluster_is_refused_even_if_the_table_does_not_know_it() -> None:
    assert len(judge(RULE, CLUSTER, RELEASE.but(TAG, f"v{NEWER_MINOR}.0")).messages) == 1


def test_only_the_cluster_that_is_discovered_counts() -> None:
    assert judge(RULE, CLUSTER.but("name", "staging").but("version", "1.31"), RELEASE).passes


def test_the_version_of_a_cluster_elsewhere_can_be_set() -> None:
    assert judge(RULE, RELEASE).passes
    assert judge(RULE, RELEASE, settings={"kubernetesVersion": "1.34"}).messages == [
        "The image is of Cluster Autoscaler 1.35, and the cluster runs Kubernetes 1.34; expected 1.34."
    ]


def test_a_digest_hides_the_version() -> None:
    assert judge(RULE, CLUSTER, RELEASE.but("values/image", {"repository": "x@sha256", "tag": "abc"})).passes


def test_versions_that_are_not_known_yet_are_undecided() -> None:
    assert judge(RULE, CLUSTER.but("version", UNKNOWN), RELEASE).undecided
    assert judge(RULE, CLUSTER, RELEASE.but(TAG, UNKNOWN)).undecided
