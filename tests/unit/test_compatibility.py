"""Which chart and which Cluster Autoscaler fit: the pairs that hang, crash or never scale are refused."""

import datetime
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pure import compatibility, versions
from components.pure.compatibility import Request, solve
from tests.versions import COVERED, NEWER_CHART, NEWER_MINOR, NEWEST_CHART, NEWEST_MINOR, newer_image, newest_image

MINORS = COVERED


def refusals(**request):
    solution, faults = solve(Request(**request))
    assert (solution is None) == bool(faults)
    return {fault.path: f"{fault.got}; {fault.expected}" for fault in faults}


def test_the_tables_cover_every_kubernetes_since_129_and_every_chart_since_929_without_a_gap():
    assert [f"1.{minor}" for minor in range(29, 29 + len(MINORS))] == MINORS
    assert list(compatibility.KUBERNETES)[: len(MINORS)] == [versions.parse_minor(minor) for minor in MINORS]
    assert min(compatibility.charts()) == (9, 29, 0)
    assert list(compatibility.charts()) == sorted(compatibility.charts())
    assert (9, 59, 0) in compatibility.charts()
    assert compatibility.NEWEST_PATCH[1, 36] >= (1, 36, 1)


@pytest.mark.parametrize("credentials", ["irsa", "podIdentity", "nodeRole"])
@pytest.mark.parametrize("kubernetes", MINORS)
def test_by_default_every_covered_cluster_gets_its_own_minor_and_no_warning(kubernetes, credentials):
    solution, faults = solve(Request(kubernetes, "us-east-1", credentials))
    assert faults == []
    assert solution.warnings == ()
    assert versions.parse_minor(solution.image_tag) == versions.parse_minor(kubernetes)
    assert solution.chart_version == versions.dotted(compatibility.newest_chart().version)


def test_kubernetes_as_eks_reports_it_is_understood():
    solution, _ = solve(Request("1.33.5-eks-abc123"))
    assert solution.image_tag == newest_image("1.33")


@pytest.mark.parametrize("version", ["1.28", "1.26.1", "0.9"])
def test_a_cluster_older_than_the_tables_is_refused(version):
    assert "1.29 or later" in refusals(kubernetes_version=version)["kubernetesVersion"]


@pytest.mark.parametrize("kubernetes", ["1.37", NEWER_MINOR, "2.0"])
def test_a_cluster_newer_than_every_known_autoscaler_gets_the_newest_known_with_a_warning(kubernetes, monkeypatch):
    monkeypatch.setattr(compatibility, "NEWEST_PATCH", {(1, 35): (1, 35, 0), (1, 36): (1, 36, 0)})
    solution, faults = solve(Request(kubernetes))
    assert faults == []
    assert (solution.image_tag, solution.chart_version) == ("v1.36.0", NEWEST_CHART)
    (warning,) = solution.warnings
    assert f"Kubernetes {kubernetes} is newer than Cluster Autoscaler 1.36.0" in warning
    assert f"version table of {compatibility.READ_ON}" in warning
    assert f"set image.tag once a release of {kubernetes} is published" in warning


def test_a_pinned_older_image_stays_on_a_cluster_newer_than_the_tables_with_a_warning():
    solution, faults = solve(Request(NEWER_MINOR, image_tag=newest_image(NEWEST_MINOR)))
    assert faults == []
    assert solution.image_tag == newest_image(NEWEST_MINOR)
    (warning,) = solution.warnings
    assert f"Pinned: Cluster Autoscaler {newest_image(NEWEST_MINOR)[1:]} with chart {NEWEST_CHART}" in warning


def test_an_image_far_behind_a_cluster_newer_than_the_tables_is_called_untested():
    (warning,) = solve(Request(NEWER_MINOR, image_tag="v1.33.0"))[0].warnings
    assert "an untested pair" in warning
    assert f"to get {newest_image(NEWEST_MINOR)[1:]}" in warning


def test_a_pinned_image_and_chart_pass_on_a_cluster_newer_than_the_tables_with_a_warning():
    solution, faults = solve(Request(NEWER_MINOR, image_tag=f"v{NEWER_MINOR}.0", chart_version=NEWER_CHART))
    assert faults == []
    assert (solution.image_tag, solution.chart_version) == (f"v{NEWER_MINOR}.0", NEWER_CHART)
    (warning,) = solution.warnings
    assert "The pair was not checked." in warning


def test_a_known_bad_pair_is_refused_on_a_cluster_newer_than_the_tables():
    found = refusals(kubernetes_version=NEWER_MINOR, image_tag=f"v{NEWER_MINOR}.0", chart_version="9.53.0")
    assert "chart 9.54.0 or later" in found["chart.version"]


@pytest.mark.parametrize("version", ["", "latest", "one", "1"])
def test_what_is_no_version_is_refused(version):
    assert "a Kubernetes version such as 1.33" in refusals(kubernetes_version=version)["kubernetesVersion"]


@pytest.mark.parametrize(
    ("kubernetes", "chart", "floor"),
    [
        ("1.33", "9.46.2", "9.46.3"),
        ("1.34", "9.46.0", "9.46.3"),
        ("1.35", "9.53.0", "9.54.0"),
        ("1.36", "9.46.3", "9.54.0"),
    ],
)
def test_a_chart_whose_rbac_makes_the_autoscaler_hang_is_refused_with_the_floor(kubernetes, chart, floor):
    reason = refusals(kubernetes_version=kubernetes, chart_version=chart)["chart.version"]
    assert f"chart {floor} or later" in reason
    assert "waits for that list indefinitely" in reason


def test_the_same_old_chart_is_fine_below_the_floor():
    assert refusals(kubernetes_version="1.32", chart_version="9.46.2") == {}


