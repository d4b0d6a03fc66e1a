"""`make versions`: what it reads from its sources, what it refuses, and one refresh from sources that are fake."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scripts.versions import parsing, refresh
from scripts.versions.__main__ import COPIES, HOME, main
from scripts.versions.parsing import Flag, SourceError
from scripts.versions.sources import Sources
from scripts.versions.tables import Table, differences
from tests.fake_sources import NEW_FLAG, FakeSources, arguments, environment, serving
from tests.versions import NEWER_CHART, newest_image

ROOT = Path(__file__).parents[2]
OLD = newest_image("1.32")[1:]


@pytest.fixture
def checkout(tmp_path):
    """A checkout with the tables and their copies alone."""
    for folder in (HOME, COPIES):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


@pytest.fixture
def fake(checkout, monkeypatch):
    fake = FakeSources(refresh.load(checkout / HOME))
    with serving(fake) as url:
        for name, value in environment(url).items():
            monkeypatch.setenv(name, value)
        yield fake, arguments(checkout, url, "2099-01-02")


def test_a_refresh_adds_new_releases_and_prints_each_change(checkout, fake, capsys):
    sources, given = fake
    assert main(given) == 0
    message = capsys.readouterr().out
    tables = refresh.load(checkout / HOME)
    minors = tables["cluster-autoscaler.tsv"].column("minor")
    newest = dict(zip(minors, tables["cluster-autoscaler.tsv"].column("newest"), strict=True))
    assert newest["1.33"] == sources.old_patch
    assert minors[-2:] == [sources.between.rpartition(".")[0], sources.newest.rpartition(".")[0]]
    assert tables["kubernetes.tsv"].column("minor")[-1] == minors[-1]
    assert tables["charts.tsv"].rows[-1] == (sources.new_chart, sources.newest, sources.newest, "2027-01-01")
    flags = tables["ca-flags.tsv"]
    assert flags.header[-1] == sources.newest
    assert (NEW_FLAG, "Bool") in {row[:2] for row in flags.rows}
    assert {row[-1] for row in flags.rows if row[0] == NEW_FLAG} == {"false"}
    assert all(tables["flag-needs.tsv"].column("chart")), "the fake chart grants everything, resourcequotas too"
    assert all("read 2099-01-02." in "".join(table.comments) for table in tables.values())
    assert f" -> {sources.old_patch}\n" in message
    assert f"- charts.tsv: new {sources.new_chart}" in message
    assert f"- ca-flags.tsv: new column {sources.newest}" in message
    for copy in (checkout / COPIES).iterdir():
        assert copy.read_text() == (checkout / HOME / copy.name).read_text()


def test_a_second_refresh_from_the_same_sources_changes_nothing(fake, capsys):
    _, given = fake
    assert main(given) == main(given) == 0
    assert "No release since the last refresh." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        (lambda fake: fake.tags.remove(OLD), f"image tags: {OLD}, the newest known of 1.32, is gone"),
        (lambda fake: fake.charts.remove("9.46.6"), "chart index: 9.46.6 is gone"),
        (lambda fake: fake.kubernetes.pop(-2), "EKS DescribeClusterVersions: "),
        (lambda fake: setattr(fake, "_definitions", lambda _: [("a", "Bool", "true")]), "flags of"),
    ],
)
def test_a_source_that_shrank_is_refused_and_nothing_is_written(checkout, fake, capsys, lost, message):
    sources, given = fake
    before = {name: table.text() for name, table in refresh.load(checkout / HOME).items()}
    lost(sources)
    assert main(given) == 1
    assert f"Nothing was changed: {message}" in capsys.readouterr().err
    assert {name: table.text() for name, table in refresh.load(checkout / HOME).items()} == before


def test_a_source_that_cannot_be_reached_is_refused(checkout, fake, capsys):
    _, given = fake
    assert main([*given, "--images", "http://127.0.0.1:1/"]) == 1
    assert "Nothing was changed: http://127.0.0.1:1/" in capsys.readouterr().err


def test_without_aws_credentials_the_support_dates_stay(checkout, fake, monkeypatch):
    _, given = fake
    monkeypatch.setattr(Sources, "cluster_versions", lambda _: None)
    before = (checkout / HOME / "kubernetes.tsv").read_text()
    assert main(given) == 0
    assert (checkout / HOME / "kubernetes.tsv").read_text() == before


def test_a_chart_that_no_longer_grants_a_right_is_left_to_a_person(checkout):
    tables = refresh.load(checkout / HOME)
    with pytest.raises(SourceError, match="no longer grants list and watch of namespaces"):
        refresh.granted("informers.tsv", tables["informers.tsv"], {NEWER_CHART: {("", "pods")}})


def test_flags_are_read_in_the_form_of_kubernetes_autoscaler():
    source = """
        func multiStringFlag(name string, usage string) *MultiStringFlag {
            flag.Var(value, name, usage)
        }
        address = flag.String("address", ":8085", "The address, with a comma.")
        cores = flag.String("cores-total", minMaxFlagString(0, config.DefaultMaxClusterCores), "Format <min>:<max>.")
        scheduler = flag.String(config.SchedulerConfigFileFlag, "", "file")
        after = flag.Duration("scale-down-delay-after-add", 10*time.Minute,
            "How long")
        labels = multiStringFlag("balancing-label", "Can be passed multiple times")
        names = pflag.StringSlice("bypassed-scheduler-names", []string{}, "Names")
    """
    assert parsing.flags(source) == {
        "address": Flag("String", '":8085"'),
        "cores-total": Flag("String", "minMaxFlagString(0, config.DefaultMaxClusterCores)"),
        "scheduler-config-file": Flag("String", '""'),
        "scale-down-delay-after-add": Flag("Duration", "10*time.Minute"),
        "balancing-label": Flag("multiStringFlag", "repeatable"),
        "bypassed-scheduler-names": Flag("StringSlice", "[]string{}"),
    }


def test_flags_are_read_in_the_form_of_kubernetes_sigs():
    source = """
        fs.BoolVar(&p.o.EnforceNodeGroupMinSize, "enforce-node-group-min-size", false, "Should CA (scale up)?")
        fs.Float64Var(&p.kubeClientQPS, "kube-client-qps", float64(rest.DefaultQPS), "QPS")
        fs.StringArrayVar(&p.nodeGroups, "nodes", []string{}, "sets min,max size")
    """
    assert parsing.flags(source) == {
        "enforce-node-group-min-size": Flag("Bool", "false"),
        "kube-client-qps": Flag("Float64", "float64(rest.DefaultQPS)"),
        "nodes": Flag("multiStringFlag", "repeatable"),
    }


@pytest.mark.parametrize("source", ["", "package flags", "flag.Bool(config.Unheard, true, `x`)", 'flag.Bool("a", true'])
def test_a_source_without_readable_flags_is_refused(source):
    with pytest.raises(SourceError):
        parsing.flags(source)


@pytest.mark.parametrize("answer", ["", "[]", "{}", '{"tags": 1}', "<html>"])
def test_what_is_no_list_of_tags_is_refused(answer):
    with pytest.raises(SourceError):
        parsing.image_tags(answer)


@pytest.mark.parametrize(
    "index", ["", "entries: {}", "- a", "entries: {cluster-autoscaler: [{version: 9.46.0}]}", "a: ["]
)
def test_what_is_no_chart_index_is_refused(index):
    with pytest.raises(SourceError):
        parsing.chart_index(index)


def test_the_odd_chart_tag_is_left_out_of_the_index():
    index = "entries: {cluster-autoscaler: [{version: 9.10.01, appVersion: 1, created: x, urls: [u]}, "
    index += "{version: 9.46.0, appVersion: 1.32.0, created: '2025-02-24T21:20:14Z', urls: [u]}]}"
    assert [chart.version for chart in parsing.chart_index(index)] == ["9.10.01", "9.46.0"]


@pytest.mark.parametrize("values", ["", "image: {}", "image: {tag: latest}", "image: [", "- a"])
def test_values_without_an_exact_image_are_refused(values):
    with pytest.raises(SourceError):
        parsing.default_image(values)


def test_a_broken_chart_archive_is_refused():
    with pytest.raises(SourceError):
        parsing.archived(b"no archive", "values.yaml")


def test_only_what_may_be_both_listed_and_watched_counts_as_granted():
    manifests = """
