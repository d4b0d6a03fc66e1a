"""The saved state of the emulated AWS: one file, replaced whole after each change, so that no crash tears it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ministack.core import persistence
from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict
from ministack.services import autoscaling, ec2, eks, iam, ssm, sts

from sandbox.aws.hooking import PINNED_VERSION
from sandbox.layout import write_atomically

_SERVICES = {"autoscaling": autoscaling, "ec2": ec2, "eks": eks, "iam": iam, "ssm": ssm, "sts": sts}


class UnusableState(Exception):
    """The state file cannot be used; the message contains the reason and what to do."""


class StateFile:
    """The state of all services in one JSON file (mode 600: it holds the keys of the emulated users).

    It survives the death of the process at any moment (``kill -9``), not that of the machine: it is not flushed to
    disk by force, which would cost every call more than a sandbox is worth.

    Args:
        path: The file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(self) -> None:
        """Writes everything; a reader, or a crash half-way, never sees a part of it."""
        state = {
            "ministack": PINNED_VERSION,
            "stores": _stores(),
            "sessions": sts._sessions,
            "regions_with_defaults": sorted(ec2._default_initialized_scopes),
        }
        write_atomically(self.path, json.dumps(state, default=persistence._json_default))

    def load(self) -> None:
        """Takes up the saved state, if there is any.

        Raises:
            UnusableState: The file is damaged, or was written with another ministack.
        """
        if not self.path.exists():
            return
        try:
            state: dict[str, Any] = json.loads(self.path.read_text(), object_hook=persistence._json_object_hook)
        except ValueError as error:
            raise UnusableState(f"{self.path} is damaged ({error}). Start afresh: make sandbox-clean") from error
        if state.get("ministack") != PINNED_VERSION:
            raise UnusableState(
                f"{self.path} was written with ministack {state.get('ministack')}, this is {PINNED_VERSION}. "
                "Start afresh: make sandbox-clean"
            )
        for name, store in _stores().items():
            store.clear()
            store.update(state["stores"][name])
        sts._sessions.update(state["sessions"])
        ec2._default_initialized_scopes.update(map(tuple, state["regions_with_defaults"]))


class InMemory(StateFile):
    """A state that is never saved, for benchmarks: to save all after each change costs the square of their number."""

    def save(self) -> None:
        """Does nothing."""


def _stores() -> dict[str, Any]:
    """Every store of every service by name: ministack's own snapshots copy each record, which costs far more."""
    scoped = (AccountScopedDict, AccountRegionScopedDict)
    return {
        f"{service}.{name}": store
        for service, module in _SERVICES.items()
        for name, store in vars(module).items()
        if isinstance(store, scoped)
    }
