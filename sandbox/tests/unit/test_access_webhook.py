"""The token webhook's answers, and whom it admits to a cluster that knows no access entries."""

import base64
import datetime
from typing import Any

import pytest

from sandbox.kubernetes import access_webhook
from sandbox.kubernetes.access import Refused, User
from sandbox.kubernetes.access_webhook import Authenticator, review
from sandbox.kubernetes.emulator import Cluster, Emulator

CREATOR = "arn:aws:iam::123456789012:user/creator"
CLUSTER = Cluster("demo", "us-east-1", "ACTIVE", "1.36", "https://oidc.eks.us-east-1.amazonaws.com/id/A", CREATOR)
ENDPOINT = "http://127.0.0.1:4566"
ANSWER = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>{}</Arn><UserId>AIDA</UserId></GetCallerIdentityResult></GetCallerIdentityResponse>"
)


def ask(token, authenticate):
    return review({"spec": {"token": token}}, authenticate)["status"]


def refuse(token):
    raise Refused("no user of this name")


def never(token):
    raise AssertionError("asked about a token that is not EKS's")


def test_a_token_of_another_kind_is_left_to_others():
    assert ask("eyJhbGciOiJSUzI1NiJ9.e30.x", never) == {"authenticated": False}


def test_a_refusal_carries_its_reason():
    assert ask("k8s-aws-v1.x", refuse) == {"authenticated": False, "error": "no user of this name"}


def test_an_admitted_caller_comes_with_all_that_is_known_of_it():
    user = User("alice", "AIDA", ("devs",), {"arn": ["arn"]})
    expected = {"username": "alice", "uid": "AIDA", "groups": ("devs",), "extra": {"arn": ["arn"]}}
    assert ask("k8s-aws-v1.x", lambda token: user) == {"authenticated": True, "user": expected}


class FakeEmulator(Emulator):
    """An emulator whose clusters are in the mode CONFIG_MAP."""

    def __init__(self, bootstrap):
        super().__init__(ENDPOINT)
        self._access = {"authenticationMode": "CONFIG_MAP", "bootstrapClusterCreatorAdminPermissions": bootstrap}

    def client(self, service: str, region: str) -> Any:
        return self

    def describe_cluster(self, name):
        return {"cluster": {"name": name, "accessConfig": self._access}}


@pytest.fixture
def enter(monkeypatch):
    """Lets a caller of this ARN ask for admission."""

    def ask_for(arn, bootstrap=True):
        monkeypatch.setattr(access_webhook, "fetch", lambda request: ANSWER.format(arn).encode())
        now = datetime.datetime.now(datetime.UTC)
        url = f"{ENDPOINT}/?Action=GetCallerIdentity&X-Amz-SignedHeaders=x-k8s-aws-id&X-Amz-Date={now:%Y%m%dT%H%M%SZ}"
        token = "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode()
        return Authenticator(CLUSTER, FakeEmulator(bootstrap)).authenticate(token)

    return ask_for


def test_in_mode_config_map_the_creator_is_master(enter):
    assert enter(CREATOR).groups == ("system:masters",)


@pytest.mark.parametrize(
    ("arn", "bootstrap", "reason"),
    [
        # The ConfigMap aws-auth is not read.
        ("arn:aws:iam::123456789012:user/other", True, "not the ConfigMap aws-auth"),
        (CREATOR, False, "CONFIG_MAP"),
    ],
)
def test_in_mode_config_map_all_others_are_refused(enter, arn, bootstrap, reason):
    with pytest.raises(Refused, match=reason):
        enter(arn, bootstrap=bootstrap)
