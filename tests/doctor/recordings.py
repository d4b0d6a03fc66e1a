"""What the real Cluster Autoscaler logged, wrote and reported: ``recordings/<version>/<scenario>/``."""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).with_name("recordings")


class Event(NamedTuple):
    """One event that the autoscaler sent."""

    kind: str
    reason: str
    message: str


class Recording(NamedTuple):
    """One scenario of one version.

    Attributes:
        status: The ConfigMap, None where there was none.
        values: Additional values of the chart, in which the scenario supplies what a flag needs.
    """

    version: str
    scenario: str
    log: tuple[str, ...]
    events: tuple[Event, ...]
    status: Any
    values: dict[str, Any]

    @property
    def lines(self) -> tuple[str, ...]:
        """Everything that the doctor would search: the log, and the events as it reads them."""
        return (*self.log, *(f"{event.reason} {event.message}" for event in self.events))

    def logged(self, text: str) -> bool:
        """Whether a line has this text."""
        return any(text in line for line in self.lines)


@cache
def recordings() -> tuple[Recording, ...]:
    """Every recording."""
    return tuple(_read(file.parent) for file in sorted(ROOT.glob("*/*/about.json")))


def versions() -> tuple[str, ...]:
    """The recorded versions, oldest first."""
    return tuple(sorted({recording.version for recording in recordings()}))


def recording(version: str, scenario: str) -> Recording:
    """One recording."""
    return next(each for each in recordings() if (each.version, each.scenario) == (version, scenario))


def help_text(version: str) -> str:
    """What ``cluster-autoscaler --help`` prints."""
    return (ROOT / version / "help.txt").read_text()


def _read(folder: Path) -> Recording:
    about = json.loads((folder / "about.json").read_text())
    events, status = folder / "events.json", folder / "status.json"
    found = json.loads(events.read_text()) if events.exists() else []
    return Recording(
        version=about["version"],
        scenario=folder.name,
        log=tuple((folder / "log.txt").read_text().splitlines()),
        events=tuple(Event(each["kind"], each["reason"], each["message"]) for each in found),
        status=json.loads(status.read_text()) if status.exists() else None,
        values=about.get("values", {}),
    )
