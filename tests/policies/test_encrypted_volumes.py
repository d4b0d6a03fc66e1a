import pytest

from policies.rules.encrypted_volumes import RULE
from tests.policies.compliant import LAUNCH_TEMPLATE, NODE_GROUP
from tests.policies.judging import UNKNOWN, judge

ENCRYPTED = "blockDeviceMappings/0/ebs/encrypted"


@pytest.mark.parametrize("value", ["false", False])
def test_an_unencrypted_disk_is_refused(value: object) -> None:
    (message,) = judge(RULE, NODE_GROUP, LAUNCH_TEMPLATE.but(ENCRYPTED, value)).messages
    assert message.startswith("Disk /dev/xvda has ebs.encrypted")


def test_each_disk_is_judged() -> None:
    disks = [{"deviceName": "/dev/xvda", "ebs": {"encrypted": True}}, {"deviceName": "/dev/xvdb", "ebs": {}}]
    assert judge(RULE, NODE_GROUP, LAUNCH_TEMPLATE.but("blockDeviceMappings", disks)).messages == [
        "Disk /dev/xvdb has ebs.encrypted not set; expected true."
    ]


def test_a_template_that_names_no_disk_is_refused() -> None:
    expected = ["blockDeviceMappings names no disk, so only the account's default can encrypt it."]
    assert judge(RULE, NODE_GROUP, LAUNCH_TEMPLATE.without("blockDeviceMappings")).messages == expected
    instance_store = [{"deviceName": "/dev/sdb", "virtualName": "ephemeral0"}]
    assert judge(RULE, NODE_GROUP, LAUNCH_TEMPLATE.but("blockDeviceMappings", instance_store)).messages == expected


def test_a_node_group_without_a_template_is_refused() -> None:
    assert judge(RULE, NODE_GROUP.without("launchTemplate")).messages == [
        "The node group has no launch template, so only the account's default can encrypt its disks."
    ]


def test_a_template_that_launches_no_nodes_is_not_judged() -> None:
    assert judge(RULE, LAUNCH_TEMPLATE.without("blockDeviceMappings")).passes


def test_disks_that_are_not_known_yet_are_undecided() -> None:
    assert judge(RULE, NODE_GROUP, LAUNCH_TEMPLATE.but("blockDeviceMappings", UNKNOWN)).undecided
    assert judge(RULE, NODE_GROUP.but("launchTemplate", UNKNOWN)).passes
