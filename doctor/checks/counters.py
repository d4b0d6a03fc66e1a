"""The counters of the autoscaler since its process started: failures that the recent log may no longer have.

The log reaches back a quarter of an hour. Counters have no time, so only a failure of most attempts is reported: an old
fault of a process that has run for weeks is history.
"""

from collections.abc import Iterator, Mapping, Sequence

from ..case import Case, broken
from ..facts import Metrics
from ..findings import Finding
from ..metrics import SUCCESS
from ..readings import Unreadable
from ..rules.autoscaler import COUNTERS
from .wording import number

_ENOUGH = 3
"""Failures below this number prove nothing."""
_LASTING = 0.5
"""Share of failed attempts from which a failure lasts."""


def check(case: Case, earlier: Sequence[Finding]) -> Iterator[Finding]:
    """Check the leader's counters; yield nothing without a leader."""
    metrics = case.snapshot.kubernetes.metrics
    if metrics is None or case.deployment is None:
        return
    if isinstance(metrics, Unreadable):
        yield COUNTERS.ok(
            f"Not checked: you may not read the metrics ({metrics.call}). The log and status are checked."
        )
        return
    found = [*_iterations(case, metrics), *_requests(case, metrics), *_scale_ups(case, metrics)]
    causes = broken(earlier)
    if found and causes:
        yield COUNTERS.after(causes)
        return
    yield from found or [COUNTERS.ok(_summary(metrics))]


def _iterations(case: Case, metrics: Metrics) -> Iterator[Finding]:
    failed = sum(metrics.errors.values())
    if failed >= _ENOUGH and failed >= metrics.loops * _LASTING:
        yield COUNTERS.warning(
            f"{failed} of {number(metrics.loops, 'iteration')} of the main loop since the start of {metrics.pod} "
            f"ended with an error: {_listed(metrics.errors)}.",
            "iterations without an error",
            case.fixer.read_log(),
        )


def _requests(case: Case, metrics: Metrics) -> Iterator[Finding]:
    for operation, outcomes in metrics.aws_requests.items():
        failures = {outcome: count for outcome, count in outcomes.items() if outcome != SUCCESS and count}
        failed, total = sum(failures.values()), sum(outcomes.values())
        if failed >= _ENOUGH and failed >= total * _LASTING:
            yield COUNTERS.warning(
                f"AWS rejected {failed} of {number(total, 'request')} {operation} since the start of {metrics.pod}: "
                f"{_listed(failures)}.",
                "requests that succeed",
                case.fixer.read_log(),
            )


def _scale_ups(case: Case, metrics: Metrics) -> Iterator[Finding]:
    failed = sum(metrics.failed_scale_ups.values())
    if failed >= _ENOUGH and not metrics.scaled_up:
        yield COUNTERS.warning(
            f"{number(failed, 'scale-up')} failed since the start of {metrics.pod}, and none added a node: "
            f"{_listed(metrics.failed_scale_ups)}.",
            "scale-ups that add nodes",
            case.fixer.read_log(),
        )


def _summary(metrics: Metrics) -> str:
    requests = sum(sum(outcomes.values()) for outcomes in metrics.aws_requests.values())
    rejected = requests - sum(outcomes.get(SUCCESS, 0) for outcomes in metrics.aws_requests.values())
    failed = sum(metrics.failed_scale_ups.values())
    return (
        f"Since the start of {metrics.pod}: {sum(metrics.errors.values())} of {number(metrics.loops, 'iteration')} "
        f"failed, {number(failed, 'scale-up')} failed, {rejected} of {number(requests, 'AWS request')} rejected."
    )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda each: -each[1]))
