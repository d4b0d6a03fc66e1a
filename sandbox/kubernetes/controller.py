"""Makes the control planes follow the emulator's clusters: one comes up for each, and goes with it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.kube_api import KubeApiError
from sandbox.kubernetes.component import Component
from sandbox.kubernetes.control_plane import ControlPlane, ControlPlaneError
from sandbox.kubernetes.emulator import Cluster, Emulator
from sandbox.kubernetes.files import ClusterFiles
from sandbox.kubernetes.nodes import Nodes
from sandbox.kubernetes.tools import PROGRAMS, Tools
from sandbox.private_api import EmulatorError

_log = logging.getLogger(__name__)

_LONGEST_PAUSE = 10.0
"""Seconds between two attempts to start a control plane that does not come up."""

_Expected = (EmulatorError, BotoCoreError, ClientError, KubeApiError)
"""What may go wrong with the two APIs at any moment, and be well again at the next."""


@dataclass(frozen=True)
class Options:
    """How the controller works.

    Attributes:
        state: Its state folder.
        tools: The programs it runs.
        emulator: The emulated AWS.
        poll_seconds: Pause between two reads of clusters and instances.
        node_ready_seconds: How long after joining a node becomes ready.
    """

    state: Path
    tools: Tools
    emulator: Emulator
    poll_seconds: float = 0.5
    node_ready_seconds: float = 1.0


class Controller:
    """Follows the emulator's list of clusters."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._keepers: dict[tuple[str, str], _Keeper] = {}
        self._complaints = _Complaints("following the clusters")

    def run(self, stop: threading.Event, ready: Callable[[], None]) -> None:
        """Follow until asked to stop, then stops every control plane.

        Args:
            stop: Ends the run when set.
            ready: Called once, when the emulator has answered and the clusters that it calls ACTIVE serve again (or
                failed to, which is logged).
        """
        reported = False
        try:
            while not stop.is_set():
                try:
                    self._follow()
                except (EmulatorError, OSError) as error:
                    self._complaints.report(error)
                else:
                    self._complaints.clear()
                    if not reported and all(keeper.settled for keeper in self._keepers.values()):
                        ready()
                        reported = True
                stop.wait(self._options.poll_seconds)
        finally:
            self._end(list(self._keepers))

    def _follow(self) -> None:
        clusters = {cluster.key: cluster for cluster in self._options.emulator.clusters()}
        gone = self._keepers.keys() - clusters.keys()
        self._end(gone)
        for files in ClusterFiles.found_in(self._options.state):
            if files.key not in clusters:
                _log.info("%s: the cluster is gone: removing its files", "/".join(files.key))
                for program in reversed(PROGRAMS):
                    Component(program, files).stop_leftover()
                files.remove()
        for key, cluster in clusters.items():
            if key in self._keepers:
                if not self._keepers[key].is_alive():
                    raise RuntimeError(f"{self._keepers[key].name}: the thread that keeps it running died; see above")
                self._keepers[key].update(cluster)
            else:
                self._keepers[key] = _Keeper(cluster, self._options)
                self._keepers[key].start()

    def _end(self, keys: set[tuple[str, str]] | list[tuple[str, str]]) -> None:
        ending = [self._keepers.pop(key) for key in keys]
        for keeper in ending:
            keeper.end()
        for keeper in ending:
            keeper.join()


class _Keeper(threading.Thread):
    """Keeps one control plane running, and its nodes in step."""

    def __init__(self, cluster: Cluster, options: Options) -> None:
        super().__init__(name="/".join(cluster.key))
        self._wanted = cluster
        self._options = options
        self._files = ClusterFiles.of(options.state, cluster.region, cluster.name)
        self._ending = threading.Event()
        self._complaints = _Complaints(self.name)
        self._attempted = threading.Event()

    @property
    def settled(self) -> bool:
        """Whether the cluster needs no waiting for: it is new, or an attempt to bring it back has ended."""
        return self._wanted.status != "ACTIVE" or self._attempted.is_set()

    def update(self, cluster: Cluster) -> None:
        """Takes the cluster as the emulator lists it now."""
        self._wanted = cluster

    def end(self) -> None:
        """Ask the thread to stop the control plane and end."""
        self._ending.set()

    def run(self) -> None:
        """Runs one control plane after another, as long as the cluster exists."""
        failures = 0
        while not self._ending.wait(min(2.0 * failures, _LONGEST_PAUSE)):
            cluster = self._wanted
            plane = ControlPlane(
                cluster, self._files, self._options.tools, self._options.emulator, self._options.node_ready_seconds
            )
            try:
                nodes = plane.start(self._ending)
                self._attempted.set()
                failures = -1  # The first failure after a success is answered at once.
                self._keep(plane, nodes)
                failures = 0
            except (ControlPlaneError, OSError, *_Expected) as error:
                self._attempted.set()
                if self._ending.is_set():
                    break
                _log.warning("%s: %s: starting again", self.name, error)
                failures += 1
            finally:
                plane.stop()

    def _keep(self, plane: ControlPlane, nodes: Nodes) -> None:
        """Returns when the control plane must end: for good, or to come back for a changed cluster."""
        while not self._ending.wait(self._options.poll_seconds):
            wanted = self._wanted
            if (wanted.version, wanted.issuer) != (plane.cluster.version, plane.cluster.issuer):
                _log.info("%s: starting again as Kubernetes %s, issuer %s", self.name, wanted.version, wanted.issuer)
                return
            plane.keep_alive()
            try:
                if wanted.status == "CREATING":
                    plane.report()
                nodes.follow()
            except _Expected as error:
                self._complaints.report(error)
            else:
                self._complaints.clear()


class _Complaints:
    """Log a failure once while it lasts, and its end; without this the loops would repeat it twice a second."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._last = ""

    def report(self, error: Exception) -> None:
        text = " ".join(str(error).split())
        if text != self._last:
            _log.warning("%s: %s", self._what, text)
            self._last = text

    def clear(self) -> None:
        if self._last:
            _log.info("%s: well again", self._what)
            self._last = ""
