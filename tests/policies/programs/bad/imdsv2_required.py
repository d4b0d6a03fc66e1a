"""Launches nodes that answer requests for credentials by IMDSv1."""

from tests.policies.programs import parts

parts.node_group(template=parts.launch_template(metadata_options=parts.metadata_options(http_tokens="optional")))
