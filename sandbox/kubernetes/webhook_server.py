"""Serves the webhooks of one API server, each at a separate path."""

from __future__ import annotations

import json
import logging
import ssl
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

from sandbox.kubernetes.pki import Pki
from sandbox.layout import LOOPBACK

_log = logging.getLogger(__name__)

Answer: TypeAlias = Callable[[Any], dict[str, object]]
"""Answers a review; what it raises is logged, and the API server gets no answer."""


class WebhookServer:
    """Serves on a loopback port by HTTPS, so that no other process can answer in its place."""

    def __init__(self, port: int, pki: Pki, answers: Mapping[str, Answer]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60.0

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                path = self.path.partition("?")[0]
                try:
                    status, answer = 200, json.dumps(answers[path](request)).encode()
                except Exception as error:
                    _log.warning("webhook %s: %s: %s", path, type(error).__name__, error)
                    status, answer = 500, f"{type(error).__name__}: {error}".encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                _log.debug(format, *args)

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pki.certificate("server"), pki.key("server"))
        self._server = ThreadingHTTPServer((LOOPBACK, port), Handler)
        # The handshake is left to the connection's own thread: a silent client must not hold up the others.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, name=f"webhooks-{port}", daemon=True)

    def start(self) -> None:
        """Begins to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stops serving and frees the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
