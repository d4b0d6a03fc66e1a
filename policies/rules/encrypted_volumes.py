"""The disks of the nodes are encrypted."""

from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, PolicyResource, Severity

from .model.memory import asked
from .model.properties import dig, has, mappings
from .model.rule import Rule, Settings
from .model.stack import LAUNCH_TEMPLATE, NODE_GROUP, Stack
from .model.tags import launches_nodes


def _judge(resource: PolicyResource, stack: Stack, _: Settings) -> Iterator[str]:
    if resource.resource_type == NODE_GROUP:
        if not has(asked(resource), "launchTemplate"):
            yield "The node group has no launch template, so only the account's default can encrypt its disks."
        return
    if not launches_nodes(resource, stack):
        return
    disks = [disk for disk in mappings(dig(asked(resource), "blockDeviceMappings")) if has(disk, "ebs")]
    if not disks:
        yield "blockDeviceMappings names no disk, so only the account's default can encrypt it."
    for disk in disks:
        encrypted = dig(disk, "ebs", "encrypted")
        # The AWS provider takes this as a text.
        if str(encrypted).lower() != "true":
            yield f"Disk {dig(disk, 'deviceName')} has ebs.encrypted {encrypted or 'not set'}; expected true."


RULE = Rule(
    name="encrypted-volumes",
    reason="Images, secrets and pod data are on the nodes' disks, and stay in snapshots after the nodes are gone.",
    fix="Set ebs.encrypted to true for each of the launch template's blockDeviceMappings.",
    types=(LAUNCH_TEMPLATE, NODE_GROUP),
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
).per_stack(_judge)
