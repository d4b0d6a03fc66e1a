"""Tags a group with a prefix that belongs to EKS and that the autoscaler does not read."""

from tests.policies.programs import parts

parts.asg_tag("eks:cluster-autoscaler/enabled", "true")
