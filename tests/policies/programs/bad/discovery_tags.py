"""Makes a self-managed group that the stack's autoscaler does not discover."""

from tests.policies.programs import parts

parts.self_managed_group({f"kubernetes.io/cluster/{parts.CLUSTER}": "owned"})
parts.release(parts.chart_values(parts.role("autoscaler", parts.irsa_trust()).arn))