kind: Role
rules:
  - {apiGroups: [""], resources: [configmaps], verbs: [list, watch]}
---
kind: ClusterRole
rules:
  - {apiGroups: [""], resources: [pods, nodes], verbs: [get, list, watch]}
  - {apiGroups: [apps], resources: [deployments], verbs: [list]}
  - {apiGroups: [""], resources: [endpoints], resourceNames: [cluster-autoscaler], verbs: [list, watch]}
  - {apiGroups: [batch], resources: [jobs], verbs: ["*"]}
"""
    assert parsing.readable_resources(manifests) == {("", "pods"), ("", "nodes"), ("batch", "jobs")}


@pytest.mark.parametrize("manifests", ["", "kind: ClusterRole", "kind: Role\nrules: [{verbs: []}]", "a: ["])
def test_a_rendered_chart_without_a_cluster_role_is_refused(manifests):
    with pytest.raises(SourceError):
        parsing.readable_resources(manifests)


def test_without_helm_a_new_chart_is_refused_with_the_way_to_get_it(fake, capsys):
    _, given = fake
    assert main([*given, "--helm", "no-such-helm"]) == 1
    assert "got no no-such-helm; expected Helm 3 on PATH or by --helm" in capsys.readouterr().err


def test_the_output_of_helm_is_passed_on(fake, capsys, tmp_path):
    _, given = fake
    failing = tmp_path / "helm"
    failing.write_text("#!/bin/sh\necho 'Error: chart is broken' >&2\nexit 1\n")
    failing.chmod(0o755)
    assert main([*given, "--helm", str(failing)]) == 1
    assert "template: Error: chart is broken" in capsys.readouterr().err


def test_support_dates_are_read_and_an_empty_answer_is_refused():
    ends = datetime(2026, 12, 2, tzinfo=UTC)
    answer = {"clusterVersions": [{"clusterVersion": "1.34", "endOfStandardSupportDate": ends}]}
    assert parsing.cluster_versions(answer) == {"1.34": ("2026-12-02", "")}
    with pytest.raises(SourceError):
        parsing.cluster_versions({})


def test_the_version_of_a_module_is_read_from_go_mod():
    module = "sigs.k8s.io/cluster-autoscaler"
    assert parsing.module_version(f"require (\n\t{module} v0.5.0\n)", module) == "v0.5.0"
    assert parsing.module_version(f"module {module}\n", module) is None


def test_differences_name_new_rows_changed_cells_and_lost_rows():
    before = Table((), ("a", "b"), (("1", "x"), ("2", "y")))
    after = Table((), ("a", "b", "c"), (("1", "z", ""), ("3", "w", "")))
    assert list(differences("t.tsv", before, after)) == [
        "t.tsv: new column c",
        "t.tsv: 1: b x -> z",
        "t.tsv: new 3 (a 3, b w)",
        "t.tsv: 2 is gone",
    ]


@pytest.mark.parametrize("path", sorted((ROOT / HOME).glob("*.tsv")), ids=lambda path: path.name)
def test_every_table_names_its_source_and_the_day_on_which_it_was_read(path):
    table = Table.load(path)
    assert table.text() == path.read_text()
    assert any(line.startswith("# Source: ") for line in table.comments)
    assert table.read("2099-01-02") != table
