"""Which chart and which Cluster Autoscaler fit: the pairs that hang, crash or never scale are refused."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pure import compatibility, versions
from components.pure.compatibility import Request, solve

MINORS = [versions.dotted(minor) for minor in compatibility.NEWEST_PATCH]


def refusals(**request):
    solution, faults = solve(Request(**request))
    assert (solution is None) == bool(faults)
    return {fault.path: f"{fault.got}; {fault.expected}" for fault in faults}


def test_the_table_covers_kubernetes_129_to_136_and_every_chart_since_929():
    assert [f"1.{minor}" for minor in range(29, 37)] == MINORS
    assert min(compatibility.charts()) == (9, 29, 0)
    assert compatibility.newest_chart().version == (9, 59, 0)
    assert len(compatibility.charts()) == 54


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
    assert solution.image_tag == "v1.33.6"


@pytest.mark.parametrize("version", ["1.28", "1.37", "2.0"])
def test_a_version_outside_the_table_is_refused_with_its_bounds(version):
    assert "1.29 to 1.36" in refusals(kubernetes_version=version)["kubernetesVersion"]


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
    assert "waits for that list for ever" in reason


def test_the_same_old_chart_is_fine_below_the_floor():
    assert refusals(kubernetes_version="1.32", chart_version="9.46.2") == {}


@pytest.mark.parametrize("chart", ["9.54.0", "9.54.1", "9.55.0"])
def test_a_chart_that_runs_another_version_than_it_says_is_refused(chart):
    assert (
        "which says 1.35.0 and runs 1.34.2" in refusals(kubernetes_version="1.34", chart_version=chart)["chart.version"]
    )


@pytest.mark.parametrize("chart", ["9.28.0", "9.10.01", "newest", "v9.59.0", "9.59", "9.46.9"])
def test_a_chart_that_is_not_covered_or_does_not_exist_is_refused(chart):
    assert "chart.version" in refusals(kubernetes_version="1.33", chart_version=chart)


@pytest.mark.parametrize("tag", ["latest", "1.33.6", "v1.33", "v1.33.6-rc1", ""])
def test_an_image_tag_that_may_move_is_refused(tag):
    assert "a full version such as" in refusals(kubernetes_version="1.33", image_tag=tag)["image.tag"]


@pytest.mark.parametrize("kubernetes", ["1.29", "1.32", "1.33"])
def test_an_autoscaler_that_waits_for_an_api_the_cluster_does_not_serve_is_refused(kubernetes):
    assert "resource.k8s.io/v1" in refusals(kubernetes_version=kubernetes, image_tag="v1.35.2")["image.tag"]


@pytest.mark.parametrize("tag", ["v1.26.6", "v1.27.5", "v1.28.2", "v1.25.0"])
def test_an_autoscaler_whose_sdk_refuses_the_agent_is_refused_with_pod_identity(tag):
    request = {"kubernetes_version": "1.29", "image_tag": tag}
    assert "169.254.170.23" in refusals(**request, credentials="podIdentity")["image.tag"]
    assert refusals(**request, credentials="irsa") == {}


@pytest.mark.parametrize("tag", ["v1.26.7", "v1.27.6", "v1.28.3", "v1.29.0"])
def test_the_first_autoscaler_that_takes_pod_identity_passes(tag):
    assert refusals(kubernetes_version="1.29", image_tag=tag, credentials="podIdentity") == {}


def test_the_european_sovereign_region_has_a_floor():
    assert "1.35 or later" in refusals(kubernetes_version="1.34", region="eusc-de-east-1")["region"]
    assert refusals(kubernetes_version="1.35", region="eusc-de-east-1") == {}


def test_a_flag_that_the_version_no_longer_has_is_refused():
    assert (
        "does not have and ends on"
        in refusals(kubernetes_version="1.33", flags={"max-empty-bulk-delete": "10"})["flags.max-empty-bulk-delete"]
    )
    assert refusals(kubernetes_version="1.32", flags={"max-empty-bulk-delete": "10"}) == {}


def test_another_minor_than_the_clusters_is_warned_about():
    solution, _ = solve(Request("1.33", image_tag="v1.32.7"))
    assert "a pair that nobody tests" in solution.warnings[0]


def test_what_is_newer_than_the_table_is_warned_about():
    assert "was not checked" in solve(Request("1.36", chart_version="9.60.0"))[0].warnings[0]
    assert "was not checked" in solve(Request("1.36", image_tag="v1.36.9"))[0].warnings[0]


def test_misread_taints_of_an_empty_managed_group_are_warned_about_before_131():
    assert "misreads the taints" in solve(Request("1.30", tainted_from_zero=True))[0].warnings[0]
    assert solve(Request("1.31", tainted_from_zero=True))[0].warnings == ()


def test_every_fault_is_told_at_once():
    found = refusals(
        kubernetes_version="1.33", region="eusc-de-east-1", chart_version="9.46.0", flags={"no-such-flag": "1"}
    )
    assert set(found) == {"region", "chart.version", "flags.no-such-flag"}


@pytest.mark.parametrize(("kubernetes", "chart"), list(itertools.product(MINORS, compatibility.charts())))
def test_no_pair_that_passes_is_below_a_floor(kubernetes, chart):
    solution, _ = solve(Request(kubernetes, chart_version=versions.dotted(chart)))
    if solution is not None:
        assert chart >= compatibility.rbac_floor(solution.minor)
        assert compatibility.charts()[chart].says_what_it_runs


@given(
    st.text(max_size=20), st.text(max_size=12), st.text(max_size=12), st.dictionaries(st.text(), st.text(), max_size=3)
)
def test_solving_never_fails_otherwise_than_by_faults(kubernetes, chart, image, flags):
    solution, faults = solve(Request(kubernetes, chart_version=chart, image_tag=image, flags=flags))
    assert (solution is None) == bool(faults)
