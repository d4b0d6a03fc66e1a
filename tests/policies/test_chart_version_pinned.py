import pytest

from policies.rules.chart_version_pinned import RULE
from tests.policies.compliant import RELEASE
from tests.policies.judging import UNKNOWN, Declared, judge
from tests.versions import NEWEST_CHART

RELEASE_TYPE, *CHART_TYPES = (
    "kubernetes:helm.sh/v3:Release",
    "kubernetes:helm.sh/v3:Chart",
    "kubernetes:helm.sh/v4:Chart",
)


@pytest.mark.parametrize("version", ["^9.50.0", "9.x", ">=9.46.0 <10", "9.59", "latest", "*"])
def test_a_range_is_refused(version: str) -> None:
    assert judge(RULE, RELEASE.but("version", version)).messages == [
        f"version is {version}; expected one exact version such as {NEWEST_CHART}."
    ]


@pytest.mark.parametrize("release", [RELEASE.without("version"), RELEASE.but("version", "")], ids=["none", "empty"])
def test_no_version_is_refused(release: Declared) -> None:
    assert judge(RULE, release).messages == [f"version is not set; expected one exact version such as {NEWEST_CHART}."]


@pytest.mark.parametrize("version", ["9.46.3", "v9.46.3", "9.46.3-rc.1"])
def test_an_exact_version_passes(version: str) -> None:
    assert judge(RULE, RELEASE.but("version", version)).passes


def test_pre_releases_are_refused() -> None:
    assert judge(RULE, RELEASE.but("devel", True)).messages == ["devel is true, so pre-releases are taken as well."]


@pytest.mark.parametrize("chart_type", CHART_TYPES)
def test_chart_components_are_judged_alike(chart_type: str) -> None:
    chart = Declared(chart_type, RELEASE.props)
    assert judge(RULE, chart).passes
    assert len(judge(RULE, chart.without("version")).messages) == 1


@pytest.mark.parametrize("chart", ["oci://registry.example/charts/cluster-autoscaler", "autoscaler/cluster-autoscaler"])
def test_the_chart_is_known_wherever_it_comes_from(chart: str) -> None:
    assert len(judge(RULE, RELEASE.but("chart", chart).without("version")).messages) == 1


@pytest.mark.parametrize(
    "chart", ["./charts/ours", "/srv/charts/cluster-autoscaler-9.46.0.tgz", "../cluster-autoscaler"]
)
def test_a_chart_in_a_file_has_the_version_it_has(chart: str) -> None:
    assert judge(RULE, RELEASE.but("chart", chart).without("version")).passes


def test_another_chart_is_not_judged() -> None:
    assert judge(RULE, Declared(RELEASE_TYPE, {"chart": "karpenter", "values": {}})).passes


def test_a_version_that_is_not_known_yet_is_undecided() -> None:
    assert judge(RULE, RELEASE.but("version", UNKNOWN)).undecided
