"""The report as JSON. Its schema, ``report.schema.json``, is part of the interface: see ``docs/doctor/json.md``."""

import json
from importlib import resources
from typing import Any

from ..findings import ExitCode, Finding, Link, Report

SCHEMA_VERSION = 1
"""Raised when a field changes its meaning or is removed; new fields do not raise it."""

VERDICTS = {
    ExitCode.HEALTHY: "healthy",
    ExitCode.BROKEN: "broken",
    ExitCode.COULD_NOT_CHECK: "could-not-check",
}


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the report."""
    text = (resources.files(__package__) / "report.schema.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def as_document(report: Report) -> dict[str, Any]:
    """Return the report as plain values."""
    return {
        "schemaVersion": SCHEMA_VERSION,
        "cluster": report.cluster,
        "region": report.region,
        "takenAt": report.taken_at.isoformat(),
        "verdict": VERDICTS[report.exit_code],
        "exitCode": int(report.exit_code),
        "links": [
            {"link": link.value, "status": None if link in report.skipped else report.verdict(link).value}
            for link in Link
        ],
        "ignored": list(report.ignored),
        "findings": [_finding(finding) for finding in report.findings],
    }


def render(report: Report) -> str:
    """Return the report as JSON text."""
    return json.dumps(as_document(report), indent=2, ensure_ascii=False)


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "link": finding.rule.link.value,
        "id": finding.rule.id,
        "title": finding.rule.title,
        "status": finding.status.value,
        "seen": finding.seen,
        "expected": finding.expected,
        "why": finding.rule.why,
        "fix": finding.fix,
        "concerns": "reader" if finding.yours else "cluster",
        "docs": finding.rule.docs,
        **({"pod": finding.pod, "owner": finding.owner} if finding.pod else {}),
    }
