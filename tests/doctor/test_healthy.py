"""A healthy cluster is found healthy, without a warning, in each mode and by each command line."""

import dataclasses
from collections.abc import Mapping

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


def moved(value: object, region: str, partition: str) -> object:
    """A copy of a snapshot, or of a part of it, from another partition."""
    if isinstance(value, str):
        text = value.replace("arn:aws:", f"arn:{partition}:").replace(snapshots.REGION, region)
        return partition if text == "aws" else text
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if field.init]
        return dataclasses.replace(value, **{name: moved(getattr(value, name), region, partition) for name in names})
    if isinstance(value, Mapping):
        return {moved(key, region, partition): moved(each, region, partition) for key, each in value.items()}
    if isinstance(value, tuple | list | frozenset):
        parts = [moved(each, region, partition) for each in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


@pytest.mark.parametrize("mode", snapshots.MODES)
@pytest.mark.parametrize(("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_a_healthy_cluster_of_another_partition_has_nothing_but_ok(mode: Source, region: str, partition: str):
    snapshot = moved(snapshots.healthy(mode), region, partition)
    assert "arn:aws:" not in repr(snapshot)
    assert f"arn:{partition}:" in repr(snapshot)
    report = examine(snapshot)
    assert [finding for finding in report.findings if finding.status is not Status.OK] == []
