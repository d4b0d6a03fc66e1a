"""Client of what the emulated AWS offers beyond AWS (``/_sandbox/...``): to the sandbox's processes and to tests.

The other side is :mod:`sandbox.aws.private_api`.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

_TIMEOUT_SECONDS = 10.0

# The emulator is on loopback: a proxy that the person's environment names must not be asked for it.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Json = dict[str, Any]


class EmulatorError(Exception):
    """The emulator cannot be reached or refused; the message contains the request and the answer."""


class PrivateApi:
    """The private API of the emulated AWS. Every method raises EmulatorError when it is not answered, or refused.

    Args:
        endpoint: URL of the emulated AWS.
        client: What the ``User-Agent`` of those holds whose calls it counts and has fail. Default: everybody's.
    """

    def __init__(self, endpoint: str, client: str = "") -> None:
        self._url = f"{endpoint.rstrip('/')}/_sandbox"
        self._client = client

    def clusters(self) -> list[Json]:
        """The EKS clusters of all accounts and regions."""
        found: list[Json] = self._ask("GET", "clusters")["clusters"]
        return found

    def report_control_plane(self, region: str, cluster: str, endpoint: str, authority: str, jwks: Json) -> None:
        """Makes a cluster ACTIVE.

        Args:
            region: The cluster's region.
            cluster: Its name.
            endpoint: URL of its API server.
            authority: Certificate that its API server is to be trusted by: PEM in base64.
            jwks: Key set that its service-account tokens are to be trusted by.
        """
        body = {"endpoint": endpoint, "certificateAuthority": authority, "jwks": jwks}
        self._ask("POST", f"clusters/{region}/{cluster}", body)

    def instance_credentials(self, instance: str) -> dict[str, str]:
        """Credentials of an instance's role as its metadata service names them, and ``RoleArn``."""
        found: dict[str, str] = self._ask("POST", f"instances/{instance}/credentials", {})
        return found

    def inject(self, service: str, action: str, fault: str, times: int | str = 1, *, done: bool = False) -> None:
        """Has a fault hit the next calls of an action; see :class:`sandbox.aws.faults.Fault`."""
        named = {"service": service, "action": action, "client": self._client}
        self._ask("POST", "faults", {**named, "fault": fault, "times": times, "done": done})

    def faults(self) -> list[Json]:
        """The faults that have not hit yet, or not often enough."""
        found: list[Json] = self._ask("GET", "faults")["faults"]
        return found

    def clear_faults(self) -> None:
        """Takes all faults away."""
        self._ask("DELETE", "faults")

    def calls(self) -> dict[tuple[str, str], int]:
        """How often each (service, action) was called, in the order of the first calls."""
        found: dict[tuple[str, str], int] = {}
        for entry in self._ask("GET", "calls")["calls"]:
            if self._client in entry["client"]:
                call = entry["service"], entry["action"]
                found[call] = found.get(call, 0) + entry["times"]
        return found

    def forget_calls(self) -> None:
        """Counts calls from zero."""
        self._ask("DELETE", "calls")

    def _ask(self, method: str, path: str, body: Json | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        return json.loads(fetch(urllib.request.Request(f"{self._url}/{path}", data, headers, method=method)) or b"{}")


def fetch(request: urllib.request.Request) -> bytes:
    """The body of the emulator's answer.

    Raises:
        EmulatorError: It cannot be reached, or answered with an error.
    """
    what = f"{request.get_method()} {request.full_url.partition('?')[0]}"
    try:
        with _opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
            body: bytes = response.read()
            return body
    except urllib.error.HTTPError as error:
        answer = error.read(2000).decode(errors="replace").strip()
        raise EmulatorError(f"{what}: HTTP {error.code}: {answer}") from error
    except (OSError, http.client.HTTPException) as error:
        raise EmulatorError(f"{what}: {getattr(error, 'reason', error)}") from error
