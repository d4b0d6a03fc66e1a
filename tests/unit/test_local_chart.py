"""A chart on this machine: the version in its metadata, and what is refused."""

import io
import tarfile

import pytest

from components import autoscaler_release, local_chart
from tests.versions import NEWEST_CHART, newest_image

CHART = "apiVersion: v2\nname: cluster-autoscaler\nversion: {}\n"


def folder(path, metadata):
    path.mkdir()
    (path / "Chart.yaml").write_text(metadata)
    return str(path)


def packed(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return str(path)


def release_faults(chart, kubernetes_version="1.36"):
    return autoscaler_release.faults(
        {
            "cluster_name": "series-api",
            "region": "us-east-1",
            "kubernetes_version": kubernetes_version,
            "credentials": "podIdentity",
            "chart": chart,
        }
    )


def test_the_version_of_a_chart_folder_is_read(tmp_path):
    assert local_chart.read(folder(tmp_path / "chart", CHART.format("9.46.6"))) == ("9.46.6", [])


def test_the_version_of_a_packed_chart_is_not_that_of_a_chart_inside_it(tmp_path):
    files = {
        "cluster-autoscaler/charts/other/Chart.yaml": "name: other\nversion: 1.0.0\n",
        "cluster-autoscaler/Chart.yaml": CHART.format("9.46.6"),
    }
    assert local_chart.read(packed(tmp_path / "chart.tgz", files)) == ("9.46.6", [])


def test_a_relative_path_is_seen_from_the_programs_folder(tmp_path, monkeypatch):
    folder(tmp_path / "chart", CHART.format("9.46.6"))
    monkeypatch.chdir(tmp_path)
    assert local_chart.read("./chart") == ("9.46.6", [])


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("name: nginx\nversion: 9.46.6\n", "'nginx'"),
        ("name: cluster-autoscaler\n", "no version"),
        ("name: cluster-autoscaler\nversion: 9.59\n", "no version"),
        ("- a list\n", "cannot be read"),
        ("name: [\n", "cannot be read"),
    ],
)
def test_what_is_no_chart_of_cluster_autoscaler_is_refused(tmp_path, metadata, message):
    version, (fault,) = local_chart.read(folder(tmp_path / "chart", metadata))
    assert version is None
    assert message in fault.got
    assert "\n" not in str(fault)


def test_a_folder_without_chart_yaml_is_refused(tmp_path):
    version, (fault,) = local_chart.read(str(tmp_path))
    assert version is None
    assert "Chart.yaml cannot be read" in fault.got


def test_an_archive_that_is_none_or_is_cut_short_or_holds_no_chart_is_refused(tmp_path):
    whole = packed(tmp_path / "whole.tgz", {"cluster-autoscaler/Chart.yaml": CHART.format("9.46.6") * 99})
    (tmp_path / "cut.tgz").write_bytes((tmp_path / "whole.tgz").read_bytes()[:100])
    (tmp_path / "text.tgz").write_text("no archive")
    empty = packed(tmp_path / "empty.tgz", {"Chart.yaml": CHART.format("9.46.6")})
    assert local_chart.read(whole)[0] == "9.46.6"
    for path in (str(tmp_path / "cut.tgz"), str(tmp_path / "text.tgz"), empty):
        version, (fault,) = local_chart.read(path)
        assert version is None
        assert "Chart.yaml cannot be read" in fault.got


@pytest.mark.parametrize("location", ["./nowhere.tgz", "./nowhere", "https://charts.example/ca-9.46.6.tgz", "x" * 300])
def test_a_path_at_which_nothing_is_is_refused(location):
    (fault,) = release_faults({"location": location})
    assert fault.path == "chart.location"
    assert repr(location) in fault.got


def test_an_old_local_chart_is_refused_where_it_would_hang(tmp_path):
    (fault,) = release_faults({"location": folder(tmp_path / "chart", CHART.format("9.46.0"))})
    assert fault.path == "chart.location"
    assert fault.got == f"chart 9.46.0 with Cluster Autoscaler {newest_image('1.36')[1:]}"


def test_a_local_chart_that_fits_no_cluster_is_refused_before_the_cluster_is_known(tmp_path):
    (fault,) = release_faults({"location": folder(tmp_path / "chart", CHART.format("9.54.0"))}, kubernetes_version=None)
    assert fault.path == "chart.location"
    assert "chart 9.54.0" in fault.got


def test_another_version_next_to_a_local_chart_is_refused(tmp_path):
    location = folder(tmp_path / "chart", CHART.format(NEWEST_CHART))
    assert release_faults({"location": location, "version": NEWEST_CHART}) == []
    (fault,) = release_faults({"location": location, "version": "9.46.6"})
    assert fault.path == "chart.version"
    assert NEWEST_CHART in fault.expected
