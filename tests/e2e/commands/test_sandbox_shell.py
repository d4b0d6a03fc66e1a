"""The sandbox's shell stays open while plain commands, typed in it, destroy its cluster and create it again."""

import shutil
from pathlib import Path

import pytest

from sandbox.layout import CLUSTER
from sandbox.shell import prepare
from sandbox.tests.harness import Sandbox
from sandbox.tests.terminal import typed
from tests.e2e.program.stack import Stack

OPTIONS = "--yes --skip-preview --non-interactive --stack sandbox"


@pytest.mark.full
def test_kubectl_and_helm_follow_the_cluster_through_a_plain_destroy_and_up(
    sandbox: Sandbox, stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(stack.project)

    def inspect(when: str) -> str:
        nodes, releases = tmp_path / f"{when}.nodes", tmp_path / f"{when}.releases"
        return f"kubectl get nodes --output name >{nodes}; helm -n kube-system list --short >{releases} 2>&1"

    def address() -> str:
        endpoint: str = sandbox.client("eks").describe_cluster(name=CLUSTER)["cluster"]["endpoint"]
        return endpoint

    first = address()
    lines = inspect("before"), f"pulumi destroy {OPTIONS}", inspect("between"), f"pulumi up {OPTIONS}", inspect("after")
    try:
        shown = typed(prepare(sandbox.layout, shutil.which("bash") or "bash"), *lines, seconds=240)
    finally:
        stack.up()
    seen = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert address() != first, "it was the same cluster all the time"
    for when in ("before", "after"):
        assert seen[f"{when}.nodes"].startswith("node/ip-"), shown
        assert seen[f"{when}.releases"] == "cluster-autoscaler\n", shown
    assert seen["between.nodes"] == "", "kubectl reached a cluster that is not the sandbox's"
    assert "cluster unreachable" in seen["between.releases"], shown
