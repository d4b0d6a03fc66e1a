"""What a user types: ``python -m sandbox ...`` on a separate sandbox, with the stack that adopts a cluster."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import adoption, processes
from sandbox.layout import PROJECT
from sandbox.tests.harness import Sandbox


class Commands:
    """``python -m sandbox`` on one state folder."""

    def __init__(self, root: Path) -> None:
        self.sandbox = Sandbox(root)

    def run(self, *arguments: str, check: bool = True) -> str:
        """Runs a command and returns all that it prints."""
        command = [sys.executable, "-m", "sandbox", *arguments[:1], "--state", str(self.sandbox.layout.root)]
        # Its output goes to a file, as in CI: a pipe would stay open as long as the processes that it starts.
        with tempfile.TemporaryFile("w+") as output:
            result = subprocess.run(
                [*command, *arguments[1:]], cwd=PROJECT, stdout=output, stderr=subprocess.STDOUT, check=False
            )
            output.seek(0)
            printed = output.read()
        assert not check or result.returncode == 0, printed
        return printed

    def processes(self) -> dict[str, int]:
        """Service -> process id of those that run."""
        states = processes.status(self.sandbox.layout)
        return {now.service.name: now.record.pid for now in states if now.alive and now.record}


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sandbox-"))
    yield folder
    Commands(folder).run("clean")
    assert not folder.exists()


@pytest.fixture
def adopted(root: Path) -> Commands:
    """A sandbox with the stack ``adopt`` up, whatever the tests before left of it."""
    commands = Commands(root)
    everything = {service.name for service in processes.services(commands.sandbox.layout)}
    if (
        set(commands.processes()) != everything
        or not commands.sandbox.layout.admin_kubeconfig(adoption.CLUSTER).exists()
    ):
        commands.run("up", "--stack", "adopt")
    return commands


def test_a_second_up_keeps_what_runs_changes_nothing_and_prints_what_to_try_next(adopted: Commands):
    before = adopted.processes()
    printed = adopted.run("up", "--stack", "adopt")
    assert adopted.processes() == before
    assert re.search(r"Resources:\n +\d+ unchanged\n", printed)
    assert re.search(r"Stack adopt is up \(.*: tools .* s, processes .* s, pulumi up .* s\)", printed)
    assert "make sandbox-shell STACK=adopt, then: kubectl get nodes" in printed
    assert "make sandbox-preview STACK=adopt" in printed


def test_preview_shows_no_change_right_after_up(adopted: Commands):
    printed = adopted.run("preview", "--stack", "adopt", "--", "--expect-no-changes")
    assert re.search(r"Resources:\n +\d+ unchanged\n", printed)


def test_plain_tools_work_with_the_printed_exports(adopted: Commands):
    exports = f'eval "$({sys.executable} -m sandbox shell --stack adopt --print --state {adopted.sandbox.layout.root})"'
    commands = "kubectl get nodes -o name; aws eks list-clusters; helm -n kube-system list; pulumi stack ls"
    # The user's own settings must not get through.
    users = os.environ | {"AWS_PROFILE": "production", "KUBECONFIG": "/nowhere", "PULUMI_BACKEND_URL": "s3://nowhere"}
    command = ["sh", "-ec", f"{exports}; {commands}"]
    result = subprocess.run(command, env=users, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "node/ip-" in result.stdout
    assert adoption.CLUSTER in result.stdout
    assert "cluster-autoscaler" in result.stdout
    assert re.search(r"^adopt\*? ", result.stdout, re.MULTILINE)


def test_status_reports_a_process_that_died_and_up_starts_it_again(adopted: Commands):
    pid = adopted.processes()["aws-provider"]
    os.kill(pid, signal.SIGKILL)
    printed = adopted.run("status", check=False)
    assert re.search(rf"aws-provider +died +process {pid}", printed)
    printed = adopted.run("up", "--stack", "adopt")
    assert f"died (process {pid}" in printed
    assert adopted.processes()["aws-provider"] != pid


def test_logs_are_listed_and_shown_by_name(adopted: Commands):
    assert f"{adoption.CLUSTER}/kube-apiserver" in adopted.run("logs")
    assert "ready" in adopted.run("logs", "kubelet")
    assert "There is no log 'nothing'. Logs: " in adopted.run("logs", "nothing", check=False)


def test_nothing_listens_beyond_loopback(adopted: Commands):
    ours = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit() and belongs(entry, adopted.sandbox)]
    assert len(ours) > len(adopted.processes())  # the control plane as well
    sockets = {inode for process in ours for inode in sockets_of(process)}
    addresses = {address for inode, address in listeners() if inode in sockets}
    assert addresses
    # 127.0.0.1 and ::ffff:127.0.0.1, as the kernel writes them.
    assert {address[-8:] for address in addresses} == {"0100007F"}


def test_down_destroys_everything_and_stops_everything(adopted: Commands):
    started = adopted.processes()
    adopted.run("down")
    assert adopted.processes() == {}
    assert not [process for process in started.values() if lives(process)]
    left = adopted.sandbox.start("aws")
    assert left.client("eks").list_clusters()["clusters"] == []
    assert left.client("ec2").describe_vpcs(Filters=[{"Name": "is-default", "Values": ["false"]}])["Vpcs"] == []
    assert left.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    roles = {role["RoleName"] for role in left.client("iam").list_roles()["Roles"]}
    assert not {name for name in roles if name.startswith(("eksctl-", "cluster-autoscaler"))}
    left.stop()
    shutil.rmtree(adopted.sandbox.layout.kubernetes)  # and the next up does not miss it


def lives(process: int) -> bool:
    """Whether a process still runs; one that ended and waits to be reaped by its parent does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def belongs(process: Path, sandbox: Sandbox) -> bool:
    try:
        return str(sandbox.layout.root).encode() in (process / "cmdline").read_bytes()
    except OSError:
        return False


def sockets_of(process: Path) -> Iterator[str]:
    for descriptor in (process / "fd").iterdir():
        try:
            if found := re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink())):
                yield found[1]
        except OSError:
            continue


def listeners() -> Iterator[tuple[str, str]]:
    """Inode and address of every listening TCP socket."""
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:] if table.exists() else []:
            fields = line.split()
            if fields[3] == "0A":
                yield fields[9], fields[1].split(":")[0]