@pytest.mark.parametrize("chart", ["9.54.0", "9.54.1", "9.55.0"])
def test_a_chart_that_runs_another_version_than_its_app_version_is_refused(chart):
    assert (
        "with appVersion 1.35.0 and image 1.34.2"
        in refusals(kubernetes_version="1.34", chart_version=chart)["chart.version"]
    )


@pytest.mark.parametrize("chart", ["9.28.0", "9.10.01", "newest", f"v{NEWEST_CHART}", "9.59", "9.46.9"])
def test_a_chart_that_is_not_covered_or_does_not_exist_is_refused(chart):
    assert "chart.version" in refusals(kubernetes_version="1.33", chart_version=chart)


@pytest.mark.parametrize("tag", ["latest", "1.33.0", "v1.33", "v1.33.0-rc1", ""])
def test_an_image_tag_that_may_move_is_refused(tag):
    assert "a full version such as" in refusals(kubernetes_version="1.33", image_tag=tag)["image.tag"]


@pytest.mark.parametrize("kubernetes", ["1.29", "1.32", "1.33"])
def test_an_autoscaler_that_waits_for_an_api_the_cluster_does_not_serve_is_refused(kubernetes):
    assert "resource.k8s.io/v1" in refusals(kubernetes_version=kubernetes, image_tag=newest_image("1.35"))["image.tag"]


@pytest.mark.parametrize("tag", ["v1.26.6", "v1.27.5", "v1.28.2", "v1.25.0"])
def test_an_autoscaler_whose_sdk_refuses_the_agent_is_refused_with_pod_identity(tag):
    request = {"kubernetes_version": "1.29", "image_tag": tag}
    assert "169.254.170.23" in refusals(**request, credentials="podIdentity")["image.tag"]
    assert refusals(**request, credentials="irsa") == {}


@pytest.mark.parametrize("tag", ["v1.26.7", "v1.27.6", "v1.28.3", "v1.29.0"])
def test_the_first_autoscaler_that_supports_pod_identity_passes(tag):
    assert refusals(kubernetes_version="1.29", image_tag=tag, credentials="podIdentity") == {}


def test_the_european_sovereign_region_has_a_floor():
    assert "1.35 or later" in refusals(kubernetes_version="1.34", region="eusc-de-east-1")["region"]
    assert refusals(kubernetes_version="1.35", region="eusc-de-east-1") == {}


def test_a_flag_that_the_version_no_longer_has_is_refused():
    assert (
        "does not have and exits on"
        in refusals(kubernetes_version="1.33", flags={"max-empty-bulk-delete": "10"})["flags.max-empty-bulk-delete"]
    )
    assert refusals(kubernetes_version="1.32", flags={"max-empty-bulk-delete": "10"}) == {}


def test_another_minor_than_the_clusters_is_warned_about():
    solution, _ = solve(Request("1.33", image_tag=newest_image("1.32")))
    assert "an untested pair" in solution.warnings[0]


def test_a_chart_or_image_newer_than_the_tables_is_warned_about():
    assert "was not checked" in solve(Request(NEWEST_MINOR, chart_version=NEWER_CHART))[0].warnings[0]
    assert "was not checked" in solve(Request(NEWEST_MINOR, image_tag=newer_image(NEWEST_MINOR)))[0].warnings[0]
    assert "was not checked" in solve(Request("1.33", image_tag=newer_image("1.33")))[0].warnings[0]


def test_an_unknown_flag_is_refused_with_a_known_image_and_warned_about_with_a_newer_one():
    flags = {"invented-by-a-newer-release": "true"}
    assert refusals(kubernetes_version="1.36", flags=flags).keys() == {"flags.invented-by-a-newer-release"}
    assert refusals(kubernetes_version=NEWER_MINOR, flags=flags).keys() == {"flags.invented-by-a-newer-release"}
    solution, faults = solve(Request(NEWER_MINOR, image_tag=f"v{NEWER_MINOR}.0", flags=flags))
    assert faults == []
    assert "flags.invented-by-a-newer-release: Cluster Autoscaler" in solution.warnings[1]


def test_a_flag_that_the_newest_known_minor_lost_is_warned_about_with_a_newer_image():
    solution, _ = solve(Request(NEWER_MINOR, image_tag=f"v{NEWER_MINOR}.0", flags={"parallel-drain": "true"}))
    assert "does not have this flag" in solution.warnings[1]


def test_every_fault_is_reported_together():
    found = refusals(
        kubernetes_version="1.33", region="eusc-de-east-1", chart_version="9.46.0", flags={"no-such-flag": "1"}
    )
    assert set(found) == {"region", "chart.version", "flags.no-such-flag"}


@pytest.mark.parametrize(("kubernetes", "chart"), list(itertools.product(MINORS, compatibility.charts())))
def test_no_pair_that_passes_is_below_a_floor(kubernetes, chart):
    solution, _ = solve(Request(kubernetes, chart_version=versions.dotted(chart)))
    if solution is not None:
        assert chart >= compatibility.rbac_floor(solution.minor)
        assert compatibility.charts()[chart].version_is_image


@given(
    st.text(max_size=20), st.text(max_size=12), st.text(max_size=12), st.dictionaries(st.text(), st.text(), max_size=3)
)
def test_solving_fails_only_with_faults(kubernetes, chart, image, flags):
    solution, faults = solve(Request(kubernetes, chart_version=chart, image_tag=image, flags=flags))
    assert (solution is None) == bool(faults)


def test_the_age_of_the_tables_is_reported_once_they_are_older_than_sixty_days():
    assert compatibility.age_warning(compatibility.READ_ON + datetime.timedelta(days=60)) is None
    assert "61 days old" in compatibility.age_warning(compatibility.READ_ON + datetime.timedelta(days=61))
