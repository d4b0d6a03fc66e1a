"""Trusts every service account of the namespace."""

from tests.policies.programs import parts

parts.role("autoscaler", parts.irsa_trust(sub="system:serviceaccount:kube-system:*"))
