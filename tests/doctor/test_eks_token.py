"""The doctor's own way to an EKS API server: the tokens of the AWS CLI, without the AWS CLI."""

import base64
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from awscli.customizations.eks.get_token import STSClientFactory, TokenGenerator

from doctor import clients, eks_token
from doctor.clients import KubernetesApi
from doctor.readings import Unreadable

from . import snapshots

AUTHORITY = base64.b64encode(b"-----BEGIN CERTIFICATE-----\n").decode()


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: datetime(2026, 9, 1, 12, tzinfo=UTC))


@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1", "us-gov-west-1"])
@pytest.mark.parametrize("endpoint", ["", "http://127.0.0.1:4566"])
def test_a_token_is_the_one_that_the_aws_cli_signs(
    account: None, monkeypatch: pytest.MonkeyPatch, region: str, endpoint: str
) -> None:
    if endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    of_the_cli = STSClientFactory(botocore.session.get_session()).get_sts_client(region_name=region)
    expected = TokenGenerator(of_the_cli).get_token(snapshots.CLUSTER)
    assert clients.Aws(region).cluster_token(snapshots.CLUSTER) == expected


class Signing:
    """Signs numbered tokens in place of AWS's client."""

    def __init__(self) -> None:
        self.answers: list[Any] = ["first", "second"]

    def cluster_token(self, cluster: str) -> Any:
        return self.answers.pop(0) if cluster == snapshots.CLUSTER else None


def sent(api: KubernetesApi) -> str:
    _, _, headers, *_ = api._api.param_serialize("GET", "/version", auth_settings=["BearerToken"])
    return str(headers["authorization"])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(clients.time, "monotonic", lambda: now[0])
    return now


def test_a_token_is_renewed_before_it_expires(clock: list[float]) -> None:
    aws: Any = Signing()
    api = clients.connect_eks(aws, snapshots.cluster(certificate_authority=AUTHORITY))
    assert isinstance(api, KubernetesApi)
    clock[0] = eks_token.LIFETIME - 1
    assert sent(api) == "Bearer first"
    clock[0] = eks_token.LIFETIME
    assert [sent(api), sent(api)] == ["Bearer second", "Bearer second"]


def test_the_old_token_stays_when_no_new_one_can_be_signed(clock: list[float]) -> None:
    aws: Any = Signing()
    aws.answers[1:] = [Unreadable("sts:GetCallerIdentity", False, "expired")]
    api = clients.connect_eks(aws, snapshots.cluster(certificate_authority=AUTHORITY))
    assert isinstance(api, KubernetesApi)
    clock[0] = eks_token.LIFETIME
    assert sent(api) == "Bearer first"


def test_the_server_and_its_authority_are_those_that_eks_describes() -> None:
    aws: Any = Signing()
    api = clients.connect_eks(aws, snapshots.cluster(certificate_authority=AUTHORITY))
    assert isinstance(api, KubernetesApi)
    configuration = api._api.configuration
    assert (configuration.host, configuration.ca_cert_data) == (
        snapshots.cluster().endpoint,
        "-----BEGIN CERTIFICATE-----\n",
    )


def test_without_a_token_the_reason_is_reported() -> None:
    aws: Any = Signing()
    aws.answers = [unreadable := Unreadable("sts:GetCallerIdentity", False, "the SSO session has expired")]
    assert clients.connect_eks(aws, snapshots.cluster(certificate_authority=AUTHORITY)) is unreadable


def test_an_authority_that_is_no_base64_is_reported() -> None:
    aws: Any = Signing()
    found = clients.connect_eks(aws, snapshots.cluster(certificate_authority="abc"))
    assert isinstance(found, Unreadable)
    assert "certificate authority" in found.message
