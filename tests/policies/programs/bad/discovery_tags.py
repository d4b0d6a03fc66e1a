"""Makes nodes of the cluster that no autoscaler will ever find."""

from tests.policies.programs import parts

parts.self_managed_group({f"kubernetes.io/cluster/{parts.CLUSTER}": "owned"})
