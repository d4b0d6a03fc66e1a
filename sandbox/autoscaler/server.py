"""``/health-check`` and ``/metrics``, as on port 8085 of Cluster Autoscaler."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sandbox.autoscaler.metrics import Metrics
from sandbox.autoscaler.options import Options

_LOOPBACK = "127.0.0.1"


class Health:
    """Whether the loop still runs. Before it began, and on a standby, all is well by definition."""

    def __init__(self, options: Options) -> None:
        self._longest_inactive = options.max_inactivity
        self._longest_failing = options.max_failing_time
        self._activity: float | None = None
        self._success = 0.0

    def active(self, *, succeeded: bool) -> None:
        """Notes that a loop has run."""
        self._activity = time.monotonic()
        if succeeded or not self._success:
            self._success = self._activity

    def problem(self) -> str:
        """What is wrong; empty when nothing is."""
        if self._activity is None:
            return ""
        idle, failing = time.monotonic() - self._activity, time.monotonic() - self._success
        if idle > self._longest_inactive:
            return f"Error: last activity more than {idle:.0f}s ago"
        if failing > self._longest_failing:
            return f"Error: last successful activity more than {failing:.0f}s ago"
        return ""


def serve(address: str, health: Health, metrics: Metrics) -> str:
    """Serves from a thread of its own, on loopback whatever host ``address`` names; returns where.

    Raises:
        OSError: The port is taken.
        ValueError: ``address`` is no ``host:port``.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            problem = health.problem()
            pages = {"/health-check": problem or "OK", "/metrics": metrics.render()}
            page = self.path.partition("?")[0]
            failed = problem and page == "/health-check"
            content = pages.get(page, "404 page not found").encode()
            self.send_response(404 if page not in pages else 500 if failed else 200)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Requests are not logged."""

    server = ThreadingHTTPServer((_LOOPBACK, int(address.rpartition(":")[2])), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    return f"http://{_LOOPBACK}:{server.server_address[1]}"
