"""How long the emulated AWS takes for what is done at once by default. Tests set it to meet AWS's slowness."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

NAMES = ("iam", "node-group-update", "tag-call")
"""What can take time, in seconds:

- ``iam``: until other services know a new role (IAM is eventually consistent: IAM user guide, "Troubleshoot IAM").
- ``node-group-update``: an update of a node group, which refuses others meanwhile.
- ``tag-call``: a call that tags Auto Scaling groups, which refuses others on the same group meanwhile.
"""


class InvalidDelay(ValueError):
    """A delay that cannot be set; the message contains the reason."""


class Delays:
    """The delays of this process. Not part of the saved state: a restart clears them."""

    def __init__(self) -> None:
        self._seconds = dict.fromkeys(NAMES, 0.0)

    def set(self, wanted: Mapping[str, Any]) -> None:
        """Set some delays; the others stay.

        Raises:
            InvalidDelay: An unknown name, or a value that is no number of seconds.
        """
        for name, seconds in wanted.items():
            if name not in NAMES:
                raise InvalidDelay(f"'{name}' is unknown, expected one of {', '.join(NAMES)}")
            is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
            if not is_number or seconds < 0 or not math.isfinite(seconds):
                raise InvalidDelay(f"'{name}' is {seconds!r}, expected a number of seconds")
        self._seconds |= {name: float(seconds) for name, seconds in wanted.items()}

    def clear(self) -> None:
        """Do everything at once again."""
        self._seconds = dict.fromkeys(NAMES, 0.0)

    def all(self) -> dict[str, float]:
        """Seconds by name."""
        return dict(self._seconds)

    def until(self, name: str) -> float:
        """The time, as ``time.time()`` counts, until which something that begins now takes."""
        return time.time() + self._seconds[name]


DELAYS = Delays()
"""The delays of this process: the private API sets them, the hooks keep them."""
