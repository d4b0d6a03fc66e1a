"""Faults planted in a healthy snapshot, and what must be reported for each."""

from collections.abc import Callable
from typing import NamedTuple

from doctor.checks import examine
from doctor.facts import Snapshot, Source
from doctor.findings import ExitCode, Link, Status

from . import snapshots


class Plant(NamedTuple):
    """One fault, planted.

    Attributes:
        number: Its number in the list of known misconfigurations; 0 for any other fault.
        name: What is wrong, in a few words.
        spoil: Plants it in a healthy snapshot.
        rule: The rule that must be named.
        fix: What the fix must contain.
        status: How grave it is.
        mode: The credentials of the healthy snapshot.
    """

    number: int
    name: str
    spoil: Callable[[Snapshot], Snapshot]
    rule: str
    fix: str
    status: Status = Status.BROKEN
    mode: Source = Source.IRSA


def assert_named(plant: Plant) -> None:
    """The right rule is named, as gravely as it should be, with its fix; and no other link is."""
    report = examine(plant.spoil(snapshots.healthy(plant.mode)))
    named = [finding for finding in report.findings if finding.status in (Status.BROKEN, Status.WARNING)]
    assert {finding.rule.link for finding in named} == {Link(plant.rule.partition(".")[0])}, named
    right = [finding for finding in named if finding.rule.id == plant.rule]
    assert right, named
    assert right[0].status is plant.status
    assert any(plant.fix in finding.fix for finding in right), right
    assert report.exit_code is (ExitCode.BROKEN if plant.status is Status.BROKEN else ExitCode.HEALTHY)
