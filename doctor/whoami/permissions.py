"""An allowed or denied line for each action of the autoscaler."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .._shared import iam
from ..case import Case
from ..facts import Decision

ACTIONS = (*iam.READ_ACTIONS, iam.NODE_GROUP_ACTION, *iam.WRITE_ACTIONS)
"""Every call that Cluster Autoscaler makes."""

_PERMITTED = "DryRunOperation"
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


@dataclass(frozen=True)
class Permission:
    """The decision about one action.

    Attributes:
        allowed: Whether it is allowed on everything that the autoscaler needs; None if unknown.
        detail: Where, and why not.
    """

    action: str
    allowed: bool | None
    detail: str = ""


def permissions(case: Case, decisions: Iterable[Decision]) -> list[Permission]:
    """Return one line for each action, in the order of ``ACTIONS``."""
    known = tuple(decisions)
    return [_permission(case, action, [each for each in known if each.action == action]) for action in ACTIONS]


def _permission(case: Case, action: str, decisions: list[Decision]) -> Permission:
    mine = {group.arn for group in case.discovered_own}
    if action in iam.WRITE_ACTIONS:
        own = [each for each in decisions if each.resource in mine]
        others = [each for each in decisions if each.resource not in mine | {each.arn for each in case.own_groups}]
        return _over(action, own, "groups", f"; {_count(others)} groups of other owners" if others else "")
    if action == iam.NODE_GROUP_ACTION:
        return _over(action, decisions, "node groups", "")
    if not decisions:
        return Permission(action, None, "not checked")
    refused = next((each for each in decisions if not each.allowed), None)
    return Permission(action, refused is None, refused.reason if refused else "")


def _over(action: str, decisions: list[Decision], things: str, more: str) -> Permission:
    """Combine the decisions about each resource."""
    if not decisions:
        return Permission(action, None, f"not checked on any of the cluster's {things}")
    refused = [each for each in decisions if not each.allowed]
    detail = f"{_count(decisions)} {things} of the cluster{more}"
    if refused:
        names = ", ".join(each.resource.rpartition("/")[2] for each in refused[:3])
        detail += f"; denied ({refused[0].reason}) on {names}" + (" and more" if len(refused) > 3 else "")
    return Permission(action, not refused, detail)


def _count(decisions: list[Decision]) -> str:
    return f"on {sum(each.allowed for each in decisions)} of {len(decisions)}"


# --- tried, if it cannot be simulated ------------------------------------------------------------------------------


def tried(client: Callable[[str], Any], cluster: str, node_group: str, node_group_arn: str) -> Iterator[Decision]:
    """Make the reads with the pod's credentials. They change nothing; writes cannot be tried safely.

    Args:
        client: Returns a boto3 client with the pod's credentials.
        cluster: Name of the cluster.
        node_group: One of its managed node groups; empty if it has none.
        node_group_arn: Its ARN.
    """
    requirements = {"VCpuCount": {"Min": 1}, "MemoryMiB": {"Min": 1}}
    from_requirements = {
        "ArchitectureTypes": ["x86_64"],
        "VirtualizationTypes": ["hvm"],
        "InstanceRequirements": requirements,
    }
    parameters: dict[str, dict[str, Any]] = {
        "autoscaling:DescribeAutoScalingGroups": {"MaxRecords": 1},
        "autoscaling:DescribeLaunchConfigurations": {"MaxRecords": 1},
        "autoscaling:DescribeScalingActivities": {"MaxRecords": 1},
        "ec2:DescribeImages": {"DryRun": True},
        "ec2:DescribeInstanceTypes": {"DryRun": True},
        "ec2:DescribeLaunchTemplateVersions": {"DryRun": True, "Versions": ["$Latest"]},
        "ec2:GetInstanceTypesFromInstanceRequirements": {"DryRun": True, **from_requirements},
    }
    if node_group:
        parameters[iam.NODE_GROUP_ACTION] = {"clusterName": cluster, "nodegroupName": node_group}
    for action, given in parameters.items():
        service, _, operation = action.partition(":")
        resource = node_group_arn if action == iam.NODE_GROUP_ACTION else "*"
        allowed = _is_allowed(client(service), operation, given)
        if allowed is not None:
            yield Decision(action, resource, allowed, "" if allowed else "by AWS, with the pod's credentials")


def _is_allowed(client: Any, operation: str, parameters: dict[str, Any]) -> bool | None:
    method = next(name for name, api in client.meta.method_to_api_mapping.items() if api == operation)
    try:
        getattr(client, method)(**parameters)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        return True if code == _PERMITTED else False if code in _DENIED else None
    except BotoCoreError:
        return None
    return True
