"""Findings that a team accepts: rules with reasons, in a file of the project."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from ._shared import suggestions
from .errors import CannotCheckError
from .findings import Report

IGNORE_FILE = "doctor-ignore.yaml"
"""Name of the file in the project's folder: reasons by rule, ``groups.rebalance: we rebalance on purpose``."""


def read_ignored(file: Path, known: Collection[str]) -> Mapping[str, str]:
    """Return the reason by rule; empty when the file does not exist.

    Raises:
        CannotCheckError: When the file is not a mapping of known rules to reasons.
    """
    if not file.exists():
        return {}
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CannotCheckError(f"{file}: {error}") from error
    if not isinstance(content, dict):
        raise CannotCheckError(f"{file}: got {type(content).__name__}; expected a reason for each rule")
    for rule, reason in content.items():
        if rule not in known:
            raise CannotCheckError(f"{file}: {unknown_rule(str(rule), known)}")
        if not isinstance(reason, str) or not reason.strip():
            raise CannotCheckError(f"{file}: got no reason for {rule}; expected why your team accepts it")
    return content


def unknown_rule(rule: str, known: Collection[str]) -> str:
    """Return the error about a rule that does not exist."""
    near = suggestions.nearest(rule, known)
    return f"got the unknown rule {rule}; " + (f"did you mean {near}?" if near else "docs/doctor/ lists every rule")


def without(report: Report, ignored: Mapping[str, str]) -> Report:
    """Return the report without the findings of ignored rules, which are named in ``Report.ignored``."""
    left = tuple(finding for finding in report.findings if finding.rule.id not in ignored)
    gone = tuple(sorted({finding.rule.id for finding in report.findings} & set(ignored)))
    return replace(report, findings=left, ignored=gone)
