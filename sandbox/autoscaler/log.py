"""A log in the format of klog, each line of which names the stand-in as its source."""

from __future__ import annotations

import logging
import os
import sys
from typing import NoReturn

_FATAL_EXIT = 255
_LETTERS = {logging.WARNING: "W", logging.ERROR: "E", logging.CRITICAL: "F"}
_logger = logging.getLogger("sandbox-autoscaler")


def start(verbosity: int) -> None:
    """Sends the log to stderr; ``verbosity`` is that of ``--v``."""
    handler = _Handler(sys.stderr)
    handler.setFormatter(_Formatter())
    _logger.addHandler(handler)
    _logger.propagate = False
    _logger.setLevel(logging.INFO - verbosity)


def info(message: str, *, v: int = 0) -> None:
    """Says something at verbosity ``v`` and above."""
    _logger.log(logging.INFO - v, message, stacklevel=2)


def warning(message: str) -> None:
    """Says that something is odd."""
    _logger.warning(message, stacklevel=2)


def error(message: str) -> None:
    """Says that something failed."""
    _logger.error(message, stacklevel=2)


def fatal(message: str) -> NoReturn:
    """Says why the process ends, and ends it as klog does: at once, with 255, from whatever thread."""
    _logger.critical(message, stacklevel=2)
    os._exit(_FATAL_EXIT)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        letter = _LETTERS.get(record.levelno, "I")
        moment = self.formatTime(record, "%m%d %H:%M:%S")
        micros = int(record.created % 1 * 1_000_000)
        source = f"sandbox-autoscaler/{record.filename}:{record.lineno}"
        return f"{letter}{moment}.{micros:06} {record.process:7} {source}] {record.getMessage()}"


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        # Nobody reads the log any more: the kubelet is gone, and a container does not outlive its kubelet here.
        os._exit(_FATAL_EXIT)
