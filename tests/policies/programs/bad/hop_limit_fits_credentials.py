"""Gives the autoscaler a separate role, and every pod the nodes' role."""

from tests.policies.programs import parts

parts.node_group(template=parts.launch_template(metadata_options=parts.metadata_options(http_put_response_hop_limit=2)))
parts.release(parts.chart_values(parts.role("autoscaler", parts.irsa_trust()).arn))
