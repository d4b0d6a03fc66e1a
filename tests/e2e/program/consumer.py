"""A program of another team that imports the components, on the cluster `legacy`."""

from pathlib import Path
from typing import Any

from sandbox.tests.harness import Sandbox

ROOT = Path(__file__).parents[3]
CLUSTER = "legacy"
STACK = "consumer"


class Consumer:
    """A stack of such a program, with one node group `extra`, and its own settings."""

    def __init__(self, sandbox: Sandbox, folder: Path, program: str, **settings: str) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.eks = sandbox.client("eks")
        (folder / "Pulumi.yaml").write_text("name: consumer\nruntime: python\n")
        (folder / "__main__.py").write_text(f"import sys\n\nsys.path.insert(0, {str(ROOT)!r})\n{program}")
        self.pulumi("stack", "init", STACK)
        self.configure(**settings)

    def pulumi(self, command: str, *arguments: str, check: bool = True) -> str:
        return self.sandbox.pulumi(command, *arguments, folder=self.folder, check=check)

    def configure(self, **settings: str) -> None:
        for key, value in settings.items():
            self.pulumi("config", "set", "--stack", STACK, key, value)

    def preview(self, *options: str) -> str:
        return self.pulumi("preview", "--stack", STACK, "--diff", *options)

    def up(self, *options: str) -> str:
        return self.pulumi("up", "--yes", "--skip-preview", "--stack", STACK, *options)

    def destroy(self) -> None:
        self.pulumi("destroy", "--yes", "--skip-preview", "--stack", STACK)

    @property
    def group(self) -> dict[str, Any]:
        """The one node group of the program, as EKS describes it."""
        names = self.eks.list_nodegroups(clusterName=CLUSTER)["nodegroups"]
        (name,) = [each for each in names if each.startswith("extra-")]
        found: dict[str, Any] = self.eks.describe_nodegroup(clusterName=CLUSTER, nodegroupName=name)["nodegroup"]
        return found

    @property
    def sizes(self) -> tuple[int, int, int]:
        scaling = self.group["scalingConfig"]
        return scaling["minSize"], scaling["maxSize"], scaling["desiredSize"]

    @property
    def instances(self) -> set[str]:
        (asg,) = self.group["resources"]["autoScalingGroups"]
        groups = self.sandbox.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[asg["name"]])
        return {each["InstanceId"] for each in groups["AutoScalingGroups"][0]["Instances"]}

    def scale(self, **sizes: int) -> None:
        """Change the sizes as Cluster Autoscaler or a colleague would, behind Pulumi's back."""
        self.eks.update_nodegroup_config(
            clusterName=CLUSTER, nodegroupName=self.group["nodegroupName"], scalingConfig=sizes
        )
        self.eks.get_waiter("nodegroup_active").wait(clusterName=CLUSTER, nodegroupName=self.group["nodegroupName"])
