"""Launches nodes whose disks are not encrypted."""

from tests.policies.programs import parts

parts.node_group(template=parts.launch_template(block_device_mappings=parts.disks(encrypted="false")))
