"""Ending a command in good order: a signal unwinds it as Ctrl-C does, and what cleans up is not interrupted again."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class EndedError(BaseException):
    """A signal asked the command to end. No ``Exception``, so that nothing takes it for a failure and goes on."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextmanager
def unwinding() -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP into ``EndedError`` for the length of a with-block."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise EndedError(number)

    with _handled_by(end):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let a clean-up finish: signals are not heeded until it has, but then."""
    late: list[int] = []
    with _handled_by(lambda number, _frame: late.append(number)):
        yield
    if late and sys.exception() is None:  # Whatever ends the command already goes on.
        signal.raise_signal(late[0])


@contextmanager
def _handled_by(handler: object) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in _ENDING}  # type: ignore[arg-type]
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
