"""The manifests for the Pulumi Kubernetes Operator fit each other and the program; clusters know their schema."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "operator"
OBJECTS = {
    found["kind"]: found for path in sorted(FOLDER.glob("*.yaml")) for found in yaml.safe_load_all(path.read_text())
}
PROJECT = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["name"]


@pytest.fixture
def spec():
    return OBJECTS["Stack"]["spec"]


def test_the_stack_is_an_environment_of_this_program(spec):
    organization, project, stack = spec["stack"].split("/")
    assert (organization, project) == ("organization", PROJECT)
    assert (ROOT / f"Pulumi.{stack}.yaml").exists()


def test_the_stack_runs_as_the_service_account_that_is_made_and_bound(spec):
    account, namespace = OBJECTS["ServiceAccount"]["metadata"], OBJECTS["Namespace"]["metadata"]["name"]
    assert spec["serviceAccountName"] == account["name"]
    assert {account["namespace"], OBJECTS["Stack"]["metadata"]["namespace"]} == {namespace}
    assert OBJECTS["ClusterRoleBinding"]["subjects"] == [
        {"kind": "ServiceAccount", "name": account["name"], "namespace": namespace}
    ]


def test_a_workspace_may_only_ask_who_calls_it():
    bound = {kind: each["roleRef"]["name"] for kind, each in OBJECTS.items() if "roleRef" in each}
    assert bound == {"ClusterRoleBinding": "system:auth-delegator"}
    assert not {"Role", "ClusterRole", "Secret"} & OBJECTS.keys()


def test_desired_sizes_are_refreshed_and_nothing_is_destroyed_with_the_object(spec):
    assert spec["refresh"] is True
    assert spec["destroyOnFinalize"] is False


def test_the_program_is_pinned_and_its_settings_and_secrets_stay_out_of_the_manifest(spec):
    assert "commit" in spec
    assert not {"branch", "config", "secrets", "envs", "envSecrets", "accessTokenSecret"} & spec.keys()
    assert spec["secretsProvider"].startswith("awskms://")
