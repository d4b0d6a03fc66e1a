"""The status of Cluster Autoscaler 1.26 to 1.36 is read in both of its forms, and nothing else crashes the reader."""

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from doctor.status import INITIALIZING, RUNNING, StatusFormatError, parse_go_time, parse_status

from .examples import few

TEXT_1_26 = """Cluster-autoscaler status at 2026-09-01 11:59:48.126435 +0000 UTC:
Cluster-wide:
  Health:      Healthy (ready=3 unready=1 notStarted=0 longNotStarted=0 registered=4 longUnregistered=2)
               LastProbeTime:      2026-09-01 11:59:47.9 +0000 UTC m=+571.7
               LastTransitionTime: 2026-09-01 11:50:10.5 +0000 UTC m=+31.2
  ScaleUp:     InProgress (ready=3 registered=4)
               LastProbeTime:      2026-09-01 11:59:47.9 +0000 UTC m=+571.7
               LastTransitionTime: 2026-09-01 11:58:46.5 +0000 UTC m=+547.3
  ScaleDown:   NoCandidates (candidates=0)
               LastProbeTime:      2026-09-01 11:59:47.9 +0000 UTC m=+571.7
               LastTransitionTime: 2026-09-01 11:50:10.5 +0000 UTC m=+31.2

NodeGroups:
  Name:        eks-workers-0ac1
  Health:      Healthy ({counts}cloudProviderTarget=2 (minSize=1, maxSize=5))
               LastProbeTime:      2026-09-01 11:59:47.9 +0000 UTC m=+571.7
               LastTransitionTime: 2026-09-01 11:50:10.5 +0000 UTC m=+31.2
  ScaleUp:     Backoff (ready=1 cloudProviderTarget=2)
               LastProbeTime:      2026-09-01 11:59:47.9 +0000 UTC m=+571.7
               LastTransitionTime: 2026-09-01 11:58:46.5 +0000 UTC m=+547.3
  ScaleDown:   CandidatesPresent (candidates=1)
               LastProbeTime:      2026-09-01 11:59:47.9 +0000 UTC m=+571.7
               LastTransitionTime: 2026-09-01 11:50:10.5 +0000 UTC m=+31.2

"""
COUNTS_1_26 = "ready=1 unready=1 notStarted=0 longNotStarted=0 registered=2 longUnregistered=1 "
COUNTS_1_29 = "ready=1 unready=1 (resourceUnready=0) notStarted=0 longNotStarted=0 registered=2 longUnregistered=1 "

YAML_1_30 = """time: 2026-09-01 11:59:48.126435 +0000 UTC
autoscalerStatus: Running
clusterWide:
  health:
    status: Healthy
    nodeCounts:
      registered:
        total: 4
        ready: 3
        notStarted: 0
        unready:
          total: 1
          resourceUnready: 0
      longUnregistered: 2
      unregistered: 2
    lastProbeTime: "2026-09-01T11:59:47Z"
    lastTransitionTime: "2026-09-01T11:50:10Z"
  scaleUp:
    status: InProgress
    lastProbeTime: "2026-09-01T11:59:47Z"
    lastTransitionTime: "2026-09-01T11:58:46Z"
  scaleDown:
    status: NoCandidates
    lastProbeTime: "2026-09-01T11:59:47Z"
    lastTransitionTime: "2026-09-01T11:50:10Z"
nodeGroups:
- name: eks-workers-0ac1
  health:
    status: Healthy
    nodeCounts:
      registered:
        total: 2
        ready: 1
        notStarted: 0
{deleting}        unready:
          total: 1
          resourceUnready: 0
      longUnregistered: 1
      unregistered: 0
    cloudProviderTarget: 2
    minSize: 1
    maxSize: 5
    lastProbeTime: "2026-09-01T11:59:47Z"
    lastTransitionTime: "2026-09-01T11:50:10Z"
  scaleUp:
    status: Backoff
    backoffInfo:
      errorCode: cloudProviderError
      errorMessage: 'AccessDenied: not authorized'
    lastProbeTime: "2026-09-01T11:59:47Z"
    lastTransitionTime: "2026-09-01T11:58:46Z"
  scaleDown:
    status: CandidatesPresent
    candidates: 1
    lastProbeTime: "2026-09-01T11:59:47Z"
    lastTransitionTime: "2026-09-01T11:50:10Z"
"""

