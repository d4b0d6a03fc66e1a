"""End a command cleanly: a signal unwinds it like Ctrl-C, and the clean-up is not interrupted."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class EndedError(BaseException):
    """A signal ended the command. Not an ``Exception``, so that no handler catches it as a failure."""

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
    """Let a clean-up finish: signals take effect only after it."""
    late: list[int] = []
    with _handled_by(lambda number, _frame: late.append(number)):
        yield
    if late and sys.exception() is None:  # An exception that already ends the command continues.
        signal.raise_signal(late[0])


@contextmanager
def _handled_by(handler: object) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in _ENDING}  # type: ignore[arg-type]
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
