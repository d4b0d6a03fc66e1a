"""A stand-in for the sandbox's cluster controller, without any control plane."""

from __future__ import annotations

import threading

from sandbox.tests.aws.support import Emulator


class ControlPlanes:
    """Plays the cluster controller: every cluster's control plane serves a moment after it was asked for."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            for cluster in self._emulator.private("GET", "clusters")["clusters"]:
                if cluster["status"] == "CREATING":
                    body = {"endpoint": "https://127.0.0.1:6443", "certificateAuthority": "Q0E=", "jwks": {"keys": []}}
                    self._emulator.private("POST", f"clusters/{cluster['region']}/{cluster['name']}", body)
