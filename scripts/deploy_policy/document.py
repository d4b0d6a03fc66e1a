"""From the settings of a stack to the IAM policy of the role that deploys it."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from components import SelfManagedNodeGroupArgs, addon
from components.autoscaler_role import IRSA, NODE_ROLE, POD_IDENTITY
from components.pure import arns, iam
from components.pure.ip_family import IPV6
from settings import Creation, Settings

TABLE = Path(__file__).parent / "actions.tsv"
RECORDED = "recorded"
CLUSTER_ROLE = "cluster-eksRole-role-"
"""Beginning of the name of a created cluster's role (pulumi-eks, ``nodejs/eks/servicerole.ts``)."""
MAX_LENGTH = 6144
"""Characters of a customer-managed policy, without white space (IAM quotas)."""

_ANY = "*"
_UPDATED = (("cluster", ""), ("nodegroup", "/*"), ("addon", "/*"))


class Action(NamedTuple):
    """One row of the table.

    Attributes:
        feature: What a stack must use so that the call is made.
        access: ``read`` if a preview makes it, ``write`` if only an update does.
        action: ``service:Action``.
        scope: Which resources, a key of ``scopes``.
        source: ``recorded``, or who makes or demands it on AWS.
    """

    feature: str
    access: str
    action: str
    scope: str
    source: str


