"""The error that tells all faults of one input at once."""

from collections.abc import Iterable

import pulumi

from .pure.faults import Fault


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
