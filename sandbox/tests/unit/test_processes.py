"""How the long-lived processes are started, watched and stopped; small Python programs play them."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import processes
from sandbox.layout import PROJECT, Layout
from sandbox.processes import ProcessError, Service

SERVE = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(0)); print('ready at once'); time.sleep(60)"
SERVE_STUBBORNLY = "import signal, time; signal.signal(15, lambda *_: None); print('ready'); time.sleep(60)"
SERVE_ON_PORT = """
import signal, socket, sys, time
signal.signal(15, lambda *_: sys.exit(0))
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready on", sys.argv[1])
time.sleep(60)
"""
START_CHILD = """
import signal, subprocess, sys, time
signal.signal(15, lambda *_: sys.exit(0))
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("ready", child.pid)
time.sleep(60)
"""
FAIL = "import sys; sys.exit('no such folder: /nowhere')"
SILENT = "import time; time.sleep(60)"


def program(name: str, code: str, *arguments: str, port: str | None = None, after: tuple[str, ...] = ()) -> Service:
    return Service(name, (sys.executable, "-u", "-c", code, *arguments), port, after)


Define = Callable[..., None]


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    layout = Layout.load(tmp_path / "state", project=tmp_path)
    yield layout
    processes.stop(layout)


@pytest.fixture
def define(monkeypatch: pytest.MonkeyPatch) -> Define:
    """Defines which services exist: each a function of the layout, or a service."""

    def define(*made: Service | Callable[[Layout], Service]) -> None:
        def services(layout: Layout) -> tuple[Service, ...]:
            return tuple(service if isinstance(service, Service) else service(layout) for service in made)

        monkeypatch.setattr(processes, "services", services)

    return define


def listener_on_eks_port(layout: Layout) -> Service:
    return program("eks-provider", SERVE_ON_PORT, str(layout.ports.eks_provider), port="eks_provider")


def listener_on_emulator_port(layout: Layout) -> Service:
    return program("aws", SERVE_ON_PORT, str(layout.ports.emulator), port="emulator")


def pid(layout: Layout, name: str = "worker") -> int:
    return next(now.record.pid for now in processes.status(layout) if now.service.name == name and now.record)


def await_end(process: int) -> None:
    for _ in range(200):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        with suppress(ChildProcessError):  # then init reaps it
            os.waitpid(process, os.WNOHANG)
        time.sleep(0.05)
    raise AssertionError(f"process {process} still runs")


def test_a_service_runs_until_it_is_stopped(layout: Layout, define: Define):
    define(program("worker", SERVE))
    processes.start(layout)
    assert [now.alive for now in processes.status(layout)] == [True]
    worker = pid(layout)
    processes.stop(layout)
    await_end(worker)
    assert [(now.alive, now.died) for now in processes.status(layout)] == [(False, False)]


def test_what_runs_already_is_kept(layout: Layout, define: Define):
    define(program("worker", SERVE))
    processes.start(layout)
    before = pid(layout)
    processes.start(layout)
    assert pid(layout) == before


def test_a_service_survives_the_command_that_started_it(layout: Layout, define: Define, tmp_path: Path):
    define(program("worker", SERVE))
    starter = tmp_path / "starter.py"
    starter.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from sandbox import processes\n"
        "from sandbox.layout import Layout\n"
        f"service = processes.Service('worker', {processes.services(layout)[0].command!r})\n"
        "processes.services = lambda layout: (service,)\n"
        "processes.start(Layout.load(Path(sys.argv[1])))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    subprocess.run([sys.executable, starter, layout.root], check=True, env=environment, capture_output=True)
    assert [now.alive for now in processes.status(layout)] == [True]


def test_a_service_that_died_is_noticed_and_restarted(
    layout: Layout, define: Define, capsys: pytest.CaptureFixture[str]
):
    define(program("worker", SERVE))
    processes.start(layout)
    dead = pid(layout)
    os.kill(dead, signal.SIGKILL)
    await_end(dead)
    assert [now.died for now in processes.status(layout)] == [True]
    assert f"died     process {dead}" in processes.describe(processes.status(layout), layout)[0]
    processes.start(layout)
    assert [now.alive for now in processes.status(layout)] == [True]
    assert f"died (process {dead}" in capsys.readouterr().err


def test_a_reused_process_id_is_not_taken_for_a_service(layout: Layout, define: Define):
    define(program("worker", SERVE))
    processes.start(layout)
    record = layout.run / "worker.json"
    saved = json.loads(record.read_text())
    processes.stop(layout)
    record.write_text(json.dumps(saved | {"pid": os.getpid()}))  # lives, but is no service of ours
    assert [(now.alive, now.died) for now in processes.status(layout)] == [(False, True)]
    processes.stop(layout)  # would end this test run if it went by the number


@pytest.mark.parametrize("half", ['{"pid": 12', "{}", "[]", ""])
def test_a_half_written_record_is_forgotten(layout: Layout, define: Define, half: str):
    define(program("worker", SERVE))
    layout.run.mkdir(exist_ok=True)
    (layout.run / "worker.json").write_text(half)
    processes.start(layout)
    assert [now.alive for now in processes.status(layout)] == [True]


def test_a_service_that_another_version_of_the_sandbox_started_is_restarted(layout: Layout, define: Define):
    define(program("worker", SERVE))
    processes.start(layout)
    old = pid(layout)
    (layout.run / "worker.json").write_text(json.dumps({"pid": old, "unheard_of": 1}))
    processes.start(layout)
    assert pid(layout) != old
    await_end(old)


def test_a_service_with_older_settings_is_restarted(layout: Layout, define: Define):
    define(program("worker", SERVE))
    processes.start(layout)
    old = pid(layout)
    define(program("worker", SERVE, "--more"))
    processes.start(layout)
    assert pid(layout) != old
    await_end(old)


def test_a_service_with_older_code_is_restarted(layout: Layout, define: Define, monkeypatch: pytest.MonkeyPatch):
    define(program("worker", SERVE))
    processes.start(layout)
    old = pid(layout)
    monkeypatch.setattr(processes, "source_digest", lambda: "edited")
    processes.start(layout)
    assert pid(layout) != old


def test_the_digest_of_the_sources_changes_with_any_of_them(tmp_path: Path):
    (tmp_path / "one" / "part").mkdir(parents=True)
    (tmp_path / "one" / "part" / "module.py").write_text("one = 1")
    shutil.copytree(tmp_path / "one", tmp_path / "same")
    shutil.copytree(tmp_path / "one", tmp_path / "edited")
    (tmp_path / "edited" / "part" / "module.py").write_text("one = 2")
    one, same, edited = (processes.source_digest(tmp_path / name) for name in ("one", "same", "edited"))
    assert one == same != edited


def test_a_service_restarts_when_a_variable_that_it_reads_changes(
    layout: Layout, define: Define, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SANDBOX_TEST", "one")
    worker = replace(program("worker", SERVE), reads=("SANDBOX_TEST",))
    other = program("other", SERVE)
    define(worker, other)
    processes.start(layout)
    before = pid(layout, "worker"), pid(layout, "other")
    monkeypatch.setenv("SANDBOX_TEST", "two")
    processes.start(layout)
    assert pid(layout, "worker") != before[0]
    assert pid(layout, "other") == before[1]


def test_the_real_autoscaler_is_remembered_in_every_later_shell(
    layout: Layout, define: Define, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def kubelet() -> tuple[str, ...]:
        (found,) = (service for service in real_services(layout) if service.name == "kubelet")
        return found.command

    real_services = processes.services
    define(program("kubelet", SERVE))
    monkeypatch.setenv("CLUSTER_AUTOSCALER_BIN", "/opt/one")
    processes.start(layout)
    monkeypatch.delenv("CLUSTER_AUTOSCALER_BIN")
    processes.start(layout)
    assert kubelet()[-2:] == ("--autoscaler", "/opt/one")
    assert "runs /opt/one as Cluster Autoscaler" in capsys.readouterr().err

    monkeypatch.setenv("CLUSTER_AUTOSCALER_BIN", "")
    processes.start(layout)
    assert "--autoscaler" not in kubelet()


def test_a_service_that_fails_at_its_start_is_shown_with_the_end_of_its_log(layout: Layout, define: Define):
    define(program("worker", FAIL))
    with pytest.raises(ProcessError, match=r"worker ended during its start(.|\n)*no such folder: /nowhere"):
        processes.start(layout)


def test_a_service_that_never_gets_ready_is_reported(layout: Layout, define: Define, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(processes, "START_SECONDS", 0.5)
    define(program("worker", SILENT))
    with pytest.raises(ProcessError, match="worker was not ready within"):
        processes.start(layout)


def test_the_ready_line_of_an_earlier_run_does_not_count(layout: Layout, define: Define):
    define(program("worker", SERVE))
    processes.start(layout)
    processes.stop(layout)
    define(program("worker", FAIL))
    with pytest.raises(ProcessError, match="ended during its start"):
        processes.start(layout)


def test_a_service_that_does_not_heed_sigterm_is_killed(
    layout: Layout, define: Define, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.5)
    define(program("worker", SERVE_STUBBORNLY))
    processes.start(layout)
    worker = pid(layout)
    processes.stop(layout)
    await_end(worker)


def test_what_a_service_leaves_behind_ends_with_it(layout: Layout, define: Define):
    define(program("worker", START_CHILD))
    processes.start(layout)
    child = int(layout.log("worker").read_text().split()[1])
    processes.stop(layout)
    await_end(child)


def test_a_service_waits_for_those_that_it_needs(layout: Layout, define: Define):
    stamp = "import time; print(time.monotonic(), flush=True); "
    define(
        program("first", "import time; time.sleep(0.5); " + stamp + SERVE),
        program("second", stamp + SERVE, after=("first",)),
    )
    processes.start(layout)
    first, second = (float(layout.log(name).read_text().split()[0]) for name in ("first", "second"))
    assert second > first


def test_only_the_named_services_are_started_and_stopped(layout: Layout, define: Define):
    define(program("one", SERVE), program("other", SERVE))
    processes.start(layout, ["one"])
    assert [now.alive for now in processes.status(layout)] == [True, False]
    processes.start(layout)
    processes.stop(layout, ["one"])
    assert [now.alive for now in processes.status(layout)] == [False, True]


def test_a_provider_whose_port_was_taken_gets_another_one_for_good(layout: Layout, define: Define):
    define(listener_on_eks_port)
    taken = layout.ports.eks_provider
    with socket.create_server(("127.0.0.1", taken)):
        restarted = processes.start(layout)
    assert restarted.ports.eks_provider != taken
    assert Layout.load(layout.root, layout.project).ports == restarted.ports
    assert f"ready on {restarted.ports.eks_provider}" in layout.log("eks-provider").read_text()
    processes.stop(restarted)


def test_a_client_of_a_service_whose_port_was_taken_is_restarted(layout: Layout, define: Define):
    def talker(layout: Layout) -> Service:
        return program("talker", SERVE, layout.aws_endpoint)

    define(listener_on_emulator_port, talker)
    processes.start(layout)
    old = pid(layout, "talker")
    processes.stop(layout, ["aws"])
    with socket.create_server(("127.0.0.1", layout.ports.emulator)):
        restarted = processes.start(layout)
    assert pid(restarted, "talker") != old
    assert [now.alive for now in processes.status(restarted)] == [True, True]


def test_logs_are_closed_to_other_users(layout: Layout, define: Define):
    define(program("worker", SERVE))
    processes.start(layout)
    assert layout.log("worker").stat().st_mode & 0o777 == 0o600


def test_the_real_services_listen_on_loopback_ports_of_the_layout_only(layout: Layout):
    for service in processes.services(layout):
        assert "0.0.0.0" not in " ".join(service.command)
        if service.port:
            assert str(getattr(layout.ports, service.port)) in service.command


def test_every_real_service_is_restarted_when_the_emulated_aws_moves_to_another_port(layout: Layout):
    """All of them call it."""
    moved = replace(layout, ports=replace(layout.ports, emulator=layout.ports.emulator + 1))
    for before, after in zip(processes.services(layout), processes.services(moved), strict=True):
        assert before.fingerprint() != after.fingerprint(), before.name
