"""What the status ConfigMap says, and in which words errors are told."""

from datetime import timedelta

import pytest
import yaml
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
)

from sandbox.autoscaler.metrics import Metrics
from sandbox.autoscaler.releases import Release
from sandbox.autoscaler.sdk_errors import PodIdentityUnknownError, describe
from sandbox.autoscaler.status import ClusterStatus, Counts, GroupStatus, Transitions, initializing, running
from sandbox.tests.autoscaler.making import NOW, group

GROUPS = [
    GroupStatus(group("a", 3, min_size=1), Counts(ready=2, unregistered=1), candidates=1),
    GroupStatus(group("b", 1), Counts(ready=1), candidates=0, error="denied"),
]
STATUS = ClusterStatus(True, Counts(ready=3, unregistered=1), GROUPS)


def test_before_the_first_loop_the_status_is_initializing():
    assert yaml.safe_load(initializing(NOW, as_yaml=True))["autoscalerStatus"] == "Initializing"
    assert "Initializing" in initializing(NOW, as_yaml=False)


def test_the_yaml_is_that_of_the_real_one():
    found = yaml.safe_load(running(STATUS, Transitions(), NOW, as_yaml=True))

    assert found["time"] == "2026-01-02 03:04:05.000000000 +0000 UTC"
    assert found["autoscalerStatus"] == "Running"
    assert found["clusterWide"]["health"]["status"] == "Healthy"
    assert found["clusterWide"]["health"]["nodeCounts"]["registered"]["ready"] == 3
    assert found["clusterWide"]["scaleUp"]["status"] == "InProgress"
    assert found["clusterWide"]["scaleDown"] | {"lastProbeTime": "", "lastTransitionTime": ""} == {
        "status": "CandidatesPresent",
        "candidates": 1,
        "lastProbeTime": "",
        "lastTransitionTime": "",
    }
    a, b = found["nodeGroups"]
    assert (a["name"], a["health"]["cloudProviderTarget"], a["health"]["minSize"], a["health"]["maxSize"]) == (
        "a",
        3,
        1,
        10,
    )
    assert a["health"]["nodeCounts"]["unregistered"] == 1
    assert (a["scaleUp"]["status"], b["scaleUp"]["status"]) == ("InProgress", "Backoff")
    assert b["scaleUp"]["backoffInfo"]["errorMessage"] == "denied"


def test_releases_before_1_30_write_text():
    text = running(STATUS, Transitions(), NOW, as_yaml=False)

    assert text.startswith("Cluster-autoscaler status at 2026-01-02 03:04:05")
    assert "Cluster-wide:" in text
    assert "  Name:        a\n" in text
    assert "cloudProviderTarget=3 (minSize=1, maxSize=10)" in text


@pytest.mark.parametrize("as_yaml", [True, False])
def test_the_status_says_who_wrote_it(as_yaml):
    assert "sandbox's stand-in" in initializing(NOW, as_yaml)
    assert "sandbox's stand-in" in running(STATUS, Transitions(), NOW, as_yaml)


def test_a_transition_is_dated_when_it_happens_and_not_later():
    transitions, later = Transitions(), NOW + timedelta(minutes=1)

    assert transitions.since("x", "a", NOW) == NOW
    assert transitions.since("x", "a", later) == NOW
    assert transitions.since("x", "b", later) == later


V1, V2 = Release(34, 5), Release(36, 1)
DENIED = ClientError(
    {
        "Error": {"Code": "AccessDenied", "Message": "no"},
        "ResponseMetadata": {
            "HTTPStatusCode": 403,
            "RequestId": "r",
            "HostId": "",
            "HTTPHeaders": {},
            "RetryAttempts": 0,
        },
    },
    "AssumeRoleWithWebIdentity",
)
REFUSED = CredentialRetrievalError(
    provider="container-role",
    error_msg="Error retrieving metadata: Received non 200 response 403 from container metadata: [r]: (Denied): no",
)
UNANSWERED = CredentialRetrievalError(provider="container-role", error_msg="Error retrieving metadata: no answer")


@pytest.mark.parametrize(
    ("error", "release", "words"),
    [
        (DENIED, V1, "WebIdentityErr: failed to retrieve credentials\ncaused by: AccessDenied: no\n\tstatus code: 403"),
        (DENIED, V2, "operation error STS: AssumeRoleWithWebIdentity, https response error StatusCode: 403"),
        (NoCredentialsError(), V1, "NoCredentialProviders: no valid providers in chain"),
        (NoCredentialsError(), V2, "no EC2 IMDS role found"),
        (REFUSED, V1, "CredentialsEndpointError: failed to load credentials\ncaused by: : [r]: (Denied): no"),
        (REFUSED, V2, "failed to load credentials, : [r]: (Denied): no"),
        (UNANSWERED, V2, "failed to load credentials, exceeded maximum number of attempts, 3, request send failed"),
        (NoRegionError(), V1, "MissingRegion"),
        (NoRegionError(), V2, "an AWS region is required, but was not found"),
        (EndpointConnectionError(endpoint_url="u"), V1, "RequestError: send request failed"),
        (EndpointConnectionError(endpoint_url="u"), V2, "exceeded maximum number of attempts"),
        (PodIdentityUnknownError(), Release(28, 2), 'invalid endpoint host, "169.254.170.23", only loopback hosts'),
    ],
)
def test_errors_are_told_in_the_words_of_the_releases_sdk(error, release, words):
    text = describe(error, release, "Auto Scaling", "DescribeAutoScalingGroups")

    assert words in text
    assert ("operation error Auto Scaling: DescribeAutoScalingGroups" in text) == release.uses_sdk_v2


def test_metrics_are_rendered_for_prometheus():
    metrics = Metrics()
    metrics.set("nodes_count", 2, state="ready")
    metrics.add("errors_total", type="x")
    metrics.add("errors_total", type="x")

    assert metrics.render() == (
        "# TYPE cluster_autoscaler_errors_total counter\n"
        'cluster_autoscaler_errors_total{type="x"} 2\n'
        "# TYPE cluster_autoscaler_nodes_count gauge\n"
        'cluster_autoscaler_nodes_count{state="ready"} 2\n'
    )
