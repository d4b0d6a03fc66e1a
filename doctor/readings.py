"""The answer of one read: a value, or why there is none. A right that you lack is not an error of the cluster."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Unreadable:
    """A read without an answer.

    Attributes:
        call: The call: ``iam:GetRole`` or ``get configmaps/cluster-autoscaler-status in kube-system``.
        denied: Whether you lack the right. Otherwise the service could not be reached or did not answer.
        message: The message of the service or the network.
    """

    call: str
    denied: bool
    message: str


Reading: TypeAlias = T | Unreadable
"""A fact that was read. Absence is a value (None or an empty tuple), never ``Unreadable``."""


def then(reading: Reading[T], convert: Callable[[T], U]) -> Reading[U]:
    """Convert what was read into a fact; return what could not be read unchanged."""
    return reading if isinstance(reading, Unreadable) else convert(reading)


def all_found(answers: Iterable[Reading[T | None]]) -> Reading[tuple[T, ...]]:
    """Return what was read, without what does not exist (any more); or the first that could not be read."""
    found: list[T] = []
    for answer in answers:
        if isinstance(answer, Unreadable):
            return answer
        found += [] if answer is None else [answer]
    return tuple(found)
