"""Where one cluster keeps its files; see the package's docstring for the layout that others rely on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.layout import write_atomically


@dataclass(frozen=True)
class ClusterFiles:
    """The paths of one cluster.

    Attributes:
        folder: ``DIR/clusters/<region>/<name>``.
    """

    folder: Path

    @classmethod
    def of(cls, state: Path, region: str, name: str) -> ClusterFiles:
        """The files of cluster ``name`` below the controller's state folder."""
        return cls(state / "clusters" / region / name)

    @classmethod
    def found_in(cls, state: Path) -> Iterator[ClusterFiles]:
        """The files of every cluster that left any below the controller's state folder."""
        return (cls(folder) for folder in sorted(state.glob("clusters/*/*")))

    @property
    def key(self) -> tuple[str, str]:
        """Region and name of the cluster."""
        return self.folder.parent.name, self.folder.name

    @property
    def admin_kubeconfig(self) -> Path:
        """The administrator's kubeconfig; exists while the API server serves."""
        return self.folder / "admin.kubeconfig"

    @property
    def kubeconfig(self) -> Path:
        """The user's kubeconfig, which logs in by ``aws eks get-token``; exists while the API server serves.

        Apart from :attr:`folder`, which goes with the cluster: tools such as ``aws eks update-kubeconfig`` write to it.
        """
        region, name = self.key
        return self.folder.parents[2] / "kubeconfigs" / region / name

    @property
    def pki(self) -> Path:
        """Folder of keys and certificates."""
        return self.folder / "pki"

    @property
    def etcd(self) -> Path:
        """Folder of the cluster's data."""
        return self.folder / "etcd"

    def config(self, name: str) -> Path:
        """A settings file of a component."""
        return self.folder / "config" / name

    def log(self, component: str) -> Path:
        """The output of a component."""
        return self.folder / "logs" / f"{component}.log"

    def pid(self, component: str) -> Path:
        """The process id of a component that runs."""
        return self.folder / "run" / f"{component}.pid"

    def prepare(self) -> None:
        """Makes the folders, closed to other users of the machine."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (self.config("any"), self.log("any"), self.pid("any")):
            path.parent.mkdir(exist_ok=True)

    def remove(self) -> None:
        """Removes everything the cluster kept."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def read_record(self) -> dict[str, object]:
        """``cluster.json``; empty when there is none, or none that can be read."""
        try:
            record = json.loads((self.folder / "cluster.json").read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def write_record(self, record: dict[str, object]) -> None:
        """Replaces ``cluster.json``."""
        write_atomically(self.folder / "cluster.json", json.dumps(record, indent=2) + "\n")
