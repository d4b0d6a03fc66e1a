"""The answer of one read: a value, or why there is none. A right that the reader lacks is no fault of the cluster."""

from dataclasses import dataclass
from typing import TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Unreadable:
    """A read that gave no answer.

    Attributes:
        call: What was asked: ``iam:GetRole`` or ``get configmaps/cluster-autoscaler-status in kube-system``.
        denied: Whether the reader lacks the right. Otherwise the service could not be reached or did not answer.
        message: What the service or the network said.
    """

    call: str
    denied: bool
    message: str


Reading: TypeAlias = T | Unreadable
"""A fact that was looked up. Absence is a value of its own (None or an empty tuple), never ``Unreadable``."""
