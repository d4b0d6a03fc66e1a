"""Where charts come from: a chart repository and an OCI registry, on loopback."""

import hashlib
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sandbox.kubernetes.pki import Pki

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.cncf.helm.config.v1+json"
_CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


def package(chart: str, folder: Path) -> Path:
    """Packs a chart; returns the archive."""
    subprocess.run(["helm", "package", chart, "--destination", folder], check=True, capture_output=True)
    [archive] = folder.glob("*.tgz")
    return archive


@contextmanager
def repository(chart: str, folder: Path) -> Iterator[str]:
    """The URL of a chart repository with this chart."""
    package(chart, folder)
    subprocess.run(["helm", "repo", "index", folder], check=True, capture_output=True)

    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, directory=str(folder), **keywords)

        def log_message(self, *arguments):
            pass

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Files)) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def registry(chart: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """The address of this chart in an OCI registry (without its version), and the authority to trust."""
    archive = package(chart, folder).read_bytes()
    blobs = {_digest(content): content for content in (archive, b"{}")}
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, b"{}"),
            "layers": [_descriptor(_CONTENT, archive)],
        }
    ).encode()

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self):
            kind, reference = self.path.rsplit("/", 2)[1:]
            if kind == "manifests" and reference in ("1.2.3", _digest(manifest)):
                self._answer(manifest, _MANIFEST)
            elif kind == "blobs" and reference in blobs:
                self._answer(blobs[reference], "application/octet-stream")
            else:
                self.send_error(404)

        do_HEAD = do_GET  # noqa: N815

        def _answer(self, content, media_type):
            self.send_response(200)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Docker-Content-Digest", _digest(content))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    pki = Pki.load_or_create(folder / "pki")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.certificate("server"), pki.key("server"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with _serving(server) as port:
        yield f"oci://127.0.0.1:{port}/charts/tiny", pki.ca


@contextmanager
def _serving(server: ThreadingHTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}