WRITTEN_AT = datetime(2026, 9, 1, 11, 59, 48, 126435, UTC)
BY_VERSION = {
    "1.26": TEXT_1_26.replace("{counts}", COUNTS_1_26),
    "1.27": TEXT_1_26.replace("{counts}", COUNTS_1_26),
    "1.28": TEXT_1_26.replace("{counts}", COUNTS_1_29),
    "1.29": TEXT_1_26.replace("{counts}", COUNTS_1_29),
    **{f"1.{minor}": YAML_1_30.replace("{deleting}", "") for minor in range(30, 34)},
    **{f"1.{minor}": YAML_1_30.replace("{deleting}", "        beingDeleted: 1\n") for minor in range(34, 37)},
}


@pytest.mark.parametrize("version", BY_VERSION)
def test_the_status_of_each_version_means_the_same(version):
    status = parse_status(BY_VERSION[version])
    assert (status.phase, status.written_at) == (RUNNING, WRITTEN_AT)
    assert (status.cluster.health, status.cluster.ready, status.cluster.registered) == ("Healthy", 3, 4)
    assert (status.cluster.scale_up, status.cluster.scale_down) == ("InProgress", "NoCandidates")
    (group,) = status.groups
    assert (group.name, group.health, group.min, group.max, group.target) == ("eks-workers-0ac1", "Healthy", 1, 5, 2)
    assert (group.ready, group.registered, group.long_unregistered) == (1, 2, 1)
    assert (group.scale_up, group.scale_down) == ("Backoff", "CandidatesPresent")
    assert group.error == (
        "cloudProviderError: AccessDenied: not authorized" if "autoscalerStatus" in BY_VERSION[version] else ""
    )


@pytest.mark.parametrize(
    "text",
    [
        "Cluster-autoscaler status at 2026-09-01 11:59:48.126435 +0000 UTC:\nInitializing",
        "time: 2026-09-01 11:59:48.126435 +0000 UTC\nautoscalerStatus: Initializing\nclusterWide: {}\n",
    ],
)
def test_a_status_of_the_start_is_initializing_without_groups(text):
    status = parse_status(text)
    assert (status.phase, status.written_at, status.groups) == (INITIALIZING, WRITTEN_AT, ())


def test_a_cluster_without_groups_differs_from_one_at_its_start():
    status = parse_status(BY_VERSION["1.29"].partition("NodeGroups:")[0])
    assert (status.phase, status.groups) == (RUNNING, ())


@pytest.mark.parametrize("text", ["", "nothing", "a: [", "[1, 2]", "time: now", "\x00", "a: &a [*a]"])
def test_anything_else_is_refused_by_name(text):
    with pytest.raises(StatusFormatError):
        parse_status(text)


@few
@given(st.text())
def test_no_text_crashes_the_reader(text):
    for start in ("", "autoscalerStatus: Running\n", "Cluster-autoscaler status at 2026-09-01 11:59:48 +0000 UTC:\n"):
        with contextlib.suppress(StatusFormatError):
            assert parse_status(start + text).phase


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda children: (
        st.lists(children) | st.dictionaries(st.sampled_from(["health", "name", "status", "scaleUp"]), children)
    ),
    max_leaves=20,
)


@few
@given(json_like, json_like)
def test_no_shape_of_the_document_crashes_the_reader(cluster, groups):
    text = yaml.safe_dump({"autoscalerStatus": "Running", "clusterWide": cluster, "nodeGroups": groups})
    assert parse_status(text).phase == RUNNING


@few
@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9000, 1, 1)))
def test_a_time_in_go_s_notation_is_read_to_the_microsecond(moment):
    text = f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond:06}789 +0200 CEST m=+12.5"
    assert parse_go_time(text) == moment.replace(tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01 00:00:00 +0000 UTC", "9999-12-31 23:59:59 -2300 X"])
def test_a_time_that_is_none_is_none(text):
    assert parse_go_time(text) is None
