"""Findings: what a check reports about one link of the chain, and the report of all of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from .readings import Unreadable


class Link(StrEnum):
    """A link of the chain, in the order in which the checks run."""

    POD = "pod"
    SERVICE_ACCOUNT = "service-account"
    ROLE = "role"
    PERMISSIONS = "permissions"
    GROUPS = "groups"
    AUTOSCALER = "autoscaler"
    PENDING_PODS = "pending-pods"


class Status(StrEnum):
    """What a check concludes."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"
    NOT_REACHED = "not-reached"


class ExitCode(IntEnum):
    """The exit code of a command."""

    HEALTHY = 0
    BROKEN = 1
    COULD_NOT_CHECK = 2


@dataclass(frozen=True)
class Finding:
    """The result of one rule.

    Attributes:
        rule: The rule that was checked.
        status: The conclusion.
        seen: What the check saw, in one or two sentences.
        expected: What was expected instead; empty when the rule holds.
        fix: The command or advice that fixes it (see ``fixes``); empty when the rule holds.
        yours: Whether your own rights or network kept the doctor from checking, not the cluster's.
        pod: The pending pod that it is about, ``namespace/name``; empty if it is about no single pod.
        owner: The workload of that pod, such as ``Deployment shop/api``; empty if it has no controller.
    """

    rule: "Rule"
    status: Status
    seen: str
    expected: str = ""
    fix: str = ""
    yours: bool = False
    pod: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Rule:
    """One thing that must hold, with every text about it.

    Attributes:
        link: The link of the chain it belongs to.
        name: Its name within the link, also its anchor in the link's page of documentation.
        title: What holds, in a few words.
        why: What happens when it does not hold.
        you_see: What a user sees when it does not hold, as Markdown.
        how_to_fix: What a user does about it, as Markdown.
    """

    link: Link
    name: str
    title: str
    why: str
    you_see: str
    how_to_fix: str

    @property
    def id(self) -> str:
        """``<link>.<name>``: stable, for programs that read the report."""
        return f"{self.link}.{self.name}"

    @property
    def docs(self) -> str:
        """Its section of the documentation, as a path in the project's repository."""
        return f"docs/doctor/{self.link}.md#{self.name}"

    def ok(self, seen: str) -> Finding:
        """Report that the rule holds."""
        return Finding(self, Status.OK, seen)

    def warning(self, seen: str, expected: str, fix: str) -> Finding:
        """Report what works, but costs money or safety, or will stop working."""
        return Finding(self, Status.WARNING, seen, expected, fix)

    def broken(self, seen: str, expected: str, fix: str) -> Finding:
        """Report that the rule does not hold."""
        return Finding(self, Status.BROKEN, seen, expected, fix)

    def after(self, causes: Iterable[Finding]) -> Finding:
        """Report that the rule cannot be checked until ``causes`` are fixed."""
        ids = ", ".join(sorted({cause.rule.id for cause in causes}))
        seen = f"The doctor cannot check this while other rules are broken: {ids}."
        return Finding(self, Status.NOT_REACHED, seen, fix=f"Fix {ids} first.")

    def unread(self, unreadable: Unreadable) -> Finding:
        """Report that the rule could not be checked: you lack a right, or an API did not answer."""
        if unreadable.denied:
            seen = f"You may not call {unreadable.call}: {unreadable.message}"
            fix = f"Use credentials that may call {unreadable.call}, or skip the link: --skip {self.link}."
        else:
            seen = f"No answer to {unreadable.call}: {unreadable.message}"
            fix = f"Fix the network path to {unreadable.call} and run again, or skip the link: --skip {self.link}."
        return Finding(self, Status.NOT_REACHED, seen, fix=fix, yours=True)


class RuleBook:
    """The rules of one link.

    Attributes:
        link: The link.
        heading: Its heading in the documentation.
        intro: What the link is, for the documentation.
    """

    def __init__(self, link: Link, heading: str, intro: str) -> None:
        self.link, self.heading, self.intro = link, heading, intro
        self.rules: list[Rule] = []

    def rule(self, name: str, title: str, why: str, you_see: str, how_to_fix: str) -> Rule:
        """Define one more rule of this link."""
        self.rules.append(Rule(self.link, name, title, why, you_see, how_to_fix))
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
    """All findings about one cluster.

    Attributes:
        cluster: Name of the cluster.
        region: Its AWS region.
        taken_at: When its facts were gathered.
        findings: In the order of the chain.
        skipped: Links that the user skipped.
        ignored: Ids of rules that the user ignores.
        notice: What limits the whole report, such as version tables that are old; empty when nothing does.
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
        """The most severe status of a link's findings."""
        statuses = {finding.status for finding in self.of(link)}
        severity = (Status.BROKEN, Status.NOT_REACHED, Status.WARNING, Status.OK)
        return next((status for status in severity if status in statuses), Status.NOT_REACHED)

    @property
    def exit_code(self) -> ExitCode:
        """BROKEN if any finding is; COULD_NOT_CHECK if none is, and your rights or network hid something."""
        if any(finding.status is Status.BROKEN for finding in self.findings):
            return ExitCode.BROKEN
        if any(finding.yours for finding in self.findings):
            return ExitCode.COULD_NOT_CHECK
        return ExitCode.HEALTHY
