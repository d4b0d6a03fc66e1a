"""The chain: every check in order. Each sees what was found before, so a consequence is not taken for a fault."""

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial

from .. import symptoms
from .._shared import compatibility
from ..case import Case
from ..facts import Snapshot
from ..findings import Finding, Link, Report, Rule
from . import (
    autoscaler,
    command_line,
    groups,
    node_templates,
    permissions,
    pod,
    priorities,
    role,
    service_account,
    waiting_pods,
)

Check = Callable[[Case, Sequence[Finding]], Iterator[Finding]]
"""A pure function: what it finds in a case, given what was found before."""


def _symptoms(link: Link) -> Check:
    return partial(_find_symptoms, link)


def _find_symptoms(link: Link, case: Case, earlier: Sequence[Finding]) -> Iterator[Finding]:
    return symptoms.find(case, link, earlier)


CHAIN: tuple[tuple[Link, tuple[Check, ...]], ...] = (
    (Link.POD, (pod.check, command_line.check, _symptoms(Link.POD))),
    (Link.SERVICE_ACCOUNT, (service_account.check, _symptoms(Link.SERVICE_ACCOUNT))),
    (Link.ROLE, (role.check, _symptoms(Link.ROLE))),
    (Link.PERMISSIONS, (permissions.check, _symptoms(Link.PERMISSIONS))),
    (Link.GROUPS, (groups.check, node_templates.check, _symptoms(Link.GROUPS))),
    (Link.AUTOSCALER, (priorities.check, _symptoms(Link.AUTOSCALER), autoscaler.check)),
    (Link.WAITING_PODS, (waiting_pods.check,)),
)
"""The checks of each link. Symptoms come before the last look at the autoscaler: they say why its process ended."""

_BOOKS = (
    pod.BOOK,
    command_line.BOOK,
    service_account.BOOK,
    role.BOOK,
    permissions.BOOK,
    groups.BOOK,
    node_templates.BOOK,
    priorities.BOOK,
    autoscaler.BOOK,
    waiting_pods.BOOK,
    *symptoms.BOOKS,
)


def all_rules() -> tuple[Rule, ...]:
    """Every rule that a finding may be about."""
    return tuple(rule for book in _BOOKS for rule in book.rules)


def examine(snapshot: Snapshot, skip: Collection[Link] = ()) -> Report:
    """Walk the chain.

    Args:
        snapshot: The facts.
        skip: Links to leave out; the links behind them are judged as if they held.
    """
    case = Case(snapshot)
    findings: list[Finding] = []
    for link, checks in CHAIN:
        if link in skip:
            continue
        for check in checks:
            findings += list(check(case, tuple(findings)))
    return Report(
        cluster=snapshot.cluster_name,
        region=snapshot.region,
        taken_at=snapshot.taken_at,
        findings=tuple(findings),
        skipped=tuple(link for link in Link if link in skip),
        notice=compatibility.age_warning(snapshot.taken_at.date()) or "",
    )
