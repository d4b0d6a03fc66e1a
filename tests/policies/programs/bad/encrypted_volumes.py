"""Leaves the nodes' disks in the clear."""

from tests.policies.programs import parts

parts.launch_template(block_device_mappings=parts.disks(encrypted="false"))
