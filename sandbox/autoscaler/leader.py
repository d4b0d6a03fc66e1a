"""Leader election on a Lease, by the rules of client-go (tools/leaderelection/leaderelection.go)."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Any

from sandbox.autoscaler import log
from sandbox.autoscaler.flags import Options
from sandbox.kube_api import KubeApi, KubeApiError


class Leader:
    """One candidate; ``identity`` is the name of its pod."""

    def __init__(self, api: KubeApi, options: Options, identity: str) -> None:
        self._api, self._options, self._identity = api, options, identity
        self._leases = f"/apis/coordination.k8s.io/v1/namespaces/{options.namespace}/leases"
        self._seen: dict[str, Any] = {}
        self._seen_at = 0.0

    def acquire(self) -> None:
        """Wait for the lease; then renew it in a thread, and end the process when that fails for too long."""
        lock = f"{self._options.namespace}/{self._options.leader_elect_resource_name}"
        log.info(f'"Attempting to acquire leader lease..." lock="{lock}"')
        while not self._try():
            time.sleep(self._options.leader_elect_retry_period)
        log.info(f'"Successfully acquired lease" lock="{lock}"')
        threading.Thread(target=self._renew, name="leader", daemon=True).start()

    def _renew(self) -> None:
        renewed = time.monotonic()
        while time.monotonic() - renewed < self._options.leader_elect_renew_deadline:
            renewed = time.monotonic() if self._try() else renewed
            time.sleep(self._options.leader_elect_retry_period)
        log.fatal("lost master")

    def _try(self) -> bool:
        """Take or renew the lease if it is ours, free or expired."""
        name, seconds = self._options.leader_elect_resource_name, int(self._options.leader_elect_lease_duration)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        ours = {"holderIdentity": self._identity, "leaseDurationSeconds": seconds, "acquireTime": now, "renewTime": now}
        new = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": ours}
        try:
            try:
                lease = self._api.get(f"{self._leases}/{name}")
            except KubeApiError as error:
                if error.status != 404:
                    raise
                self._api.request("POST", self._leases, new)
                return True
            spec = lease["spec"]
            if spec != self._seen:
                # A lease expires by our own clock, from when we last saw it change: clocks of machines may differ.
                self._seen, self._seen_at = spec, time.monotonic()
            expired = time.monotonic() - self._seen_at >= spec.get("leaseDurationSeconds", 0)
            if spec.get("holderIdentity") == self._identity:
                ours = spec | {"renewTime": now}
            elif spec.get("holderIdentity") and not expired:
                return False
            self._api.request("PUT", f"{self._leases}/{name}", lease | {"spec": ours})
        except KubeApiError as error:
            log.error(f'"Error retrieving lease lock" err="{error}" lock="{self._options.namespace}/{name}"')
            return False
        return True
