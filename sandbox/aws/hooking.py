"""How ministack is corrected: its functions and actions, replaced by name at run time, never copied.

Each module of :mod:`sandbox.aws.hooks` ends with a tuple ``HOOKS`` of the hooks made here. :func:`install` first checks
that ministack is the pinned version and has every hooked name, then puts them all in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from types import ModuleType
from typing import Any

PINNED_VERSION = "1.5.33"
"""The ministack release that the hooks were written against (requirements-dev.in pins the same)."""


class IncompatibleMinistack(Exception):
    """The installed ministack is not the one the hooks were written against; the message lists every difference."""


@dataclass(frozen=True)
class Hook:
    """One change to ministack.

    Attributes:
        module: The module of ministack that is changed.
        name: The function or table in it.
        build: Makes the replacement out of the original (``None`` where ministack has none).
        key: The entry of the table ``name``; ``None`` when ``name`` as a whole is replaced.
        is_new: Whether ministack lacks this entry, so that finding one there is as wrong as missing one elsewhere.
    """

    module: ModuleType
    name: str
    build: Callable[[Any], Any]
    key: str | None = None
    is_new: bool = False

    @property
    def label(self) -> str:
        """Where the hook sits, for messages: ``services.autoscaling._ACTION_MAP[DescribeTags]``."""
        place = f"{self.module.__name__.removeprefix('ministack.')}.{self.name}"
        return place if self.key is None else f"{place}[{self.key}]"

    def original(self) -> Any:
        """What ministack has there now, or ``None``."""
        found = getattr(self.module, self.name, None)
        return found if self.key is None or found is None else found.get(self.key)

    def fault(self) -> str | None:
        """Why the hook does not fit the installed ministack, or ``None``."""
        if self.is_new == (self.original() is None):
            return None
        return f"{self.label} {'exists already' if self.is_new else 'is missing'}"

    def install(self) -> None:
        """Puts the replacement in place."""
        replacement = self.build(self.original())
        if self.key is None:
            setattr(self.module, self.name, replacement)
        else:
            getattr(self.module, self.name)[self.key] = replacement


def replace(module: ModuleType, name: str, value: Any) -> Hook:
    """``value``, a function or a table, takes the place of ``module.name``."""
    return Hook(module, name, lambda _original: value)


def wrap(module: ModuleType, name: str, function: Callable[..., Any]) -> Hook:
    """``function`` takes the place of ``module.name`` and gets the original as its first argument."""
    return Hook(module, name, lambda original: lambda *args, **kwargs: function(original, *args, **kwargs))


def install(hooks: Iterable[Hook]) -> None:
    """Checks all hooks, then puts them in place.

    Raises:
        IncompatibleMinistack: Another version is installed, or a hooked name does not exist; nothing was changed.
    """
    hooks = tuple(hooks)
    installed = version("ministack")
    faults = [fault for hook in hooks if (fault := hook.fault())]
    if installed != PINNED_VERSION:
        faults.insert(0, f"version {installed} is installed, the sandbox's hooks are written for {PINNED_VERSION}")
    if faults:
        raise IncompatibleMinistack(
            "the installed ministack does not fit the sandbox:\n"
            + "\n".join(f"  - {fault}" for fault in faults)
            + f"\nInstall the pinned one: pip install ministack=={PINNED_VERSION} (or -r requirements-dev.txt)"
        )
    for hook in hooks:
        hook.install()
