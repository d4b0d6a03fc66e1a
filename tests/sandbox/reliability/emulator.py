"""The emulated AWS' own switches: faults to inject, calls that were made."""

import json
import urllib.request
from typing import Any

from sandbox.providers.aws.session import USER_AGENT
from tests.sandbox.harness import Sandbox


class Emulator:
    """The private API of the emulated AWS."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._url = f"{sandbox.layout.aws_endpoint}/_sandbox"

    def inject(
        self,
        service: str,
        action: str,
        fault: str,
        times: int | str = 1,
        *,
        done: bool = False,
        client: str = USER_AGENT,
    ) -> None:
        """Has a fault hit the engine's next calls of an action; see `sandbox.aws.faults.Fault`."""
        body = {"service": service, "action": action, "fault": fault, "times": times, "done": done, "client": client}
        self._ask("POST", "faults", body)

    def waiting(self) -> list[dict[str, Any]]:
        """The faults that have not hit yet, or not often enough."""
        found: list[dict[str, Any]] = self._ask("GET", "faults")["faults"]
        return found

    def clear(self) -> None:
        """Takes all faults away."""
        self._ask("DELETE", "faults")

    def forget_calls(self) -> None:
        """Starts to count calls anew."""
        self._ask("DELETE", "calls")

    def calls(self) -> dict[tuple[str, str], int]:
        """The engine's calls so far: (service, action) -> how often."""
        made = self._ask("GET", "calls")["calls"]
        return {(each["service"], each["action"]): each["times"] for each in made if USER_AGENT in each["client"]}

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._url}/{path}", data=data, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())
