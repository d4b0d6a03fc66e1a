"""The AWS CLI that the package demands before it makes a cluster, even for a preview.

Imitates pulumi-eks nodejs/eks/dependencies.ts, ``assertCompatibleAWSCLIExists``, as of v4.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

_OLDEST = {1: (1, 24, 0)}
_OLDEST_LATER = (2, 7, 0)
_INSTALL = (
    "See https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html for installation instructions."
)


def fault() -> str | None:
    """Return why the AWS CLI on PATH does not do, or None."""
    found = shutil.which("aws")
    if not found:
        return f"Could not find aws CLI for EKS. {_INSTALL}"
    return fault_of(_version(found, Path(found).stat().st_mtime_ns))


@cache
def _version(program: str, changed: int) -> str:
    """Return what a program of this age answers, asked once: the CLI takes half a second to start."""
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout


def fault_of(answer: str) -> str | None:
    """Return why a CLI that answers ``aws --version`` like this is too old, or None."""
    match = re.match(r"aws-cli/(\d+)\.(\d+)\.(\d+)", answer)
    if not match:
        return f"`aws --version` answered {answer!r}, which names no version. {_INSTALL}"
    version = (int(match[1]), int(match[2]), int(match[3]))
    oldest = _OLDEST.get(version[0], _OLDEST_LATER)
    if version >= oldest:
        return None
    wanted, given = (".".join(map(str, each)) for each in (oldest, version))
    return f"At least v{wanted} of aws-cli is required. Current version is: {given}. {_INSTALL}"
