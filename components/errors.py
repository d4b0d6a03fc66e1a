"""The door of every component: its arguments checked, and all errors of one input in one exception."""

from collections.abc import Callable, Iterable
from typing import TypeVar, cast

import pulumi

from .pure import arguments
from .pure.faults import Fault

Args = TypeVar("Args")

Naming = Callable[[Fault, type, str], Fault]
"""Returns a fault under the name that the user of a component knows, by the fault, the TypedDict that declares the
argument and the name of the component's resource ("" if the fault concerns several)."""


def python_names(fault: Fault, shape: type, _name: str) -> Fault:
    """Return the fault as a Python program spells the argument, in snake_case."""
    return arguments.in_spelling(fault, shape, arguments.snake_case)


def plugin_names(fault: Fault, _shape: type, _name: str) -> Fault:
    """Return the fault as the plugin and its SDKs spell the argument, in camelCase."""
    return fault


naming: Naming = python_names
"""How errors name arguments. The plugin's host sets ``plugin_names``; a program that reads arguments from a file may
set what names the keys of that file."""


class FaultsError(pulumi.RunError, pulumi.InputPropertiesError):
    """Every error of one input, in one exception.

    As a ``RunError`` it is shown without a traceback by a Pulumi program; as an ``InputPropertiesError`` it is shown
    with its property paths when the component is used through a plugin.
    """

    def __init__(self, subject: str, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        count = "1 error" if len(self.faults) == 1 else f"{len(self.faults)} errors"
        message = "\n".join([f"{subject}: {count}", *(f"  {fault}" for fault in self.faults)])
        pulumi.InputPropertiesError.__init__(
            self,
            message,
            [
                {"property_path": fault.path, "reason": f"got {fault.got}; expected {fault.expected}"}
                for fault in self.faults
            ],
        )

    @classmethod
    def of(
        cls, component: type[pulumi.ComponentResource], name: str, shape: type, faults: Iterable[Fault]
    ) -> "FaultsError":
        """Return the error about a component, under the names that its user knows."""
        return cls(f"{component.__name__} {name!r}", dict.fromkeys(named(faults, shape, name)))


def named(faults: Iterable[Fault], shape: type, name: str = "") -> list[Fault]:
    """Return faults of the arguments that a TypedDict declares, under the names that the user of a component knows."""
    return [naming(fault, shape, name) for fault in faults]


def raise_if_any(subject: str, faults: Iterable[Fault]) -> None:
    """Raise a ``FaultsError`` about ``subject`` when there is at least one fault.

    Raises:
        FaultsError: With all the faults, in the order given, each once.
    """
    found = tuple(dict.fromkeys(faults))
    if found:
        raise FaultsError(subject, found)


def checked(
    component: type[pulumi.ComponentResource],
    name: str,
    args: Args,
    shape: type[Args],
    rules: Callable[[Args], Iterable[Fault]],
) -> Args:
    """Check the arguments of a component: names and types first, then by its own rules.

    Args:
        component: The component.
        name: Name of the resource.
        args: Its arguments, as the caller gave them.
        shape: The TypedDict that declares them.
        rules: What is wrong with arguments of the right names and types.

    Returns:
        The arguments, without those that are None.

    Raises:
        FaultsError: With all errors, under the names that the user of the component knows.
    """
    # By their Python names in a plugin, too: Pulumi's host translates what its users write.
    cleaned, misshapen = arguments.check(args, cast(type, shape))
    raise_if_any(f"{component.__name__} {name!r}", misshapen)
    kept = cast(Args, cleaned)
    if found := list(rules(kept)):
        raise FaultsError.of(component, name, cast(type, shape), found)
    return kept
