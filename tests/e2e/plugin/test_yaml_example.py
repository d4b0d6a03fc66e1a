"""The example in YAML, run by the real YAML language host: the components through the plugin, without any SDK."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import adoption
from sandbox.tests.harness import Sandbox


class Example:
    """The example in a clone of the repository, where the plugin is at the path that it names, with one stack."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._sandbox, self.folder = sandbox, folder
        self("stack", "init", "dev")

    def __call__(self, *arguments: str) -> str:
        return self._sandbox.pulumi(*arguments, folder=self.folder)

    def json(self, *arguments: str) -> dict[str, object]:
        """What the CLI prints, as JSON."""
        answer = self._sandbox.pulumi_json(*arguments, folder=self.folder)
        assert isinstance(answer, dict)
        return answer


@pytest.fixture
def example(sandbox: Sandbox, plugin: Path) -> Iterator[Example]:
    """The example, configured for a cluster that was made outside Pulumi."""
    sandbox.start("aws", "aws-provider", "clusters")
    clients = [sandbox.client(name) for name in ("ec2", "eks", "iam")]
    adoption.make(*clients)
    subnets = clients[1].describe_cluster(name=adoption.CLUSTER)["cluster"]["resourcesVpcConfig"]["subnetIds"]
    program = Example(sandbox, plugin.parent / "examples" / "yaml-consumer")
    # Makes the plugin's virtual environment. `pulumi install` does too, and then fails: the YAML host has no Link.
    program("package", "get-schema", str(plugin))
    program("config", "set", "region", "us-east-1")
    program("config", "set", "clusterName", adoption.CLUSTER)
    for index, subnet in enumerate(subnets):
        program("config", "set", "--path", f"subnetIds[{index}]", subnet)
    yield program
    program("destroy", "--yes", "--skip-preview", "--remove")
    adoption.remove(*clients)


@pytest.mark.full
def test_the_example_is_previewed_deployed_and_has_no_change_afterwards(example: Example, sandbox: Sandbox) -> None:
    planned = json.dumps(example.json("preview", "--json"))
    assert "eks-cluster-autoscaler:index:ManagedNodeGroup::extra" in planned
    example("up", "--yes", "--skip-preview")
    outputs = example.json("stack", "output", "--json")
    (name,) = outputs["asgNames"].values()  # type: ignore[attr-defined]
    groups = sandbox.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    (group,) = groups["AutoScalingGroups"]
    assert {tag["Key"]: tag["Value"] for tag in group["Tags"]}.items() >= outputs["tags"].items()  # type: ignore[attr-defined]
    example("preview", "--expect-no-changes")
