"""The cluster that the program makes, judged by the Cluster Autoscaler rules of hardeneks."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import yaml

from sandbox.layout import REGION
from tests.e2e.program.stack import Stack

CLUSTER = "sandbox"
ANNOTATION = "eks.amazonaws.com/role-arn"
PILLAR, SECTION = "cluster_autoscaling", "cluster_autoscaler"


@pytest.fixture(scope="module")
def rules(judges: Path) -> list[str]:
    """The rules about Cluster Autoscaler that hardeneks runs by default."""
    (path,) = judges.glob("lib/python*/site-packages/hardeneks/config.yaml")
    found: list[str] = yaml.safe_load(path.read_text())["rules"]["cluster_wide"][PILLAR][SECTION]
    return found


def verdicts(judges: Path, stack: Stack, rules: list[str], folder: Path) -> dict[str, bool]:
    """Whether the cluster passes, by the message of each rule."""
    sandbox = stack.sandbox
    config, report = folder / "config.yaml", folder / "report.json"
    config.write_text(json.dumps({"ignore-namespaces": [], "rules": {"cluster_wide": {PILLAR: {SECTION: rules}}}}))
    kubeconfig = sandbox.layout.admin_kubeconfig(CLUSTER, REGION)
    where = ["--region", REGION, "--cluster", CLUSTER, "--config", config, "--export-json", report]
    printed = sandbox.run(["env", f"KUBECONFIG={kubeconfig}", judges / "bin" / "hardeneks", *where])
    found = json.loads(report.read_text())["cluster_wide"][PILLAR][SECTION]
    # A rule that fails to run is left out of the report.
    assert len(found) == len(rules), printed
    return {message: all(result["status"] for result in results) for message, results in found.items()}


@pytest.fixture
def without_annotation(stack: Stack) -> Iterator[None]:
    """The service account without its role, for the length of a test."""
    api = kubernetes.client.CoreV1Api(stack.sandbox.kubernetes(CLUSTER))
    account = api.read_namespaced_service_account("cluster-autoscaler", "kube-system")

    def annotate(role: str | None) -> Any:
        body = {"metadata": {"annotations": {ANNOTATION: role}}}
        return api.patch_namespaced_service_account(account.metadata.name, account.metadata.namespace, body)

    annotate(None)
    yield
    annotate(account.metadata.annotations[ANNOTATION])


def test_the_cluster_passes_every_rule_about_the_autoscaler(
    judges: Path, stack: Stack, rules: list[str], tmp_path: Path
) -> None:
    found = verdicts(judges, stack, rules, tmp_path)
    assert [message for message, passed in found.items() if not passed] == []


@pytest.mark.usefixtures("without_annotation")
def test_an_autoscaler_without_a_role_fails(judges: Path, stack: Stack, rules: list[str], tmp_path: Path) -> None:
    found = verdicts(judges, stack, rules, tmp_path)
    assert "Use a dedicated IAM Role (IRSA/Pod Identities) for Cluster Autoscaler." in {
        message for message, passed in found.items() if not passed
    }
