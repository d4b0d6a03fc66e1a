"""A healthy cluster is found healthy, without a warning, in each mode and by each command line."""

import pytest

from doctor.checks import examine
from doctor.facts import Source
from doctor.findings import ExitCode, Status

from . import snapshots


@pytest.mark.parametrize("mode", snapshots.MODES)
def test_a_healthy_cluster_has_nothing_but_ok(mode: Source):
    report = examine(snapshots.healthy(mode))
    assert [finding for finding in report.findings if finding.status is not Status.OK] == []
    assert report.exit_code is ExitCode.HEALTHY
