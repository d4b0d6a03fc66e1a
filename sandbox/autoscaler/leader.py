"""Leader election on a Lease, by the rules of client-go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sandbox.autoscaler import log
from sandbox.autoscaler.options import Options
from sandbox.kube_api import KubeApi, KubeApiError


class Leader:
    """One candidate.

    Args:
        api: The API server.
        options: The ``--leader-elect*`` flags.
        identity: Its name: that of its pod.
    """

    def __init__(self, api: KubeApi, options: Options, identity: str) -> None:
        self._api = api
        self._options = options
        self._identity = identity
        # Not --leader-elect-resource-namespace, which Cluster Autoscaler ignores.
        namespace = options.namespace
        self._name = f"{namespace}/{options.leader_elect_resource_name}"
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._seen: dict[str, Any] = {}
        self._seen_at = 0.0

    def acquire(self) -> None:
        """Waits until this candidate is the leader."""
        log.info(f"attempting to acquire leader lease {self._name}...")
        while not self._try():
            time.sleep(self._options.leader_elect_retry_period)
        log.info(f"successfully acquired lease {self._name}")

    def keep(self, lost: Callable[[], None]) -> None:
        """Renews the lease from a thread of its own; calls ``lost`` if that fails for too long."""
        threading.Thread(target=self._renew, args=(lost,), name="leader", daemon=True).start()

    def _renew(self, lost: Callable[[], None]) -> None:
        renewed = time.monotonic()
        while time.monotonic() - renewed < self._options.leader_elect_renew_deadline:
            if self._try():
                renewed = time.monotonic()
            time.sleep(self._options.leader_elect_retry_period)
        lost()

    def _try(self) -> bool:
        """Takes or renews the lease if it is ours, nobody's or run out."""
        try:
            return self._take(self._api.get(f"{self._path}/{self._options.leader_elect_resource_name}"))
        except KubeApiError as error:
            if error.status == 404:
                return self._create()
            log.error(f"error retrieving resource lock {self._name}: {error}")
            return False

    def _take(self, lease: dict[str, Any]) -> bool:
        spec = lease["spec"]
        if spec != self._seen:
            # A lease runs out by our own clock, from when we last saw it change: clocks of machines may differ.
            self._seen, self._seen_at = spec, time.monotonic()
        holder = spec.get("holderIdentity")
        alive = time.monotonic() - self._seen_at < spec.get("leaseDurationSeconds", 0)
        if holder and holder != self._identity and alive:
            log.info(f"lock is held by {holder} and has not yet expired", v=4)
            return False
        if holder == self._identity:
            new = {**spec, "renewTime": _now()}
        else:
            new = self._spec(spec.get("leaseTransitions", 0) + 1)
        path = f"{self._path}/{self._options.leader_elect_resource_name}"
        try:
            self._seen = self._api.request("PUT", path, {**lease, "spec": new})["spec"]
        except KubeApiError as error:
            log.error(f"Failed to update lock: {error}")
            return False
        self._seen_at = time.monotonic()
        return True

    def _create(self) -> bool:
        name = self._options.leader_elect_resource_name
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}}
        try:
            self._api.request("POST", self._path, {**body, "spec": self._spec(0)})
        except KubeApiError as error:
            log.error(f"error initially creating leader election record: {error}")
            return False
        return True

    def _spec(self, transitions: int) -> dict[str, Any]:
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._options.leader_elect_lease_duration),
            "acquireTime": _now(),
            "renewTime": _now(),
            "leaseTransitions": transitions,
        }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
