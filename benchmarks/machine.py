"""Where and with what figures were taken: a figure without that proves nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from sandbox.layout import PROJECT

PACKAGES = ("pulumi", "pulumi-aws", "pulumi-eks", "pulumi-kubernetes", "boto3", "kubernetes")


def taken(pulumi: Path) -> dict[str, Any]:
    """Date, commit, machine and versions.

    Args:
        pulumi: The CLI that was measured.
    """
    version = subprocess.run([pulumi, "version"], capture_output=True, text=True, check=True).stdout.strip()
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _git("rev-parse", "--short", "HEAD") + ("" if not _git("status", "--porcelain") else " and edits"),
        "machine": {
            "cores": os.cpu_count(),
            "cpu": _cpu(),
            "memoryGib": round(psutil.virtual_memory().total / 2**30),
            "system": platform.system() + " " + platform.release(),
            "load": round(os.getloadavg()[0], 1),
        },
        "versions": {
            "pulumi CLI": version.removeprefix("v"),
            "Python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in PACKAGES},
        },
    }


def _cpu() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=PROJECT, capture_output=True, text=True, check=False).stdout.strip()
