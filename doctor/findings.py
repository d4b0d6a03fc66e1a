"""Findings: what a check says of one link of the chain, and what a whole examination comes to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from .readings import Unreadable


class Link(StrEnum):
    """A link of the chain, in the order in which it is walked."""

    POD = "pod"
    SERVICE_ACCOUNT = "service-account"
    ROLE = "role"
    PERMISSIONS = "permissions"
    GROUPS = "groups"
    AUTOSCALER = "autoscaler"
    WAITING_PODS = "waiting-pods"


class Status(StrEnum):
    """What is said of one thing."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"
    NOT_REACHED = "not-reached"


class ExitCode(IntEnum):
    """What a command says to the shell."""

    HEALTHY = 0
    BROKEN = 1
    COULD_NOT_LOOK = 2


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        rule: What was looked at.
        status: What it came to.
        seen: What was seen, in one or two sentences.
        expected: What was expected instead; empty when all is well.
        fix: The command or the setting that mends it; empty when all is well.
        yours: Whether it could not be reached because of the reader's own rights or network, not the cluster's.
    """

    rule: "Rule"
    status: Status
    seen: str
    expected: str = ""
    fix: str = ""
    yours: bool = False


@dataclass(frozen=True)
class Rule:
    """One thing that must hold.

    Attributes:
        link: The link of the chain it belongs to.
        name: Its name within the link, also its anchor in the link's page of documentation.
        title: What is looked at, in a few words.
        why: Why it matters: what happens when it does not hold.
    """

    link: Link
    name: str
    title: str
    why: str

    @property
    def id(self) -> str:
        """``<link>.<name>``: stable, for programs that read the report."""
        return f"{self.link}.{self.name}"

    @property
    def docs(self) -> str:
        """Where it is explained, within the project's repository."""
        return f"docs/doctor/{self.link}.md#{self.name}"

    def ok(self, seen: str) -> Finding:
        """It holds."""
        return Finding(self, Status.OK, seen)

    def warning(self, seen: str, expected: str, fix: str) -> Finding:
        """It works, but costs money or safety, or will stop working."""
        return Finding(self, Status.WARNING, seen, expected, fix)

    def broken(self, seen: str, expected: str, fix: str) -> Finding:
        """It does not hold."""
        return Finding(self, Status.BROKEN, seen, expected, fix)

    def after(self, causes: Iterable[Finding]) -> Finding:
        """It cannot be judged until ``causes`` are fixed."""
        ids = ", ".join(sorted({cause.rule.id for cause in causes}))
        seen = f"Cannot be judged while these are broken: {ids}."
        return Finding(self, Status.NOT_REACHED, seen, fix="Fix those first.")

    def unread(self, unreadable: Unreadable) -> Finding:
        """It could not be looked at: the reader lacks a right, or something did not answer."""
        if unreadable.denied:
            seen = f"You may not call {unreadable.call}: {unreadable.message}"
            fix = f"Run it with credentials that may call {unreadable.call}, or leave the link out: --skip {self.link}."
        else:
            seen = f"No answer to {unreadable.call}: {unreadable.message}"
            fix = f"Fix the network path from here to it and run again, or leave the link out: --skip {self.link}."
        return Finding(self, Status.NOT_REACHED, seen, fix=fix, yours=True)


class RuleBook:
    """The rules of one link, each defined once, beside the check that applies it."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.rules: list[Rule] = []

    def rule(self, name: str, title: str, why: str) -> Rule:
        """Define one more rule of this link."""
        self.rules.append(Rule(self.link, name, title, why))
        return self.rules[-1]


class FailOn(StrEnum):
    """Which findings make the command fail."""

    BROKEN = "broken"
    WARNING = "warning"

    @property
    def statuses(self) -> frozenset[Status]:
        """The statuses that fail."""
        return frozenset({Status.BROKEN} if self is FailOn.BROKEN else {Status.BROKEN, Status.WARNING})


@dataclass(frozen=True)
class Report:
    """All findings of one examination.

    Attributes:
        cluster: Name of the cluster.
        region: Its AWS region.
        taken_at: When its facts were gathered.
        findings: In the order of the chain.
        skipped: Links that were left out on request.
        ignored: Ids of rules whose findings were left out on request.
        notice: What limits the whole examination, such as version tables that are old; empty when nothing does.
    """

    cluster: str
    region: str
    taken_at: datetime
    findings: tuple[Finding, ...]
    skipped: tuple[Link, ...] = ()
    ignored: tuple[str, ...] = ()
    notice: str = ""

    def of(self, link: Link) -> tuple[Finding, ...]:
        """The findings of one link."""
        return tuple(finding for finding in self.findings if finding.rule.link == link)

    def verdict(self, link: Link) -> Status:
        """What one link comes to: the gravest of its findings."""
        statuses = {finding.status for finding in self.of(link)}
        gravity = (Status.BROKEN, Status.NOT_REACHED, Status.WARNING, Status.OK)
        return next((status for status in gravity if status in statuses), Status.NOT_REACHED)

    @property
    def exit_code(self) -> ExitCode:
        """Broken when anything is; could not look when nothing is but something stayed out of the reader's reach."""
        if any(finding.status is Status.BROKEN for finding in self.findings):
            return ExitCode.BROKEN
        if any(finding.yours for finding in self.findings):
            return ExitCode.COULD_NOT_LOOK
        return ExitCode.HEALTHY
