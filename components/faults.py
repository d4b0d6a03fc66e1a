"""Faults of settings: collected one by one, raised all at once."""

from collections.abc import Iterable
from typing import NamedTuple

import pulumi


class Fault(NamedTuple):
    """One thing wrong with what was given.

    Attributes:
        path: Where it stands, in camelCase as users write it: ``nodeGroups[0].minSize``.
        got: What was given, as the user would recognise it.
        expected: What would have been right, or what to do.
    """

    path: str
    got: str
    expected: str

    def under(self, prefix: str) -> "Fault":
        """The same fault seen from a level above: ``minSize`` under ``nodeGroups[0]``."""
        if not prefix:
            return self
        if not self.path:
            return self._replace(path=prefix)
        joint = "" if self.path.startswith("[") else "."
        return self._replace(path=f"{prefix}{joint}{self.path}")

    def __str__(self) -> str:
        """One line: path, what was given, what was expected."""
        return f"{self.path}: got {self.got}; expected {self.expected}"


class FaultsError(pulumi.RunError, pulumi.InputPropertiesError):
    """Every fault of one input, in one error.

    As a ``RunError`` it is shown without a traceback by a Pulumi program; as an ``InputPropertiesError`` it is shown
    with its property paths when the component is used through a plugin.
    """

    def __init__(self, subject: str, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        message = "\n".join([f"{subject}: {count}", *(f"  {fault}" for fault in self.faults)])
        pulumi.InputPropertiesError.__init__(
            self,
            message,
            [
                {"property_path": fault.path, "reason": f"got {fault.got}; expected {fault.expected}"}
                for fault in self.faults
            ],
        )


def raise_if_any(subject: str, faults: Iterable[Fault]) -> None:
    """Raise a ``FaultsError`` about ``subject`` when there is at least one fault.

    Raises:
        FaultsError: With all the faults, in the order given, each once.
    """
    found = tuple(dict.fromkeys(faults))
    if found:
        raise FaultsError(subject, found)
