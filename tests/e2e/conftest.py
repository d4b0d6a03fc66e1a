"""One sandbox for all tests of a session; each test starts the parts that it needs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.tests.harness import Sandbox
from sandbox.tests.sessions import longest_first, pytest_xdist_make_scheduler, sandbox, tools
from tests.e2e.program.stack import Stack, inventory

__all__ = ["before", "pytest_xdist_make_scheduler", "sandbox", "stack", "tools"]

FULL = "full"
"""Marker of what belongs to the full form only, since the short one must stay short: `@pytest.mark.full`.

Short is what a contributor waits for (`make test`): each mode and each way to use the program, once. Full adds what
varies it, what waits for minutes, and all faults put in on purpose; it runs every night.
"""

FULL_FOLDERS = ("judges", "reliability")
"""Folders of which every test belongs to the full form only."""

LONGEST = (
    "doctor/test_doctor_faults.py",
    "program/test_lifecycle.py",
    "doctor/test_modes.py",
    "program/test_adopt.py",
    "program/test_scaling.py",
    "program/test_examples.py",
    "doctor",
    "program",
)
"""Files and folders that take minutes each; they start first, and the short ones fill the time that is left."""

_sort = longest_first(Path(__file__).parent, LONGEST)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{FULL}: belongs to the full form only (--form full)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort the files, and leave the cases of the full form out of the short one: they are not of that suite."""
    _sort(items)
    if config.getoption("form") == "full":
        return
    left_out = [item for item in items if _is_full(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _is_full(item: pytest.Item) -> bool:
    folders = [Path(__file__).parent / name for name in FULL_FOLDERS]
    return item.get_closest_marker(FULL) is not None or any(item.path.is_relative_to(folder) for folder in folders)


@pytest.fixture(scope="session")
def before(sandbox: Sandbox) -> dict[str, list[str]]:
    """What the emulated AWS holds before the program runs."""
    sandbox.start()
    return inventory(sandbox)


@pytest.fixture(scope="session")
def stack(sandbox: Sandbox, before: dict[str, list[str]]) -> Iterator[Stack]:
    """The stack `sandbox`, up: network, cluster, two node groups and the autoscaler, by IRSA."""
    deployed = Stack(sandbox, "sandbox")
    deployed.up()
    yield deployed
    deployed.pulumi("cancel", "--yes", "--stack", deployed.name, check=False)
    deployed.destroy()


@pytest.fixture
def asg(sandbox: Sandbox) -> Iterator[str]:
    """Name of an empty Auto Scaling Group that was created outside Pulumi."""
    sandbox.start("aws", "aws-provider")
    name = "outside"
    cloud = sandbox.client("autoscaling")
    template = {
        "LaunchTemplateName": name,
        "LaunchTemplateData": {"ImageId": "ami-12c6146b", "InstanceType": "m5.large"},
    }
    template_id = sandbox.client("ec2").create_launch_template(**template)["LaunchTemplate"]["LaunchTemplateId"]
    cloud.create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=0,
        MaxSize=3,
        LaunchTemplate={"LaunchTemplateId": template_id},
        AvailabilityZones=["us-east-1a"],
    )
    yield name
    cloud.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
    sandbox.client("ec2").delete_launch_template(LaunchTemplateId=template_id)
