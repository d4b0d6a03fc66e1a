"""Another stack reads the outputs by StackReference and adds a node group with the imported components."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.tests.harness import Sandbox
from tests.e2e.program.stack import Stack

ROOT = Path(__file__).parents[3]


@pytest.fixture
def consumer(sandbox: Sandbox, stack: Stack, tmp_path: Path) -> Iterator[Path]:
    """The example, with the package under the name that it has when it is installed."""
    folder = tmp_path / "add-to-cluster"
    folder.mkdir()
    example = ROOT / "examples" / "add-to-cluster"
    for name in ("__main__.py", "Pulumi.yaml"):
        (folder / name).write_text((example / name).read_text())
    (folder / "eks_cluster_autoscaler").symlink_to(ROOT / "components")
    settings = folder / "Pulumi.yaml"
    settings.write_text(
        settings.read_text().replace(
            "runtime: python", f"runtime: {{name: python, options: {{toolchain: pip, virtualenv: {sys.prefix}}}}}"
        )
    )
    sandbox.pulumi("stack", "init", "consumer", folder=folder)
    sandbox.pulumi(
        "config",
        "set",
        "clusterStack",
        f"organization/eks-cluster-autoscaler/{stack.name}",
        "-s",
        "consumer",
        folder=folder,
    )
    yield folder
    sandbox.pulumi("destroy", "--yes", "--skip-preview", "-s", "consumer", folder=folder)


def test_a_consumer_adds_a_node_group_that_the_autoscaler_finds(sandbox: Sandbox, stack: Stack, consumer: Path) -> None:
    sandbox.pulumi("up", "--yes", "--skip-preview", "-s", "consumer", folder=consumer)
    outputs = sandbox.pulumi_json("stack", "output", "--json", "-s", "consumer", folder=consumer)
    asg = sandbox.client("autoscaling")
    filters = [
        {"Name": "tag-key", "Values": [key]}
        for key in ("k8s.io/cluster-autoscaler/enabled", "k8s.io/cluster-autoscaler/sandbox")
    ]
    found = [
        group["AutoScalingGroupName"]
        for group in asg.describe_auto_scaling_groups(Filters=filters)["AutoScalingGroups"]
    ]
    assert outputs["asgNames"]["extra"] in found
    sandbox.pulumi("preview", "--expect-no-changes", "-s", "consumer", folder=consumer)
    assert stack.planned() == [], "the owner's stack is not touched"
