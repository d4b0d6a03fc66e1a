"""A container's liveness probe by HTTP, on the port where the process really serves."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from sandbox.layout import LOOPBACK

# Loopback is never asked of a proxy.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Liveness:
    """Counts the failures of a probe.

    Args:
        probe: The container's ``livenessProbe``; ``None``: it is always alive. Only ``httpGet`` is played.
        port: The port where the process serves what it would serve on the probe's own.
    """

    def __init__(self, probe: Mapping[str, Any] | None, port: int) -> None:
        self._probe = probe if probe and "httpGet" in probe else None
        self._failures = 0
        if self._probe:
            self._url = f"http://{LOOPBACK}:{port}{self._probe['httpGet'].get('path', '/')}"
            self._period = self._probe.get("periodSeconds", 10)
            self._next = time.monotonic() + self._probe.get("initialDelaySeconds", 0) + self._period

    def failed(self) -> bool:
        """Probes if it is time; whether the container must be restarted."""
        if not self._probe or time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + self._period
        try:
            with _opener.open(self._url, timeout=self._probe.get("timeoutSeconds", 1)):
                self._failures = 0
        except (OSError, urllib.error.HTTPError):
            self._failures += 1
        return bool(self._failures >= self._probe.get("failureThreshold", 3))
