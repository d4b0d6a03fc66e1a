"""The chain: every check in order. Each sees earlier findings, so that it does not report their consequences."""

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial

from .. import symptoms
from .._shared import compatibility
from ..case import Case
from ..facts import Snapshot
from ..findings import Finding, Link, Report, Status
from ..rules import all_rules
from . import (
    autoscaler,
    command_line,
    counters,
    groups,
    node_templates,
    pending_pods,
    permissions,
    pod,
    priorities,
    role,
    service_account,
)

Check = Callable[[Case, Sequence[Finding]], Iterator[Finding]]
"""A pure function: what it finds in a case, given the earlier findings."""


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
    (Link.AUTOSCALER, (priorities.check, _symptoms(Link.AUTOSCALER), autoscaler.check, counters.check)),
    (Link.PENDING_PODS, (pending_pods.check,)),
)
"""The checks of each link. Symptoms come before the check of the autoscaler: they show why its process exited."""


def examine(snapshot: Snapshot, skip: Collection[Link] = ()) -> Report:
    """Run every check of the chain.

    Args:
        snapshot: The facts.
        skip: Links to skip; later links are checked as if the skipped ones held.
    """
    case = Case(snapshot)
    findings: list[Finding] = []
    for link, checks in CHAIN:
        if link in skip:
            continue
        for check in checks:
            findings += list(check(case, tuple(findings)))
    refuted = {finding.rule for finding in findings if finding.status in (Status.BROKEN, Status.WARNING)}
    return Report(
        cluster=snapshot.cluster_name,
        region=snapshot.region,
        taken_at=snapshot.taken_at,
        findings=tuple(each for each in findings if each.status is not Status.OK or each.rule not in refuted),
        skipped=tuple(link for link in Link if link in skip),
        notice=compatibility.age_warning(snapshot.taken_at.date()) or "",
    )


__all__ = ["CHAIN", "Check", "all_rules", "examine"]
