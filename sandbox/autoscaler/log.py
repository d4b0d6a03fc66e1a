"""A log in the format of klog, each line of which names the stand-in as its source."""

from __future__ import annotations

import logging
import os
import sys
from typing import NoReturn

_FATAL_EXIT = 255
_LETTERS = {logging.WARNING: "W", logging.ERROR: "E", logging.CRITICAL: "F"}
_logger = logging.getLogger("sandbox-autoscaler")
_logger.propagate = False

warning = _logger.warning
error = _logger.error


def start(verbosity: int) -> None:
    """Send the log to stderr; ``verbosity`` is that of ``--v``."""
    handler = _Handler(sys.stderr)
    handler.setFormatter(_Formatter())
    _logger.addHandler(handler)
    _logger.setLevel(logging.INFO - verbosity)


def info(message: str, *, v: int = 0) -> None:
    """Log at verbosity ``v`` and above."""
    _logger.log(logging.INFO - v, message, stacklevel=2)


def fatal(message: str) -> NoReturn:
    """Log why the process ends, and end it as klog does: at once, with 255, from any thread."""
    _logger.critical(message, stacklevel=2)
    os._exit(_FATAL_EXIT)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        letter = _LETTERS.get(record.levelno, "I")
        moment = f"{self.formatTime(record, '%m%d %H:%M:%S')}.{int(record.created % 1 * 1_000_000):06}"
        source = f"sandbox-autoscaler/{record.filename}:{record.lineno}"
        return f"{letter}{moment} {record.process:7} {source}] {record.getMessage()}"


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        os._exit(_FATAL_EXIT)  # the kubelet is gone, and a container does not outlive its kubelet here
