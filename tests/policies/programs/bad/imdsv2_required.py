"""Leaves the old metadata service on."""

from tests.policies.programs import parts

parts.launch_template(metadata_options=parts.metadata_options(http_tokens="optional"))
