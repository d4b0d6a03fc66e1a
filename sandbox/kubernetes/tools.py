"""The programs that a control plane consists of, as found in the folder of tools."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
"""The programs, in the order in which they are started. Each is a component of the same name."""

_EMULATED_MINORS = 3
"""The Kubernetes programs can behave as any of so many earlier minor versions (flag ``--emulated-version``)."""


class ToolsError(Exception):
    """The folder of tools is incomplete; the message names what it lacks."""


@dataclass(frozen=True)
class Tools:
    """The programs in one folder.

    Attributes:
        folder: Where they are.
        version: Major and minor version of Kubernetes that they are.
    """

    folder: Path
    version: tuple[int, int]

    @classmethod
    def find(cls, folder: Path) -> Tools:
        """The programs in ``folder``.

        Raises:
            ToolsError: One is missing, or prints no version.
        """
        if missing := [name for name in PROGRAMS if not os.access(folder / name, os.X_OK)]:
            raise ToolsError(f"{folder} lacks {', '.join(missing)}; expected the programs {', '.join(PROGRAMS)}")
        command = [str(folder / "kube-apiserver"), "--version"]
        output = subprocess.run(command, capture_output=True, text=True).stdout
        match = re.match(r"Kubernetes v(\d+)\.(\d+)\.", output)
        if not match:
            raise ToolsError(
                f"`{' '.join(command)}` printed {output!r}; expected `Kubernetes v<major>.<minor>.<patch>`"
            )
        return cls(folder, (int(match[1]), int(match[2])))

    def nearest_version(self, wanted: str) -> str:
        """The minor version that the programs can behave as which is nearest to ``wanted``, such as ``1.34``."""
        major, newest = self.version
        minor = int(wanted.partition(".")[2])
        return f"{major}.{min(max(minor, newest - _EMULATED_MINORS), newest)}"
