"""What EKS refuses to change on a cluster that exists."""

from . import iam
from .faults import Fault
from .versions import dotted, parse_minor


def version_faults(path: str, live: str, requested: str) -> list[Fault]:
    """Find a version that the cluster cannot be updated to: EKS upgrades one minor at a time and never downgrades.

    EKS user guide, "Update existing cluster to new Kubernetes version".

    Args:
        path: Where the version is given.
        live: Kubernetes version of the cluster.
        requested: The version that the program wants.
    """
    now, then = parse_minor(live), parse_minor(requested)
    if now is None or then is None:
        return []
    following = (now[0], now[1] + 1)
    if now <= then <= following:
        return []
    expected = f"{dotted(now)}, or {dotted(following)} for an upgrade: EKS upgrades one minor at a time"
    if then < now:
        expected = f"{dotted(now)} or later: EKS never downgrades a cluster"
    return [Fault(path, f"{requested!r}, and the cluster has {dotted(now)}", expected)]


def role_faults(path: str, live_arn: str, role_path: str, prefix: str) -> list[Fault]:
    """Find another path or another beginning of the name than the role of the cluster has.

    A cluster keeps the role that it was created with: another one replaces the cluster (``roleArn`` is ForceNew in
    terraform-provider-aws internal/service/eks/cluster.go).

    Args:
        path: Where the role is described.
        live_arn: ARN of the role of the cluster.
        role_path: IAM path that the program wants.
        prefix: What the role's name must begin with.
    """
    if iam.is_named(live_arn, role_path, prefix):
        return []
    expected = (
        "no change of path and namePrefix, and none of the two if the cluster was created without role: another role "
        "replaces the cluster. Set a boundary on the role by `aws iam put-role-permissions-boundary`"
    )
    return [Fault(path, f"a role {role_path}{prefix}…, and the cluster has {live_arn}", expected)]