@cache
def table() -> tuple[Action, ...]:
    """Return every row of the table."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return tuple(Action(*line.split("\t")) for line in lines[1:])


def features(settings: Settings) -> set[str]:
    """Return what a stack uses, in the words of the table."""
    cluster, credentials = settings["cluster"], settings["credentials"]
    create = cluster.get("create", {})
    groups, provider, pods = settings["node_groups"], settings["oidc_provider"], settings["pod_identity"]
    created = _created_groups(settings)
    node_roles = bool(created) or any("node_role_arn" not in group for group in groups)
    # The provider of a created cluster is part of the stack in every mode.
    created_provider = provider.get("create", True) and (credentials == IRSA or bool(create))
    agent = credentials == POD_IDENTITY and pods.get("install_agent", True)
    found = {
        "always": True,
        "created cluster": bool(create),
        "network": "network" in create,
        "network NAT": "network" in create and create["network"].get("nat", True),
        "network endpoints": "endpoints" in create.get("network", {}),
        "IPv6 network": "network" in create and cluster.get("ip_family") == IPV6,
        "IPv6 nodes": cluster.get("ip_family") == IPV6 and node_roles,
        "administrators": bool(create.get("admin_principal_arns")),
        "node groups": bool(groups),
        # For the output of the stack, whether a group needs them or not.
        "adopted cluster": not create,
        "zones of subnets": any(group.get("one_per_zone") and "subnet_ids" in group for group in groups),
        "existing node groups": bool(settings["existing_node_groups"]),
        "existing scaling groups": len(created) < len(settings["auto_scaling_groups"]),
        "created scaling groups": bool(created),
        "cluster add-ons": "addons" in create,
        "created provider": created_provider,
        "removed provider": created_provider and not provider.get("retain", not create),
        "found provider": credentials == IRSA and not created_provider,
        "association": credentials == POD_IDENTITY,
        "agent": agent,
        "agent version": agent and pods.get("agent_version") == addon.DEFAULT,
        "removed agent": agent and not pods.get("retain_agent", True),
        "node role": credentials == NODE_ROLE,
        "roles": bool(create) or node_roles or credentials != NODE_ROLE,
        "passed roles": bool(create or created or groups) or credentials == POD_IDENTITY,
    }
    return {name for name, used in found.items() if used}


def _created_groups(settings: Settings) -> dict[str, SelfManagedNodeGroupArgs]:
    return {group["name"]: group["create"] for group in settings["auto_scaling_groups"] if "create" in group}


def actions(settings: Settings, *, write: bool) -> list[Action]:
    """Return the rows that apply to a stack: what a preview calls, and with ``write`` what an update calls as well."""
    used = features(settings)
    return [row for row in table() if row.feature in used and (write or row.access == "read")]


def document(settings: Settings, account: str, *, write: bool) -> dict[str, Any]:
    """Return the IAM policy for a preview with ``--refresh``, or for an update as well.

    Args:
        settings: Settings of the stack.
        account: ID of its account.
        write: Whether to allow updates.
    """
    scopes = _Scopes(settings, account)
    by_scope: dict[str, list[str]] = {}
    for row in actions(settings, write=write):
        by_scope.setdefault(row.scope, []).append(row.action)
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": sorted(set(names)), **where}
            for scope, names in by_scope.items()
            for where in scopes.of(scope)
        ],
    }


class _Role(NamedTuple):
    """A role that the program creates.

    Attributes:
        arn: Its ARN, with a wildcard for the end of its name.
        boundary: Permissions boundary that the program gives it; empty if none.
        policies: ARNs of what the program attaches to it.
        is_node: Whether nodes have it.
    """

    arn: str
    boundary: str
    policies: tuple[str, ...]
    is_node: bool = False


class _Scopes:
    """The resources of each scope, with the conditions that narrow them further."""

    def __init__(self, settings: Settings, account: str) -> None:
        self._settings = settings
        self._region = settings["region"]
        self._partition = arns.partition(self._region) or "aws"
        self._account = account
        self._cluster = settings["cluster"].get("name", _ANY)
        self._path = settings["role"].get("path", "/")
        self._prefix = settings["role"].get("name_prefix", "")
        self._roles = list(self._created_roles())

    def of(self, scope: str) -> list[dict[str, Any]]:
        """Return Resource and Condition of each statement for a scope; none if nothing of the stack is in it."""
        conditioned: dict[str, Callable[[], list[dict[str, Any]]]] = {
            "new roles": self._new_roles,
            "attach": self._attachments,
            "node roles": lambda: [{"Resource": self._node_roles(), **_attaches([self._policy()])}],
            "pass": self._passed,
        }
        if scope in conditioned:
            return conditioned[scope]()
        cluster, account = self._cluster, self._account
        resources: dict[str, list[str]] = {
            "any": [_ANY],
            "cluster": [self._eks(f"cluster/{cluster}")],
            "profiles": [self._iam(f"instance-profile{self._path}{rest}") for rest in self._profiles()],
            "linked groups": [self._linked(f"{service}.amazonaws.com") for service in ("autoscaling", "spot")],
            "node groups": [self._eks(f"nodegroup/{cluster}/*")],
            # A request names the cluster, and what is updated in it.
            "updates": [self._eks(f"{each}/{cluster}{rest}") for each, rest in _UPDATED],
            "add-ons": [self._eks(f"addon/{cluster}/*")],
            "associations": [self._eks(f"podidentityassociation/{cluster}/*")],
            "access entries": [self._eks(f"access-entry/{cluster}/*"), self._eks(f"cluster/{cluster}")],
            "policy": [self._policy()],
            "provider": [self._iam("oidc-provider/oidc.eks.*")],
            "roles": [role.arn for role in self._roles],
            # With a boundary, who deploys must not take it away.
            "unbounded roles": [role.arn for role in self._roles if not role.boundary],
            "created node roles": [role.arn for role in self._roles if role.is_node],
            "read node roles": self._node_roles(),
            "linked cluster": [self._linked("eks.amazonaws.com")],
            "linked node groups": [self._linked("eks-nodegroup.amazonaws.com")],
            "groups": [f"arn:{self._partition}:autoscaling:{self._region}:{account}:autoScalingGroup:*"],
            "ec2": [f"arn:{self._partition}:ec2:{self._region}:{account}:*"],
            # Not `*`, by which a preview could read secrets that the account's key for SSM encrypts. AWS names the
            # caller's account in the ARN (eksctl-io/eksctl 2908), or none, as its documentation does.
            "public parameters": [f"arn:{self._partition}:ssm:{self._region}:*:parameter/aws/service/*"],
            # Images belong to no account of the caller.
            "launch": [f"arn:{self._partition}:ec2:{self._region}:{each}:*" for each in (account, "")],
        }
        return [{"Resource": resources[scope]}] if resources[scope] else []

    def _new_roles(self) -> list[dict[str, Any]]:
        """Roles are created with their own boundary only; pulumi-eks gives a cluster's role none."""
        by_boundary: dict[str, list[str]] = {}
        for role in self._roles:
            by_boundary.setdefault(role.boundary, []).append(role.arn)
        return [
            {
                "Resource": arns,
                **({"Condition": {"StringEquals": {"iam:PermissionsBoundary": boundary}}} if boundary else {}),
            }
            for boundary, arns in by_boundary.items()
        ]

    def _attachments(self) -> list[dict[str, Any]]:
        """Each role gets its own policies: the cluster's, which may have no boundary, never one written here."""
        by_policies: dict[tuple[str, ...], list[str]] = {}
        for role in self._roles:
            by_policies.setdefault(role.policies, []).append(role.arn)
        return [{"Resource": arns, **_attaches(policies)} for policies, arns in by_policies.items()]

    def _passed(self) -> list[dict[str, Any]]:
        services = ["eks.amazonaws.com", *iam.ec2_services(self._partition), "pods.eks.amazonaws.com"]
        # IfExists: AWS always sends this key with this call.
        condition = {"StringEqualsIfExists": {"iam:PassedToService": services}}
        return [{"Resource": [*(role.arn for role in self._roles), *self._given_roles()], "Condition": condition}]

    def _eks(self, rest: str) -> str:
        return f"arn:{self._partition}:eks:{self._region}:{self._account}:{rest}"

    def _iam(self, rest: str) -> str:
        return f"arn:{self._partition}:iam::{self._account}:{rest}"

    def _linked(self, service: str) -> str:
        return self._iam(f"role/aws-service-role/{service}/*")

    def _policy(self) -> str:
        if self._cluster == _ANY:
            return self._iam(f"policy{self._path}{self._prefix}{iam.POLICY_NAME}-*")
        identity = iam.ClusterIdentity(self._partition, self._region, self._account, self._cluster)
        return self._iam(f"policy{self._path}{iam.autoscaler_policy_name(identity, self._prefix, self._path)}")

    def _managed(self, *names: str) -> tuple[str, ...]:
        return tuple(iam.managed_policy_arn(self._partition, name) for name in names)

    def _created_roles(self) -> Iterator[_Role]:
        """Roles that the program creates: the autoscaler's, the nodes', and the cluster's."""
        boundary = str(self._settings["role"].get("permissions_boundary_arn", ""))
        if self._settings["credentials"] != NODE_ROLE:
            yield _Role(self._role(iam.AUTOSCALER_ROLE_NAME), boundary, (self._policy(),))
        managed = {group["name"]: group for group in self._settings["node_groups"] if "node_role_arn" not in group}
        for name, group in {**managed, **_created_groups(self._settings)}.items():
            policies = (*self._managed(*iam.NODE_MANAGED_POLICIES), *group.get("node_role_policies", ()))
            yield _Role(self._role(f"{name}-node"), boundary, policies, is_node=True)
        if (create := self._settings["cluster"].get("create")) is not None:
            own = str(create.get("role", {}).get("permissions_boundary_arn", ""))
            yield _Role(self._cluster_role(create), own, self._managed(iam.CLUSTER_MANAGED_POLICY))

    def _role(self, name: str) -> str:
        beginning = iam.role_prefix(self._prefix, name) if self._prefix else f"{name}-"
        return self._iam(f"role{self._path}{beginning}*")

    def _profiles(self) -> Iterator[str]:
        """Names of the instance profiles that the program creates."""
        for name in _created_groups(self._settings):
            yield f"{iam.role_prefix(self._prefix, f'{name}-node')}*" if self._prefix else f"{name}-*"

    def _cluster_role(self, create: Creation) -> str:
        if (role := create.get("role")) is None:
            return self._iam(f"role/{CLUSTER_ROLE}*")
        beginning = iam.role_prefix(role.get("name_prefix", ""), iam.CLUSTER_ROLE_NAME)
        return self._iam(f"role{role.get('path', '/')}{beginning}*")

    def _given_roles(self) -> list[str]:
        return [str(group["node_role_arn"]) for group in self._settings["node_groups"] if "node_role_arn" in group]

    def _node_roles(self) -> list[str]:
        # The names of the roles of groups that exist are not known here.
        if self._settings["existing_node_groups"]:
            return [self._iam("role/*")]
        return [*(role.arn for role in self._roles if role.is_node), *self._given_roles()]


def _attaches(policies: Sequence[str]) -> dict[str, Any]:
    # IfExists: AWS always sends this key with these calls.
    return {"Condition": {"ArnEqualsIfExists": {"iam:PolicyARN": list(policies)}}}
