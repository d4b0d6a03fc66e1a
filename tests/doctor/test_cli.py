"""The command line: how a cluster is named, what is printed where, and the exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from components.pure.kubeconfig import kubeconfig
from doctor import cli, clients, gather, options, target
from doctor.errors import CannotCheckError
from doctor.facts import Source
from doctor.readings import Unreadable
from doctor.target import Target

from . import snapshots

OUTPUTS = {
    "clusterName": snapshots.CLUSTER,
    "region": snapshots.REGION,
    "credentialsMode": "irsa",
    "roleArn": snapshots.ROLE_ARN,
    "serviceAccountNamespace": "kube-system",
    "serviceAccountName": "cluster-autoscaler",
    "releaseName": "cluster-autoscaler",
    "nodeGroups": [{"name": "workers", "asgName": snapshots.GROUP}],
    "kubeconfig": json.dumps({"clusters": [], "users": []}),
}


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command line on a crafted snapshot."""

    def _run(*arguments, snapshot=None, tty=False, before=()):
        """``snapshot`` is what is seen, after those of ``before``."""
        asked = []

        def take(wanted: Target, *_):
            asked.append(wanted)
            seen = (*before, snapshot or snapshots.healthy())
            return seen[min(len(asked), len(seen)) - 1]

        monkeypatch.setattr(gather, "take_snapshot", take)
        monkeypatch.setattr(clients, "Aws", lambda region: region)
        monkeypatch.setattr("sys.stdout.isatty", lambda: tty, raising=False)
        monkeypatch.delenv("AWS_REGION", raising=False)
        monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
        with pytest.raises(SystemExit) as stop:
            cli.main(list(arguments))
        out, err = capsys.readouterr()
        return stop.value.code, out, err, asked[0] if asked else None

    return _run


NAMED = ("check", "--cluster", "series-api", "--region", "us-east-1")


def test_a_healthy_cluster_ends_with_0(run):
    code, out, err, asked = run(*NAMED)
    assert (code, err) == (0, "")
    assert asked == Target("series-api", "us-east-1")
    assert out.startswith("series-api (us-east-1): every link holds")


def test_a_broken_chain_ends_with_1(run):
    snapshot = snapshots.crashed(snapshots.with_aws(snapshots.healthy(), oidc_provider=None))
    code, out, _, _ = run(*NAMED, snapshot=snapshot)
    assert code == 1
    assert "broken       role.oidc-provider" in out


def test_a_reader_without_rights_ends_with_2(run):
    denied = Unreadable("iam:GetRole", True, "not authorized")
    snapshot = snapshots.with_aws(snapshots.healthy(), role=denied, decisions=denied, policies=denied)
    assert run(*NAMED, snapshot=snapshot)[0] == 2


@pytest.fixture
def clock(monkeypatch):
    """Time that passes in pauses only; how much has passed, in seconds."""
    passed = SimpleNamespace(seconds=0.0)

    def sleep(seconds):
        passed.seconds += seconds

    monkeypatch.setattr("doctor.check.time", SimpleNamespace(monotonic=lambda: passed.seconds, sleep=sleep))
    return passed


def test_a_new_autoscaler_is_waited_for(run, clock):
    broken = snapshots.crashed(snapshots.healthy())
    code, out, _, _ = run(*NAMED, "--wait", "60", before=[broken, broken])
    assert code == 0
    assert clock.seconds == 4
    assert out.count("series-api (us-east-1)") == 1


def test_what_stays_broken_is_reported_when_the_wait_is_over(run, clock):
    code, out, _, _ = run(*NAMED, "--wait", "60", snapshot=snapshots.crashed(snapshots.healthy()))
    assert code == 1
    assert clock.seconds == 60
    assert "broken" in out


