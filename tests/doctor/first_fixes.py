"""The first fix of every rule, over every planted fault, credential mode, and with and without a stack."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from doctor.checks import examine
from doctor.facts import Intent, Snapshot, Source
from doctor.findings import Finding, Status
from doctor.fixes import command_of
from tests.e2e.doctor.faults import FAULTS, Fault

from . import snapshots
from .test_further_faults import PLANTS as FURTHER
from .test_known_misconfigurations import PLANTS as KNOWN

NOT_TYPED = {
    "autoscaler.cached-template": "needs a cache of node templates; service-account.source types the same restart",
    "autoscaler.dns": "the sandbox has no cluster DNS; pod.version types the same helm upgrade",
    "autoscaler.fresh": "needs a loop that hangs; service-account.source types the same restart",
    "autoscaler.leader": "needs a lease that expires; service-account.source types the same restart",
    "autoscaler.node-groups": "needs a loop that ignores tags; service-account.source types the same restart",
    "autoscaler.scale-down": "needs ten minutes of log; pod.version types the same helm upgrade",
    "autoscaler.status": "the loop overwrites a damaged status; service-account.source types the same restart",
    "autoscaler.throttled": "the emulated AWS does not throttle; pod.version types the same helm upgrade",
    "groups.above-max": "AWS launches no instance above maxSize; the command is that of groups.headroom",
    "groups.instance-type-unknown": "needs an unknown instance type; pod.version types the same helm upgrade",
    "groups.sizes": "needs every group at one size; with a stack the fix is advice",
    "groups.windows": "the sandbox runs no Windows nodes; groups.tags types the same create-or-update-tags",
    "pod.balancing": "needs groups that differ in a launch template; pod.version types the same helm upgrade",
    "pod.memory": "the sandbox enforces no memory limit; pod.version types the same helm upgrade",
    "pod.release": "needs the output of a deployment that failed",
    "role.token-refused": "the sandbox renews tokens; service-account.source types the same restart",
    "pending-pods.fits": "advice, except for a limit such as --max-nodes-total, which is a flag like pod.flags",
    "service-account.hop-limit": "the emulated EC2 has no ModifyInstanceMetadataOptions",
    "service-account.no-credentials": "service-account.source types the same annotation and association",
    "service-account.pod-identity-version": "needs an autoscaler before 1.29; pod.version types the same helm upgrade",
    "service-account.role-in-use": "service-account.source types the same restart",
}
"""Rules whose first fix is a command that no test types, with the reason."""


class FirstFix(NamedTuple):
    """One first fix: where it came from, and what it is."""

    rule: str
    mode: Source
    stack: bool
    plant: str
    fix: str

    @property
    def command(self) -> str:
        """The command; empty if the fix is advice."""
        return command_of(self.fix)


def intent(mode: Source) -> Intent:
    """What the stack deployed in one mode."""
    role = None if mode is Source.NODE_ROLE else snapshots.ROLE_ARN
    return Intent(credentials=mode, role_arn=role, release="cluster-autoscaler", stack="prod")


@cache
def first_fixes() -> tuple[FirstFix, ...]:
    """Return every first fix of every planted fault."""
    found = [
        FirstFix(finding.rule.id, mode, stack, plant.name, finding.fix)
        for plant in (*KNOWN, *FURTHER)
        for mode in snapshots.MODES
        for stack in (False, True)
        for finding in _wrong(_with_stack(plant.spoil(snapshots.healthy(mode)), mode, stack))
    ]
    return tuple(dict.fromkeys(found))


def _with_stack(snapshot: Snapshot, mode: Source, stack: bool) -> Snapshot:
    if not stack:
        return replace(snapshot, intent=None)
    return replace(snapshot, intent=snapshot.intent or intent(mode))


def _wrong(snapshot: Snapshot) -> Iterator[Finding]:
    return (each for each in examine(snapshot).findings if each.status in (Status.BROKEN, Status.WARNING))


def typed() -> dict[str, list[Fault]]:
    """Return the faults whose test types the first fix, by rule."""
    found: dict[str, list[Fault]] = {}
    for fault in FAULTS:
        if fault.typed:
            found.setdefault(fault.rule, []).append(fault)
    return found


def with_commands() -> set[str]:
    """Return the rules whose first fix is a command in some case."""
    return {each.rule for each in first_fixes() if each.command}
