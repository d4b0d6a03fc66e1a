"""What EKS puts into a new pod: by annotation or association, never both, and never over what the pod sets itself."""

import base64
import json
from typing import Any

import pytest

from sandbox.kube_api import KubeApiError
from sandbox.kubernetes import identity_webhook
from sandbox.kubernetes.emulator import Cluster
from sandbox.kubernetes.identity_webhook import IdentityWebhook
from sandbox.kubernetes.pod_identity import AGENT_URL, Injection, injection_for, patch


def account(**annotations: str) -> dict[str, Any]:
    given = {f"eks.amazonaws.com/{name.replace('_', '-')}": value for name, value in annotations.items()}
    return {"metadata": {"annotations": given}}


def injected(given: dict[str, Any], associated: bool = False) -> Injection:
    found = injection_for(given, associated=associated, region="eu-west-1")
    assert found
    return found


def test_a_plain_service_account_gets_nothing():
    assert injection_for({"metadata": {}}, associated=False, region="eu-west-1") is None


def test_an_annotated_service_account_gets_a_web_identity():
    found = injected(account(role_arn="arn"))
    assert (found.audience, found.token_seconds) == ("sts.amazonaws.com", 86_400)
    assert found.variables == {
        "AWS_STS_REGIONAL_ENDPOINTS": "regional",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_REGION": "eu-west-1",
        "AWS_ROLE_ARN": "arn",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
    }


def test_annotations_may_set_audience_and_life_of_the_token():
    found = injected(account(role_arn="arn", audience="x", token_expiration="3600"))
    assert (found.audience, found.token_seconds) == ("x", 3600)


def test_a_token_is_valid_for_an_hour_at_least():
    assert injected(account(role_arn="arn", token_expiration="60")).token_seconds == 3600


def test_an_associated_service_account_gets_the_agent_and_nothing_else():
    found = injected(account(role_arn="arn"), associated=True)
    assert found.audience == "pods.eks.amazonaws.com"
    assert found.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == AGENT_URL
    assert "AWS_ROLE_ARN" not in found.variables


def patched(pod: dict[str, Any]) -> dict[str, Any]:
    changes = patch(pod, injected(account(role_arn="arn")))
    assert {change["op"] for change in changes} == {"add"}
    return {change["path"]: change["value"] for change in changes}


def test_every_container_gets_the_variables_and_the_token_in_addition_to_what_it_has():
    own = {"name": "A", "value": "b"}
    mount = {"name": "config", "mountPath": "/etc"}
    pod = {
        "spec": {
            "volumes": [{"name": "config"}],
            "initContainers": [{"name": "i"}],
            "containers": [{"name": "c", "env": [own], "volumeMounts": [mount]}],
        }
    }
    found = patched(pod)
    assert [volume["name"] for volume in found["/spec/volumes"]] == ["config", "aws-iam-token"]
    assert found["/spec/containers/0/env"][0] == own
    assert found["/spec/containers/0/volumeMounts"][0] == mount
    for container in ("/spec/initContainers/0", "/spec/containers/0"):
        assert "AWS_ROLE_ARN" in [each["name"] for each in found[f"{container}/env"]]
        assert found[f"{container}/volumeMounts"][-1]["readOnly"]


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_a_separate_region_keeps_both_variables_of_the_region_away(variable: str):
    found = patched({"spec": {"containers": [{"env": [{"name": variable, "value": "us-east-2"}]}]}})
    names = [each["name"] for each in found["/spec/containers/0/env"]]
    assert [name for name in names if name.endswith("REGION")] == [variable]


@pytest.mark.parametrize("variable", ["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"])
def test_half_a_separate_web_identity_is_not_mixed_with_ours(variable: str):
    found = patched({"spec": {"containers": [{"env": [{"name": variable, "value": "own"}]}]}})
    kept = {each["name"]: each["value"] for each in found["/spec/containers/0/env"]}
    assert set(kept) == {variable, "AWS_STS_REGIONAL_ENDPOINTS", "AWS_DEFAULT_REGION", "AWS_REGION"}
    assert kept[variable] == "own"


def test_a_copy_of_a_patched_pod_gets_nothing_twice():
    once = patched({"spec": {"containers": [{"name": "c"}]}})
    container = {"env": once["/spec/containers/0/env"], "volumeMounts": once["/spec/containers/0/volumeMounts"]}
    assert patched({"spec": {"volumes": once["/spec/volumes"], "containers": [container]}}) == once


class Eks:
    """Associations of service accounts, by namespace and name."""

    def __init__(self, *associated: tuple[str, str]) -> None:
        self.associated = associated

    def list_pod_identity_associations(self, **asked: str) -> dict[str, list[object]]:
        pair = (asked["namespace"], asked["serviceAccount"])
        return {"associations": [{}] if pair in self.associated else []}


class Emulator:
    def __init__(self, eks: Eks) -> None:
        self.eks = eks

    def client(self, _service: str, _region: str) -> Eks:
        return self.eks


def reviewed(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, Any] | KubeApiError, *associated: tuple[str, str]
) -> Any:
    class Api:
        def __init__(self, _kubeconfig: object) -> None: ...

        def get(self, path: str) -> dict[str, Any]:
            assert path == "/api/v1/namespaces/shop/serviceaccounts/default"
            if isinstance(found, KubeApiError):
                raise found
            return found

    monkeypatch.setattr(identity_webhook, "KubeApi", Api)
    cluster = Cluster("c", "eu-west-1", "ACTIVE", "1.36", "https://issuer/id/1", "")
    webhook = IdentityWebhook(cluster, Emulator(Eks(*associated)), "admin.kubeconfig")  # type: ignore[arg-type]
    pod = {"spec": {"containers": [{"name": "c"}]}}
    return webhook.review({"request": {"uid": "7", "namespace": "shop", "object": pod}})["response"]


def test_a_new_pod_is_allowed_and_patched(monkeypatch: pytest.MonkeyPatch):
    response = reviewed(monkeypatch, account(), ("shop", "default"))
    assert (response["uid"], response["allowed"], response["patchType"]) == ("7", True, "JSONPatch")
    assert AGENT_URL in base64.b64decode(response["patch"]).decode()
    assert json.loads(base64.b64decode(response["patch"]))


def test_a_pod_without_an_owner_is_allowed_as_it_is(monkeypatch: pytest.MonkeyPatch):
    assert reviewed(monkeypatch, account(), ("else", "default")) == {"uid": "7", "allowed": True}
    assert reviewed(monkeypatch, KubeApiError(404, "gone")) == {"uid": "7", "allowed": True}


def test_what_cannot_be_decided_is_not_allowed_by_mistake(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(KubeApiError):
        reviewed(monkeypatch, KubeApiError(0, "no answer"))
