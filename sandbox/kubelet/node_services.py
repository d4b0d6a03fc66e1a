"""The two link-local services of an EKS node as a pod on it meets them: instance metadata and Pod Identity agent."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.exceptions import ClientError

from sandbox.kubelet.cloud import Cloud, CloudErrors
from sandbox.layout import LOOPBACK

_HOPS_TO_A_POD = 2
_SILENT_SECONDS = 6.0
"""How long a request stays without answer that AWS would never answer: longer than any SDK waits."""

_TOKEN = "X-aws-ec2-metadata-token"
_TOKEN_LIFE = f"{_TOKEN}-ttl-seconds"
_CREDENTIALS = "/latest/meta-data/iam/security-credentials/"
_AGENT_PATH = "/v1/credentials"


class NodeServices:
    """The services for one pod, each on a loopback port instead of its link-local address.

    Args:
        cloud: AWS.
        instance: ID of the pod's node.
        zone: Availability zone of it.
        on_host_network: Whether the pod shares its node's network, which is one hop less.
    """

    def __init__(self, cloud: Cloud, instance: str, zone: str, *, on_host_network: bool) -> None:
        hops = _HOPS_TO_A_POD - on_host_network
        self._stopping = threading.Event()
        self._servers = [
            _serve(_metadata_handler(cloud, instance, zone, hops, self._stopping)),
            _serve(_agent_handler(cloud, instance)),
        ]
        metadata, agent = (server.server_address[1] for server in self._servers)
        self.metadata_url = f"http://{LOOPBACK}:{metadata}"
        """Where 169.254.169.254 would be."""
        self.agent_url = f"http://{LOOPBACK}:{agent}{_AGENT_PATH}"
        """Where 169.254.170.23 would be."""

    def stop(self) -> None:
        """Stops both."""
        self._stopping.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()


def _serve(handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer((LOOPBACK, 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    def answer(self, code: int, text: str, content_type: str = "text/plain", **headers: str) -> None:
        content = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged: some carry tokens."""


def _metadata_handler(
    cloud: Cloud, instance: str, zone: str, hops: int, stopping: threading.Event
) -> type[BaseHTTPRequestHandler]:
    tokens: set[str] = set()

    class Metadata(_Handler):
        def do_PUT(self) -> None:
            options = _attempt(self, lambda: cloud.metadata_options(instance))
            if options is None:
                return
            if not options.enabled:
                self.answer(403, "Forbidden")
            elif options.hop_limit < hops:
                stopping.wait(_SILENT_SECONDS)  # The answer died on its way.
            elif self.path != "/latest/api/token" or _TOKEN_LIFE not in self.headers:
                self.answer(400, "Bad Request")
            else:
                tokens.add(token := secrets.token_urlsafe(32))
                # The Go SDK takes no token without its time to live.
                self.answer(200, token, **{_TOKEN_LIFE: self.headers[_TOKEN_LIFE]})

        def do_GET(self) -> None:
            options = _attempt(self, lambda: cloud.metadata_options(instance))
            if options is None:
                return
            token = self.headers.get(_TOKEN)
            if not options.enabled:
                self.answer(403, "Forbidden")
            elif token not in tokens and (token is not None or options.token_required):
                self.answer(401, "Unauthorized")
            else:
                self._look_up(self.path.rstrip("/"))

        def _look_up(self, path: str) -> None:
            fixed = {
                "/latest/meta-data/instance-id": instance,
                "/latest/meta-data/placement/availability-zone": zone,
                "/latest/meta-data/placement/region": zone[:-1],
                "/latest/dynamic/instance-identity/document": json.dumps(
                    {"instanceId": instance, "region": zone[:-1], "availabilityZone": zone}
                ),
            }
            if path in fixed:
                self.answer(200, fixed[path])
            elif path.startswith(_CREDENTIALS.rstrip("/")):
                self._credentials(path.removeprefix(_CREDENTIALS.rstrip("/")).strip("/"))
            else:
                self.answer(404, "Not Found")

        def _credentials(self, asked: str) -> None:
            credentials = _attempt(self, lambda: cloud.node_credentials(instance))
            if credentials is None:
                return
            role = credentials["RoleArn"].rpartition("/")[2]
            if not asked:
                self.answer(200, role)
            elif asked == role:
                names = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
                document = {name: credentials[name] for name in names} | {"Code": "Success", "Type": "AWS-HMAC"}
                self.answer(200, json.dumps(document), "application/json")
            else:
                self.answer(404, "Not Found")

    return Metadata


def _agent_handler(cloud: Cloud, instance: str) -> type[BaseHTTPRequestHandler]:
    class Agent(_Handler):
        def do_GET(self) -> None:
            if not _attempt(self, cloud.agent_runs):
                self.close_connection = True  # Nothing listens on a node without the add-on.
            elif self.path != _AGENT_PATH:
                self.answer(404, "404 page not found")
            else:
                credentials = _attempt(
                    self, lambda: cloud.pod_credentials(instance, self.headers["Authorization"] or "")
                )
                if credentials:
                    self.answer(200, json.dumps(credentials), "application/json")

    return Agent


def _attempt(handler: _Handler, call: Callable[[], Any]) -> Any:
    """The result of a call to AWS; ``None`` when it failed and the failure was answered."""
    try:
        return call()
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        request = error.response["ResponseMetadata"].get("RequestId", "")
        handler.answer(error.response["ResponseMetadata"]["HTTPStatusCode"], f"[{request}]: ({code}): {message}")
    except CloudErrors as error:
        handler.answer(500, str(error))
    return None
