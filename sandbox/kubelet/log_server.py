"""What ``kubectl logs`` shows of the pods: the part of a kubelet's API that serves container logs."""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO
from urllib.parse import parse_qs, urlsplit

from sandbox.layout import LOOPBACK

_ADDRESS = re.compile(r"/containerLogs/([a-z0-9.-]+)/([a-z0-9.-]+)/([a-z0-9.-]+)")
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class LogOptions:
    """What is asked of a log (``v1.PodLogOptions``).

    Attributes:
        follow: Go on with what is yet to come.
        previous: That of the container's run before.
        timestamps: Lines with their times.
        tail: So many of the last lines; ``None``: all.
        since: Lines from then on; ``None``: all.
        limit: So many bytes; ``None``: all.
    """

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail: int | None = None
    since: datetime | None = None
    limit: int | None = None

    @classmethod
    def read(cls, query: str, now: datetime) -> LogOptions:
        """Reads a URL's query.

        Raises:
            ValueError: A number or time in it is none.
        """
        given = {name: values[-1] for name, values in parse_qs(query).items()}
        since = datetime.fromisoformat(given["sinceTime"]) if "sinceTime" in given else None
        if "sinceSeconds" in given:
            since = now - timedelta(seconds=int(given["sinceSeconds"]))
        return cls(
            follow=given.get("follow") == "true",
            previous=given.get("previous") == "true",
            timestamps=given.get("timestamps") == "true",
            tail=int(given["tailLines"]) if "tailLines" in given else None,
            since=since,
            limit=int(given["limitBytes"]) if "limitBytes" in given else None,
        )


class LogServer:
    """Serves the logs below a folder on a loopback port.

    Args:
        pods: Holds ``<namespace>_<name>_<uid>/<container>/<restarts>.log``, in the CRI format.
        certificate: Of this server: the API server trusts its authority.
        key: Private key of the certificate.
    """

    def __init__(self, pods: Path, certificate: Path, key: Path) -> None:
        self._server = ThreadingHTTPServer((LOOPBACK, 0), _handler(pods))
        self._server.daemon_threads = True
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        # The handshake is left to the thread of the connection, so that a slow client delays no other.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port: int = self._server.server_address[1]
        """Where it serves."""
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def stop(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()


def log_file(pods: Path, namespace: str, pod: str, container: str, *, previous: bool) -> Path | None:
    """The log of a container's present or previous run; ``None`` if there is none."""
    runs = sorted(pods.glob(f"{namespace}_{pod}_*/{container}/*.log"), key=_restarts)
    position = -2 if previous else -1
    return runs[position] if len(runs) >= -position else None


def lines(file: IO[str], options: LogOptions) -> Iterator[str]:
    """The lines of a log in the CRI format that exist now, filtered by the options."""
    wanted = (line for line in file if options.since is None or _time(line) >= options.since)
    chosen = wanted if options.tail is None else deque(wanted, maxlen=options.tail)
    left = options.limit
    for line in chosen:
        moment, _, _, text = line.split(" ", 3)
        shown = f"{moment} {text}" if options.timestamps else text
        if left is not None:
            shown = shown.encode()[:left].decode(errors="ignore")
            left -= len(shown.encode())
        if shown:
            yield shown


def _handler(pods: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            match = _ADDRESS.fullmatch(url.path)
            try:
                options = LogOptions.read(url.query, datetime.now(UTC))
            except ValueError as error:
                return self._refuse(400, str(error))
            if not match:
                return self._refuse(404, "the sandbox's kubelet serves nothing but container logs")
            namespace, pod, container = match.groups()
            file = log_file(pods, namespace, pod, container, previous=options.previous)
            if not file:
                which = "previous terminated container" if options.previous else "container"
                return self._refuse(400, f'{which} "{container}" in pod "{pod}" not found')
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            return self._send(file, options)

        def _send(self, log: Path, options: LogOptions) -> None:
            # The reader may hang up at any time.
            with log.open() as file, suppress(OSError):
                self._write(lines(file, options))
                rest = LogOptions(timestamps=options.timestamps)
                while options.follow and options.limit is None and _is_written(log):
                    time.sleep(_POLL_SECONDS)
                    self._write(lines(file, rest))

        def _write(self, chosen: Iterator[str]) -> None:
            for line in chosen:
                self.wfile.write(line.encode())
            self.wfile.flush()

        def _refuse(self, code: int, message: str) -> None:
            self.send_response(code)
            self.end_headers()
            self.wfile.write(message.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Requests are not logged."""

    return Handler


def _is_written(log: Path) -> bool:
    """Whether a run's log may yet grow: its container was not restarted, and its pod exists."""
    return log.exists() and not log.with_name(f"{_restarts(log) + 1}.log").exists()


def _restarts(log: Path) -> int:
    return int(log.stem)


def _time(line: str) -> datetime:
    return datetime.fromisoformat(line.partition(" ")[0])