def test_json_is_all_that_is_printed(run):
    code, out, err, _ = run(*NAMED, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["verdict"] == "healthy"


def test_markdown_begins_with_the_verdict(run):
    assert run(*NAMED, "--markdown")[1].startswith("### Healthy: series-api")


def test_a_terminal_gets_colours(run):
    assert "\x1b[32m" in run(*NAMED, tty=True)[1]


def test_links_are_left_out_by_name(run):
    code, out, _, _ = run(*NAMED, "--skip", "role", "--skip", "pending-pods")
    assert code == 0
    assert "left out: role, pending-pods" in out


def test_a_link_that_does_not_exist_is_named_with_those_that_do(run):
    code, _, err, _ = run(*NAMED, "--skip", "wheel")
    assert code == 2
    assert "wheel" in err
    assert "pending-pods" in err


def test_a_recorded_log_is_searched_for_symptoms(run, tmp_path):
    log = tmp_path / "up.log"
    log.write_text("Error: execution error: Only one of podDisruptionBudget.minAvailable and maxUnavailable\n")
    code, out, _, _ = run(*NAMED, "--log", str(log))
    assert code == 1
    assert "pod.release" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["check", "--project", "/nowhere"],
            "Got no cluster; expected one of --stack STACK, --outputs FILE, or --cluster NAME --region",
        ),
        (["check", "--cluster", "a"], "Got --cluster a without a region"),
        (["check", "--cluster", "a", "--region", "r", "--stack", "dev"], "Got --stack and --cluster"),
        (["check", "--outputs", "/nowhere.json"], "/nowhere.json"),
        ([*NAMED, "--log", "/nowhere.log"], "--log /nowhere.log: No such file"),
    ],
)
def test_what_cannot_be_checked_is_reported_in_one_line_with_2(run, arguments, words):
    code, out, err, _ = run(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err


def test_json_and_markdown_at_once_are_refused(run):
    code, _, err, _ = run(*NAMED, "--json", "--markdown")
    assert code == 2
    assert "--markdown" in err


def test_the_outputs_of_a_stack_show_what_was_configured(run, tmp_path):
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps(OUTPUTS))
    code, _, _, asked = run("check", "--outputs", str(file))
    assert code == 0
    assert asked.intent.credentials is Source.IRSA
    assert asked.intent.role_arn == snapshots.ROLE_ARN
    assert asked.intent.groups == (snapshots.GROUP,)
    assert asked.kubeconfig == {"clusters": [], "users": []}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("[]", "got list; expected an object"),
        ("{}", "got no outputs; expected clusterName and region too"),
        ('{"clusterName": "a"}', "got clusterName; expected region too"),
    ],
)
def test_outputs_that_lack_values_are_refused(run, tmp_path, text, words):
    file = tmp_path / "outputs.json"
    file.write_text(text)
    code, _, err, _ = run("check", "--outputs", str(file))
    assert code == 2
    assert words in " ".join(err.split())


@pytest.mark.parametrize("kubeconfig", [None, "[secret]", 7, {}])
def test_a_missing_kubeconfig_is_made_from_what_eks_returns(kubeconfig):
    assert target.target_of({**OUTPUTS, "kubeconfig": kubeconfig}).kubeconfig is None


