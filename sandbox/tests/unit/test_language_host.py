"""Which Python the language host takes, and that neither it nor its children outlive the CLI."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

from sandbox.language_host.installation import InstallationFailed, installed
from sandbox.language_host.interpreter import UnsupportedOption, python_for, version_of
from sandbox.layout import PROJECT

SERVE = "import sys; sys.argv[0] = {folder!r} + '/host'; from sandbox.language_host.__main__ import main; main()"
PROGRAM = "import time\nopen('running', 'w').close()\ntime.sleep(60)\n"

Host = subprocess.Popen[str]


def program_info(folder: Path, **options: str) -> language_pb2.ProgramInfo:
    info = language_pb2.ProgramInfo(root_directory=str(folder), program_directory=str(folder), entry_point=".")
    info.options.update(options)
    return info


def test_without_options_programs_run_on_the_hosts_own_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PULUMI_PYTHON_CMD", raising=False)
    assert python_for(program_info(tmp_path)) == sys.executable
    assert python_for(program_info(tmp_path, toolchain="pip")) == sys.executable


def test_the_users_python_command_is_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PULUMI_PYTHON_CMD", "python3.12")
    assert python_for(program_info(tmp_path)) == "python3.12"


def test_a_virtual_environment_is_searched_in_the_project(tmp_path: Path):
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert python_for(program_info(tmp_path, virtualenv="venv")) == str(python)


def test_a_missing_virtual_environment_is_reported_with_what_to_do(tmp_path: Path):
    with pytest.raises(UnsupportedOption, match=r"'venv', but .*/venv/bin/python does not exist(.|\n)*python3 -m venv"):
        python_for(program_info(tmp_path, virtualenv="venv"))


def test_a_plugins_environment_is_made_once_and_not_left_incomplete(tmp_path: Path):
    request = language_pb2.InstallDependenciesRequest(info=program_info(tmp_path, virtualenv="venv"), is_plugin=True)
    (tmp_path / "requirements.txt").write_text("./nowhere\n")
    with pytest.raises(InstallationFailed, match="nowhere"):
        list(installed(request))
    assert not (tmp_path / "venv").exists()
    (tmp_path / "venv").mkdir()
    assert list(installed(request)) == []


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"toolchain": "uv"}, "toolchain: uv"),
        ({"typechecker": "mypy"}, "typechecker"),
        ({"toolchain": "poetry", "typechecker": "mypy"}, "toolchain: poetry`, `typechecker"),
    ],
)
def test_options_that_it_does_not_honour_are_refused_by_name(tmp_path: Path, options: dict[str, str], named: str):
    with pytest.raises(UnsupportedOption, match=named):
        python_for(program_info(tmp_path, **options))


def test_the_version_is_that_of_the_interpreter():
    assert version_of(sys.executable) == ".".join(map(str, sys.version_info[:3]))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A language host as the CLI starts it: the engine's address as argument, stdin held open."""
    runner = tmp_path / "pulumi-language-python-exec"  # what runs programs; here it is the program itself
    runner.write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE.format(folder=str(tmp_path)), "127.0.0.1:1"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        yield process
        process.kill()


def port_of(host: Host) -> int:
    assert host.stdout
    return int(host.stdout.readline())


def test_it_ends_when_the_cli_is_gone(host: Host):
    port_of(host)
    assert host.stdin
    host.stdin.close()
    assert host.wait(timeout=5) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_at_a_signal_even_while_it_serves(host: Host, number: signal.Signals):
    with grpc.insecure_channel(f"127.0.0.1:{port_of(host)}") as channel:
        about = language_pb2.AboutRequest(info=program_info(Path.cwd()))
        assert language_pb2_grpc.LanguageRuntimeStub(channel).About(about).version == version_of(sys.executable)
        time.sleep(0.2)  # it must be asleep in its wait for the end
        os.killpg(host.pid, number)
        assert host.wait(timeout=4) == 0  # the CLI kills after 5


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it comes true, on a busy machine too."""
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def group_is_empty(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_program_that_runs_ends_with_the_host(host: Host, tmp_path: Path):
    with grpc.insecure_channel(f"127.0.0.1:{port_of(host)}") as channel:
        run = language_pb2.RunRequest(info=program_info(tmp_path), pwd=str(tmp_path))
        call = language_pb2_grpc.LanguageRuntimeStub(channel).Run.future(run)
        assert eventually((tmp_path / "running").exists)
        assert not call.done()
        host.terminate()
        assert host.wait(timeout=4) == 0
    assert eventually(lambda: group_is_empty(host.pid)), "the program outlived the host"


def test_a_call_that_it_does_not_know_is_refused_by_name(host: Host):
    with grpc.insecure_channel(f"127.0.0.1:{port_of(host)}") as channel:
        stub = language_pb2_grpc.LanguageRuntimeStub(channel)
        with pytest.raises(grpc.RpcError) as refusal:
            stub.GenerateProject(language_pb2.GenerateProjectRequest())
    assert refusal.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_missing_virtual_environment_reaches_the_user_through_the_call(host: Host, tmp_path: Path):
    with grpc.insecure_channel(f"127.0.0.1:{port_of(host)}") as channel:
        stub = language_pb2_grpc.LanguageRuntimeStub(channel)
        with pytest.raises(grpc.RpcError) as refusal:
            stub.Run(language_pb2.RunRequest(info=program_info(tmp_path, virtualenv="nowhere")))
    assert "nowhere" in str(refusal.value.details())
