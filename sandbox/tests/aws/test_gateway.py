"""The gateway: faults, refusals, signatures, one request at a time."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from sandbox.aws import gateway
from sandbox.aws.faults import Fault, InvalidFault
from sandbox.aws.hooks import capacity
from sandbox.aws.state import StateFile
from sandbox.tests.aws.support import ACCOUNT, REGION, Aws, Emulator, code


@pytest.fixture
def inject(emulator: Emulator) -> Iterator[Callable[..., None]]:
    """Injects a fault; all are gone after the test."""

    def add(service: str, action: str, fault: str, times: int | str = 1, **more: bool | str) -> None:
        body = {"service": service, "action": action, "fault": fault, "times": times, **more}
        emulator.private("POST", "faults", body)

    yield add
    assert emulator.private("DELETE", "faults") == {"faults": []}


@pytest.mark.parametrize(
    ("service", "action", "call", "expected"),
    [
        ("autoscaling", "DescribeTags", lambda client: client.describe_tags(), "Throttling"),
        ("ec2", "DescribeVpcs", lambda client: client.describe_vpcs(), "RequestLimitExceeded"),
        ("eks", "ListClusters", lambda client: client.list_clusters(), "ThrottlingException"),
        ("iam", "ListUsers", lambda client: client.list_users(), "Throttling"),
        ("ssm", "GetParameter", lambda client: client.get_parameter(Name="x"), "ThrottlingException"),
        ("sts", "GetCallerIdentity", lambda client: client.get_caller_identity(), "Throttling"),
    ],
)
def test_a_service_throttles_in_its_own_words(
    aws: Aws, inject: Callable[..., None], service: str, action: str, call: Callable[[Any], Any], expected: str
) -> None:
    inject(service, action, "throttle", times=1)
    with pytest.raises(ClientError) as error:
        call(aws(service))
    assert code(error) == expected


def test_a_fault_hits_its_action_as_often_as_asked(aws: Aws, emulator: Emulator, inject: Callable[..., None]) -> None:
    inject("eks", "ListClusters", "throttle", times=2)
    assert emulator.private("GET", "faults")["faults"] == [
        {"service": "eks", "action": "ListClusters", "fault": "throttle", "times": 2, "done": False, "client": ""}
    ]
    aws("eks").describe_cluster_versions()
    for _ in range(2):
        with pytest.raises(ClientError, match="Rate exceeded"):
            aws("eks").list_clusters()
    aws("eks").list_clusters()


def test_an_answer_never_comes_whether_or_not_the_call_is_carried_out(
    emulator: Emulator, aws: Aws, inject: Callable[..., None]
) -> None:
    before = len(aws("ec2").describe_vpcs()["Vpcs"])
    for cidr, done in (("10.8.0.0/16", False), ("10.9.0.0/16", True)):
        inject("ec2", "CreateVpc", "timeout", done=done)
        with pytest.raises(ReadTimeoutError):
            emulator.client("ec2", read_timeout=0.3).create_vpc(CidrBlock=cidr)
    assert len(aws("ec2").describe_vpcs()["Vpcs"]) == before + 1


def test_a_fault_hits_only_the_client_that_it_is_for(emulator: Emulator, aws: Aws, inject: Callable[..., None]) -> None:
    inject("iam", "ListUsers", "throttle", client="another process")
    aws("iam").list_users()
    inject("iam", "ListUsers", "throttle", client="Boto3")
    with pytest.raises(ClientError):
        aws("iam").list_users()


def test_calls_are_counted_by_client(emulator: Emulator, aws: Aws) -> None:
    emulator.private("DELETE", "calls")
    for _ in range(2):
        aws("iam").list_users()
    (made,) = emulator.private("GET", "calls")["calls"]
    assert (made["service"], made["action"], made["times"]) == ("iam", "ListUsers", 2)
    assert "Boto3" in made["client"]


def test_a_fault_that_cannot_be_injected_is_refused_with_all_reasons() -> None:
    with pytest.raises(InvalidFault) as error:
        Fault.read({"service": "ec2", "fault": "explode", "times": 0, "colour": "red"})
    message = str(error.value)
    assert "'action' is missing" in message
    assert "'colour' is unknown" in message
    assert "'explode', expected one of" in message
    assert "'times' is 0" in message
    with pytest.raises(InvalidFault, match="'done' goes with timeout only"):
        Fault.read({"service": "ec2", "action": "CreateVpc", "fault": "throttle", "done": True})
    with pytest.raises(InvalidFault, match="RunInstances only"):
        Fault.read({"service": "eks", "action": "CreateNodegroup", "fault": "capacity"})


def test_a_service_that_the_sandbox_has_not_is_refused_by_name(emulator: Emulator) -> None:
    for service, call in (("sqs", "list_queues"), ("cloudformation", "list_stacks"), ("s3", "list_buckets")):
        with pytest.raises(ClientError) as error:
            getattr(emulator.client(service), call)()
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    with pytest.raises(ClientError, match="no service 'sqs': it has autoscaling, ec2, eks"):
        emulator.client("sqs").list_queues()


@pytest.mark.parametrize(
    ("path", "status"), [("/", 403), ("/clusters", 403), ("/_ministack/reset", 403), ("/_sandbox/absent", 403)]
)
def test_nothing_is_served_without_a_signature(emulator: Emulator, path: str, status: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(urllib.request.Request(emulator.url + path, method="POST", data=b"Action=ListUsers"))
    assert error.value.code == status
    error.value.close()


def test_concurrent_changes_are_all_kept(emulator: Emulator, aws: Aws, scaling_group: Callable[..., str]) -> None:
    group = scaling_group(MaxSize=60, DesiredCapacity=0)

    def work(number: int) -> None:
        aws("autoscaling").create_or_update_tags(
            Tags=[
                {
                    "ResourceId": group,
                    "ResourceType": "auto-scaling-group",
                    "Key": f"tag-{number}",
                    "Value": "x",
                    "PropagateAtLaunch": False,
                }
            ]
        )
        aws("ec2").create_tags(Resources=["subnet-00000001"], Tags=[{"Key": f"{group}-{number}", "Value": "x"}])

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(work, range(30)))
    tags = aws("autoscaling").describe_tags(Filters=[{"Name": "auto-scaling-group", "Values": [group]}])["Tags"]
    assert len(tags) == 30
    found = aws("ec2").describe_tags(Filters=[{"Name": "resource-id", "Values": ["subnet-00000001"]}])["Tags"]
    assert len([tag for tag in found if tag["Key"].startswith(f"{group}-")]) == 30


@pytest.fixture(scope="module")
def eks_token(emulator: Emulator) -> str:
    """What ``aws eks get-token`` prints: the token of a kubeconfig."""
    aws_cli = Path(sys.executable).with_name("aws")
    done = subprocess.run(
        [aws_cli, "eks", "get-token", "--cluster-name", "demo", "--region", REGION, "--output", "json"],
        env=emulator.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return str(json.loads(done.stdout)["status"]["token"])


def presigned(token: str, cluster: str) -> urllib.request.Request:
    encoded = token.removeprefix("k8s-aws-v1.")
    url = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    return urllib.request.Request(url, headers={"x-k8s-aws-id": cluster, "Accept": "application/json"})


def test_sts_identifies_the_presigned_url_of_an_eks_token(eks_token: str) -> None:
    with urllib.request.urlopen(presigned(eks_token, "demo")) as response:
        assert f"arn:aws:iam::{ACCOUNT}:user/sandbox" in response.read().decode()


def test_a_token_of_another_cluster_or_a_forged_one_is_refused(eks_token: str) -> None:
    other = presigned(eks_token, "another")
    forged = presigned(eks_token, "demo")
    forged.full_url = forged.full_url[:-1] + ("0" if forged.full_url[-1] != "0" else "1")
    for request in (other, forged):
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(request)
        assert error.value.code == 403
        error.value.close()


def test_failed_launches_are_tried_again_from_time_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    saved = asyncio.Event()
    monkeypatch.setattr(gateway, "RETRY_SECONDS", 0)
    monkeypatch.setattr(capacity, "retry_launches", lambda: True)
    state = cast(StateFile, SimpleNamespace(save=saved.set))

    async def live() -> list[str]:
        messages = asyncio.Queue[dict[str, Any]]()
        sent: list[str] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message["type"])

        served = gateway.Gateway(cast(Any, None), state, on_ready=lambda: sent.append("ready"))
        lifespan = asyncio.create_task(served({"type": "lifespan"}, messages.get, send))
        await messages.put({"type": "lifespan.startup"})
        await asyncio.wait_for(saved.wait(), 10)
        await messages.put({"type": "lifespan.shutdown"})
        await lifespan
        return sent

    assert asyncio.run(live()) == ["lifespan.startup.complete", "ready", "lifespan.shutdown.complete"]