def test_the_stack_is_read_by_pulumi_in_the_project(tmp_path, monkeypatch):
    fake = tmp_path / "pulumi"
    fake.write_text(f"#!/bin/sh\necho \"$@\" > {tmp_path}/asked\necho '{json.dumps(OUTPUTS)}'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert target.read_stack("dev", Path("/project"))["clusterName"] == snapshots.CLUSTER
    asked = (tmp_path / "asked").read_text().strip()
    assert asked == "stack output --json --non-interactive --cwd /project --stack dev"


def test_without_a_cluster_the_selected_stack_is_checked(tmp_path, monkeypatch, run):
    fake = tmp_path / "pulumi"
    fake.write_text(f"#!/bin/sh\necho \"$@\" > {tmp_path}/asked\necho '{json.dumps(OUTPUTS)}'\n")
    fake.chmod(0o755)
    (tmp_path / "Pulumi.yaml").write_text("name: p\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    code, _, _, asked = run("check", "--project", str(tmp_path))
    assert (code, asked.cluster) == (0, snapshots.CLUSTER)
    assert (tmp_path / "asked").read_text().strip() == f"stack output --json --non-interactive --cwd {tmp_path}"


WITH_A_WARNING = snapshots.with_deployment(snapshots.healthy(), pod_annotations={})


def test_a_warning_fails_only_where_it_is_asked_to(run):
    assert run(*NAMED, snapshot=WITH_A_WARNING)[0] == 0
    assert run(*NAMED, "--fail-on", "warning", snapshot=WITH_A_WARNING)[0] == 1


def test_an_ignored_rule_does_not_fail(run, tmp_path):
    assert run(*NAMED, "--fail-on", "warning", "--ignore", "pod.safe-to-evict", snapshot=WITH_A_WARNING)[0] == 0
    (tmp_path / "doctor-ignore.yaml").write_text("pod.safe-to-evict: the pod runs on a fixed node\n")
    named = (*NAMED, "--project", str(tmp_path), "--fail-on", "warning")
    code, out, _, _ = run(*named, snapshot=WITH_A_WARNING)
    assert code == 0
    assert "ignored: pod.safe-to-evict" in out


def test_an_unknown_rule_to_ignore_is_an_error(run):
    code, _, err, _ = run(*NAMED, "--ignore", "pod.safe-to-evit")
    assert code == 2
    assert "did you mean pod.safe-to-evict?" in err


def test_junit_is_written_next_to_the_report(run, tmp_path):
    file = tmp_path / "doctor.xml"
    code, out, _, _ = run(*NAMED, "--junit", str(file), snapshot=WITH_A_WARNING)
    assert code == 0
    assert "series-api" in out
    assert '<testcase classname="pod" name="pod.safe-to-evict">' in file.read_text()
    code, _, err, _ = run(*NAMED, "--junit", "/nowhere/doctor.xml")
    assert code == 2
    assert "/nowhere/doctor.xml: No such file" in err


def test_without_its_packages_the_command_shows_how_to_install_them(tmp_path):
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError(\"No module named 'typer'\", name='typer')\n")
    done = subprocess.run(
        [sys.executable, "-m", "doctor", "check"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "ca-doctor: the package typer is not installed. Run: pip install 'pulumi-eks-cluster-autoscaler[doctor]'\n"
    )


def test_a_stack_that_pulumi_does_not_know_is_reported(tmp_path, monkeypatch):
    fake = tmp_path / "pulumi"
    fake.write_text("#!/bin/sh\necho \"error: no stack named 'dev' found\" >&2\nexit 255\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(CannotCheckError, match="no stack named 'dev' found"):
        target.read_stack("dev", Path())


def test_without_pulumi_the_other_way_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotCheckError, match="--outputs"):
        target.read_stack("dev", Path())


class TestTheWayToTheApiServer:
    @pytest.fixture
    def asked(self, monkeypatch):
        calls = []
        monkeypatch.setattr(clients, "connect_kubernetes", lambda *given: calls.append(given))
        monkeypatch.setattr(clients, "connect_eks", lambda aws, cluster: calls.append((aws, cluster)))
        return calls

    def own(self):
        """The kubeconfig that the output of a stack of this project has."""
        found = snapshots.cluster()
        return json.loads(kubeconfig(found.name, found.endpoint, found.certificate_authority, found.region))

    def connect(self, cluster, **given):
        return options.connector(Target(snapshots.CLUSTER, snapshots.REGION, **given), "aws")(cluster)

    def test_a_file_or_context_asked_for_wins(self, asked):
        self.connect(snapshots.cluster(), kubeconfig={"clusters": []}, kubeconfig_file="f", context="c")
        assert asked == [(None, "f", "c")]

    def test_the_stack_s_own_comes_next(self, asked):
        self.connect(snapshots.cluster(), kubeconfig={"clusters": []})
        assert asked == [({"clusters": []}, None, None)]

    def test_otherwise_it_is_what_eks_returns_with_tokens_of_the_doctor(self, asked):
        self.connect(snapshots.cluster())
        assert asked == [("aws", snapshots.cluster())]

    def test_the_kubeconfig_of_this_project_needs_no_aws_cli(self, asked):
        self.connect(snapshots.cluster(), kubeconfig=self.own())
        assert asked == [("aws", snapshots.cluster())]

    def test_a_kubeconfig_with_another_role_is_used_as_it_is(self, asked):
        other = self.own()
        other["users"][0]["user"]["exec"]["args"] += ["--role-arn", snapshots.ROLE_ARN]
        self.connect(snapshots.cluster(), kubeconfig=other)
        assert asked == [(other, None, None)]

    def test_a_stack_s_own_is_used_if_the_cluster_could_not_be_described(self, asked):
        self.connect(Unreadable("eks:DescribeCluster", True, "no"), kubeconfig=self.own())
        assert asked == [(self.own(), None, None)]

    def test_a_cluster_that_could_not_be_described_has_none(self, asked):
        unreadable = Unreadable("eks:DescribeCluster", True, "no")
        assert self.connect(unreadable) is unreadable
        assert asked == []


def test_the_help_names_every_option(run):
    code, out, _, _ = run("check", "--help")
    assert code == 0
    for option in ("--stack", "--outputs", "--cluster", "--region", "--context", "--skip", "--log", "--json"):
        assert option in out
