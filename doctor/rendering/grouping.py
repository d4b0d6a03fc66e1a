"""Findings for people: those about pods of one workload that differ in the pod's name only are one finding."""

from collections.abc import Hashable, Sequence
from dataclasses import replace

from ..findings import Finding, Report
from ..owners import alike, without_name


def grouped(report: Report) -> Report:
    """Return the report with one finding for the pods of a workload. JSON and JUnit have one for each pod."""
    return replace(report, findings=tuple(_one(each) for each in alike(report.findings, _key)))


def _key(finding: Finding) -> Hashable | None:
    if not finding.owner:
        return None
    texts = (without_name(text, finding.pod) for text in (finding.seen, finding.expected, finding.fix))
    return (finding.rule, finding.status, finding.owner, *texts)


def _one(findings: Sequence[Finding]) -> Finding:
    """The finding about several pods; what it shows of one pod is that of the first."""
    first = findings[0]
    names_pod = first.pod in first.seen
    if len(findings) == 1:
        if not first.pod or names_pod:
            return first
        return replace(first, seen=f"The pod {first.pod} is pending. {first.seen}")
    example = f"For example, {first.seen[0].lower()}{first.seen[1:]}" if names_pod else first.seen
    return replace(first, seen=f"{len(findings)} pods of {first.owner} are pending. {example}")
