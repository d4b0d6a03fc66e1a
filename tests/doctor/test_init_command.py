"""`init` on the command line: what it reads, writes, refuses and prints."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from doctor import cli
from doctor.facts import Source
from doctor.readings import Unreadable

from . import snapshots
from .fakes import Cloud, Cluster

NAMED = ("init", "--cluster", snapshots.CLUSTER, "--region", snapshots.REGION)
ACCOUNTS = f"/api/v1/namespaces/kube-system/serviceaccounts/{snapshots.NAME}"
Run = Callable[..., tuple[int, str, str]]


def running(mode: Source = Source.IRSA, groups: int = 1) -> Cluster:
    cluster = Cluster(mode, groups)
    annotations = {"eks.amazonaws.com/role-arn": snapshots.ROLE_ARN} if mode is Source.IRSA else {}
    cluster.objects[ACCOUNTS] = {"metadata": {"name": snapshots.NAME, "annotations": annotations}}
    return cluster


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run `init` on a cloud and a cluster of plain data, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def _run(*options: str, cloud: Cloud | None = None, cluster: object = None) -> tuple[int, str, str]:
        seen = running() if cluster is None else cluster
        monkeypatch.setattr("doctor.init.command.connector", lambda *_: lambda _: seen)
        with (cloud or Cloud()).attached(), pytest.raises(SystemExit) as stop:
            cli.main([*NAMED, *options])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return _run


def settings(file: str = f"Pulumi.{snapshots.CLUSTER}.yaml") -> dict[str, object]:
    config = yaml.safe_load(Path(file).read_text())["config"]
    return {key.partition(":")[2]: value for key, value in config.items()}


def test_it_writes_the_settings_and_ends_with_the_three_commands_to_type(run: Run):
    code, out, err = run("--output", "Pulumi.prod.yaml")
    assert (code, err) == (0, "")
    assert settings("Pulumi.prod.yaml")["cluster"] == {"name": snapshots.CLUSTER}
    assert json.loads(Path("import-prod.json").read_text())["resources"]
    assert "Wrote Pulumi.prod.yaml and import-prod.json." in out
    _, _, last = out.partition("\nNext:\n")
    assert [line[:3] for line in last.splitlines() if line[0] != " "] == ["1. ", "2. ", "3. "]
    assert "pulumi stack init prod" in last


@pytest.mark.parametrize("mode", [Source.IRSA, Source.POD_IDENTITY, Source.NODE_ROLE])
def test_it_keeps_the_credential_mode(run: Run, mode: Source):
    run(cloud=Cloud(mode), cluster=running(mode))
    assert settings()["credentials"] == str(mode)


@pytest.mark.parametrize("there", [f"Pulumi.{snapshots.CLUSTER}.yaml", f"import-{snapshots.CLUSTER}.json"])
def test_it_overwrites_nothing_without_force(run: Run, there: str):
    Path(there).write_text("mine")
    cloud = Cloud()
    code, out, err = run(cloud=cloud)
    assert (code, out, cloud.calls) == (2, "", [])
    assert f"{there} exists already" in err
    assert "--force" in err
    assert Path(there).read_text() == "mine"
    assert run("--force")[0] == 0
    assert Path(there).read_text() != "mine"


@pytest.mark.parametrize("name", ["prod.yaml", "Pulumi.yaml", "Pulumi.my stack.yaml"])
def test_a_file_that_pulumi_does_not_find_is_refused(run: Run, name: str):
    code, _, err = run("--output", name)
    assert code == 2
    assert f"got {name}; expected a name such as Pulumi.prod.yaml" in err


def test_a_folder_that_does_not_exist_is_reported(run: Run):
    code, _, err = run("--output", "nowhere/Pulumi.prod.yaml")
    assert code == 2
    assert "nowhere/Pulumi.prod.yaml: No such file or directory" in err


def test_a_cluster_that_does_not_exist_is_reported(run: Run):
    cloud = Cloud()
    cloud.denied = {"DescribeCluster"}
    code, _, err = run(cloud=cloud)
    assert code == 2
    assert "cannot be read. eks:DescribeCluster" in err
    assert not list(Path().iterdir())


AWS_CALLS = (
    "DescribeAutoScalingGroups",
    "DescribeNodegroup",
    "ListNodegroups",
    "GetOpenIDConnectProvider",
    "ListPodIdentityAssociations",
)


@pytest.mark.parametrize("operation", AWS_CALLS)
def test_a_right_that_the_reader_lacks_in_aws_is_named_on_the_screen_and_in_the_file(run: Run, operation: str):
    cloud = Cloud()
    cloud.denied = {operation}
    code, out, _ = run(cloud=cloud)
    assert code == 1
    assert f":{operation}: you lack this right" in out
    assert f":{operation}: you lack this right" in Path(f"Pulumi.{snapshots.CLUSTER}.yaml").read_text()
    assert settings()


@pytest.mark.parametrize("part", ["deployments", "nodes", "serviceaccounts", "secrets"])
def test_a_right_that_the_reader_lacks_in_kubernetes_is_named_on_the_screen_and_in_the_file(run: Run, part: str):
    cluster = running()
    cluster.denied = {part}
    code, out, _ = run(cluster=cluster)
    assert code == 1
    assert part in out.partition("Could not be read")[2]
    assert part in Path(f"Pulumi.{snapshots.CLUSTER}.yaml").read_text()


def test_the_add_on_of_pod_identity_is_asked_for_only_where_it_matters(run: Run):
    cloud = Cloud(Source.POD_IDENTITY)
    cloud.denied = {"DescribeAddon"}
    code, out, _ = run(cloud=cloud, cluster=running(Source.POD_IDENTITY))
    assert code == 1
    assert "eks:DescribeAddon: you lack this right" in out
    cloud = Cloud()
    run("--force", cloud=cloud)
    assert "eks:DescribeAddon" not in cloud.calls


def test_without_kubernetes_the_groups_are_still_adopted(run: Run):
    code, out, _ = run(cluster=Unreadable("get /version", False, "connection refused"))
    assert code == 1
    assert "connection refused" in out
    assert [group["name"] for group in settings()["existingNodeGroups"]] == ["workers"]  # type: ignore[attr-defined]


def test_it_asks_little_and_changes_nothing(run: Run):
    cloud, cluster = Cloud(groups=7), running(groups=7)
    assert run(cloud=cloud, cluster=cluster)[0] == 0
    calls = cloud.count
    assert calls.pop("eks:DescribeNodegroup") == 7
    assert calls.total() <= 6
    assert len(cluster.calls) <= 12
    assert all(call.startswith(("get ", "list ")) for call in cluster.calls)


def test_of_secrets_only_labels_are_asked(run: Run):
    class Strict(Cluster):
        def read_all(self, path: str, **query: str):
            assert "secrets" not in path or self.labels_only
            return super().read_all(path, **query)

        labels_only = False

        def read_labels(self, path: str, **query: str):
            self.labels_only = True
            found = super().read_labels(path, **query)
            self.labels_only = False
            return found

    cluster = Strict()
    cluster.objects |= running().objects
    assert run(cluster=cluster)[0] == 0
    assert any("secrets" in call for call in cluster.calls)
