"""The long-lived processes of a sandbox: what runs, how it is started, watched and stopped.

A process outlives the command that started it: it has a separate session, no terminal, and a log file for its output.
Whether it is alive is known for sure, with no doubt about reused process ids: it inherits a locked file, and the kernel
frees the lock when it ends, however it ends. The same file describes, in JSON, what was started.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from sandbox.console import note, step
from sandbox.layout import IN_MEMORY, PROJECT, Layout, Ports, port_is_free, take_lock, write_atomically

AUTOSCALER_BINARY = "CLUSTER_AUTOSCALER_BIN"
"""Environment variable that names a real Cluster Autoscaler to run instead of the stand-in."""

START_SECONDS = 60.0
"""How long a process may take until it reports that it is ready."""

STOP_SECONDS = 30.0
"""How long it may take to end after SIGTERM, before SIGKILL. The cluster controller stops whole control planes."""

_POLL_SECONDS = 0.05


class ProcessError(Exception):
    """A process cannot be started or stopped; the message names it, the reason and the way out."""


@dataclass(frozen=True)
class Service:
    """A kind of long-lived process. It prints a line that begins with ``ready`` once it serves, and ends at SIGTERM.

    Attributes:
        name: Its name in commands, and of its log.
        command: The command line.
        port: The field of :class:`~sandbox.layout.Ports` that it listens on, if any.
        after: The services that must be ready before it starts.
        reads: Variables of the user's environment that it obeys.
        settings: What it obeys of the variables that the sandbox sets.
    """

    name: str
    command: tuple[str, ...]
    port: str | None = None
    after: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """Changes with what decides how it behaves: command line, variables and source code."""
        variables = {name: os.environ.get(name) for name in self.reads}
        return f"{source_digest()} {variables or ''} {' '.join((*self.command, *self.settings))}"


@dataclass(frozen=True)
class Record:
    """What is known of the last start of a service.

    Attributes:
        pid: Process id, also of its session and process group.
        fingerprint: :meth:`Service.fingerprint` at that time.
        started: When, ISO 8601 in UTC.
        log_offset: Size in bytes of the log before it: where its own output begins.
        ready: Whether it has reported that it serves.
    """

    pid: int
    fingerprint: str = ""
    started: str = ""
    log_offset: int = 0
    ready: bool = False

    @classmethod
    def load(cls, text: str) -> Record:
        """Reads a record, also one of another version of this module.

        Raises:
            ValueError: It holds no process id.
        """
        saved = json.loads(text)
        if not isinstance(saved, dict) or not isinstance(saved.get("pid"), int):
            raise ValueError("no process id")
        return cls(**{field.name: saved[field.name] for field in fields(cls) if field.name in saved})


@dataclass(frozen=True)
class Status:
    """A service as it is now: ``record`` is set if it was started and not stopped since."""

    service: Service
    alive: bool
    record: Record | None

    @property
    def died(self) -> bool:
        """It was started, it was not stopped, and it is gone."""
        return self.record is not None and not self.alive


def services(layout: Layout) -> tuple[Service, ...]:
    """The services of a sandbox, in the order to start them in."""
    ports = layout.ports
    module = (sys.executable, "-u", "-m")

    def provider(name: str, port: int) -> Service:
        command = (*module, f"sandbox.providers.{name}", "--port", str(port))
        return Service(f"{name}-provider", command, f"{name}_provider", settings=(layout.aws_endpoint,))

    emulated = ("--aws-endpoint", layout.aws_endpoint)
    tools = ("--tools", str(layout.bin))
    clusters = ("--state", str(layout.kubernetes))
    stand_ins = () if layout.official else (provider("aws", ports.aws_provider), provider("eks", ports.eks_provider))
    return (
        Service(
            "aws",
            (*module, "sandbox.aws", "--port", str(ports.emulator), "--state", str(layout.aws)),
            port="emulator",
            reads=(IN_MEMORY,),
        ),
        *stand_ins,
        Service("clusters", (*module, "sandbox.kubernetes", *emulated, *clusters, *tools), after=("aws",)),
        Service("kubelet", (*module, "sandbox.kubelet", *clusters, *emulated, *_autoscaler(layout)), after=("aws",)),
    )


def start(layout: Layout, names: Iterable[str] | None = None) -> Layout:
    """Makes the named services (default: all) run and waits until they serve. What runs already is kept.

    A process that died, that runs other code or with other settings than ours, or whose port another program took,
    is named and restarted.

    Returns:
        The layout, with other ports where some had to be changed.

    Raises:
        ProcessError: A service does not come up.
    """
    wanted = set(names) if names is not None else {service.name for service in services(layout)}
    if "kubelet" in wanted:
        _remember_autoscaler(layout)
    layout = _replace_ports(layout, wanted)
    selected = [service for service in services(layout) if service.name in wanted]
    for service in selected:
        for needed in selected:
            if needed.name in service.after:
                _await_ready(layout, needed)
        _launch(layout, service)
    for service in selected:
        _await_ready(layout, service)
    return layout


def stop(layout: Layout, names: Iterable[str] | None = None) -> None:
    """Stops the named services (default: all), the last started first. What does not run is passed over."""
    wanted = set(names) if names is not None else None
    for service in reversed(services(layout)):
        if wanted is None or service.name in wanted:
            _stop(layout, service.name)


def status(layout: Layout) -> list[Status]:
    """Every service as it is now."""
    return [_status(layout, service) for service in services(layout)]


@cache
def source_digest(folder: Path = PROJECT / "sandbox") -> str:
    """Changes when a source file of the sandbox does: a process that runs older code is restarted."""
    digest = hashlib.sha256()
    for source in sorted(folder.rglob("*.py")):
        digest.update(str(source.relative_to(folder)).encode() + source.read_bytes())
    return digest.hexdigest()[:16]


def _remember_autoscaler(layout: Layout) -> None:
    """Keep the binary that the variable names for every later command, from whatever shell; empty forgets it."""
    named = os.environ.get(AUTOSCALER_BINARY)
    if named:
        write_atomically(layout.autoscaler_binary, str(Path(named).absolute()))
    elif named is not None:
        layout.autoscaler_binary.unlink(missing_ok=True)
    if remembered := _autoscaler(layout):
        undo = f"`{AUTOSCALER_BINARY}= make sandbox` goes back to the stand-in"
        note("kubelet", f"runs {remembered[1]} as Cluster Autoscaler; {undo}")


def _autoscaler(layout: Layout) -> tuple[str, ...]:
    """Return the kubelet's arguments for the real Cluster Autoscaler that this sandbox was started with, if any."""
    with suppress(FileNotFoundError):
        return ("--autoscaler", layout.autoscaler_binary.read_text())
    return ()


