"""The disks of the nodes are encrypted."""

from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, ResourceValidationArgs, Severity

from .model.properties import dig, has, mappings
from .model.rule import Rule, Settings
from .model.stack import LAUNCH_TEMPLATE, NODE_GROUP


def _judge(resource: ResourceValidationArgs, _: Settings) -> Iterator[str]:
    if resource.resource_type == NODE_GROUP:
        if not has(resource.props, "launchTemplate"):
            yield "The node group has no launch template, so only the account's default can encrypt its disks."
        return
    disks = [disk for disk in mappings(dig(resource.props, "blockDeviceMappings")) if has(disk, "ebs")]
    if not disks:
        yield "blockDeviceMappings names no disk, so only the account's default can encrypt it."
    for disk in disks:
        encrypted = dig(disk, "ebs", "encrypted")
        # The AWS provider takes this as a text.
        if str(encrypted).lower() != "true":
            yield f"Disk {dig(disk, 'deviceName')} has ebs.encrypted {encrypted or 'not set'}; expected true."


RULE = Rule(
    name="encrypted-volumes",
    reason="Images, secrets and pod data lie on the nodes' disks, and outlive the nodes in snapshots.",
    fix="Set ebs.encrypted to true for each of the launch template's blockDeviceMappings.",
    types=(LAUNCH_TEMPLATE, NODE_GROUP),
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
).per_resource(_judge)