# -- one service -----------------------------------------------------------------------------------------------------


def _record_file(layout: Layout, name: str) -> Path:
    return layout.run / f"{name}.json"


def _status(layout: Layout, service: Service) -> Status:
    path = _record_file(layout, service.name)
    try:
        with path.open("r+") as handle:
            alive = not take_lock(handle.fileno())
            record = Record.load(handle.read())
    except FileNotFoundError:
        return Status(service, alive=False, record=None)
    except ValueError:  # written half, by a machine that went down
        if alive:
            raise ProcessError(
                f"{path} is damaged, but its process still runs. End that process: fuser -k {path}"
            ) from None
        return Status(service, alive=False, record=None)
    return Status(service, alive, record)


def _launch(layout: Layout, service: Service) -> None:
    """Starts a service, unless one just like it runs."""
    now = _status(layout, service)
    if now.alive and now.record:
        if now.record.fingerprint == service.fingerprint():
            return
        note(service.name, "runs older code or settings; restarting it")
        _stop(layout, service.name)
    elif now.record:
        note(service.name, f"died (process {now.record.pid}, see {layout.log(service.name)}); restarting it")
    log = layout.log(service.name)
    log.parent.mkdir(parents=True, exist_ok=True)
    path = _record_file(layout, service.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output, path.open("a+") as record_handle:
        os.fchmod(output.fileno(), 0o600)
        if not take_lock(record_handle.fileno()):
            raise ProcessError(
                f"Another command is starting {service.name}. Wait until it has finished, then run this one again."
            )
        # Before it starts: it writes through the same open file, and may be quicker than we are.
        log_offset = log.stat().st_size
        process = subprocess.Popen(
            service.command,
            cwd=PROJECT,
            env=layout.env(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(record_handle.fileno(),),
            start_new_session=True,
        )
        process.returncode = 0  # let it go: it is meant to outlive us, and Popen would warn of that
        started = datetime.now(UTC).isoformat(timespec="seconds")
        _write(path, Record(process.pid, service.fingerprint(), started, log_offset))


def _write(path: Path, record: Record) -> None:
    """Writes into the file itself, not over it by renaming: the lock belongs to this very file."""
    path.write_text(json.dumps(asdict(record), indent=2) + "\n")


def _await_ready(layout: Layout, service: Service) -> None:
    """Wait until a launched service has reported that it serves.

    Raises:
        ProcessError: It ended, or was not ready in time.
    """
    now = _status(layout, service)
    if now.alive and now.record and now.record.ready:
        return
    log = layout.log(service.name)
    with step(service.name, "starting") as done:
        deadline = time.monotonic() + START_SECONDS
        while now.alive and now.record and time.monotonic() < deadline:
            if ready := re.search(r"^ready\b.*$", _output(log, now.record), re.MULTILINE):
                _write(_record_file(layout, service.name), replace(now.record, ready=True))
                done(ready[0])
                return
            time.sleep(_POLL_SECONDS)
            now = _status(layout, service)
        reason = f"was not ready within {START_SECONDS:.0f} s" if now.alive else "ended during its start"
        last = _output(log, now.record).strip().splitlines()[-10:] if now.record else []
        raise ProcessError(
            "\n".join([f"{service.name} {reason}. The end of {log}:", *(f"    {line}" for line in last)])
            + "\nRun the same command again. If that fails too, `make sandbox-clean` removes the sandbox's state."
        )


def _output(log: Path, record: Record) -> str:
    """What a service has printed since its start."""
    with suppress(FileNotFoundError), log.open("rb") as handle:
        handle.seek(record.log_offset)
        return handle.read().decode(errors="replace")
    return ""


def _stop(layout: Layout, name: str) -> None:
    """Ends a service and all that it left in its process group, and forgets it."""
    path = _record_file(layout, name)
    now = _status(layout, Service(name, ()))
    if now.alive and now.record:
        with step(name, "stopping") as done, path.open("r+") as handle, suppress(ProcessLookupError):
            # To the leader alone: a supervisor of others stops them in the right order.
            os.kill(now.record.pid, signal.SIGTERM)
            ended = take_lock(handle.fileno(), STOP_SECONDS)
            done("stopped" if ended else f"killed: did not stop within {STOP_SECONDS:.0f} s")
            os.killpg(now.record.pid, signal.SIGKILL)
            if not ended:
                take_lock(handle.fileno(), STOP_SECONDS)
    path.unlink(missing_ok=True)


# -- ports -----------------------------------------------------------------------------------------------------------


def _replace_ports(layout: Layout, wanted: set[str]) -> Layout:
    """Give other ports permanently to the services that do not run and whose port another program has."""
    others: dict[str, int] = {}
    for now in status(layout):
        field = now.service.port
        if field is None or now.alive or now.service.name not in wanted:
            continue
        port = getattr(layout.ports, field)
        if not port_is_free(port):
            others[field] = getattr(Ports.choose(), field)
            note(now.service.name, f"port {port} is in use by another program; using port {others[field]} from now on")
    return layout.with_ports(**others) if others else layout


def log_files(layout: Layout) -> dict[str, Path]:
    """Every log below the state folder by a short name: ``aws``, ``sandbox/kube-apiserver`` ..."""
    own = {path.stem: path for path in sorted(layout.logs.glob("*.log"))}
    clusters = {
        f"{path.parent.parent.name}/{path.stem}": path
        for path in sorted(layout.kubernetes.glob("clusters/*/*/*/*.log"))
    }
    return own | clusters


def describe(states: Sequence[Status], layout: Layout) -> list[str]:
    """One line for each service: its state, since when, and its log."""
    return [_describe(now, layout) for now in states]


def _describe(now: Status, layout: Layout) -> str:
    if now.alive and now.record:
        port = f"{getattr(layout.ports, now.service.port)}" if now.service.port else "-"
        return f"{now.service.name:<20} running  process {now.record.pid}  port {port}  since {now.record.started}"
    if now.died and now.record:
        return f"{now.service.name:<20} died     process {now.record.pid}  see {layout.log(now.service.name)}"
    return f"{now.service.name:<20} stopped"
