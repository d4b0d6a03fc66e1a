"""What an API call is about, for the IAM check: the resource's exact ARN, and its tags."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import autoscaling, ec2, eks, iam, tagging

from sandbox.aws.hooking import Hook, wrap
from sandbox.aws.hooks.autoscaling_groups import group_of
from sandbox.aws.hooks.iam_oidc_providers import host_and_path
from sandbox.aws.query_protocol import Params, parse

Tags = list[dict[str, str]]

_KINDS = {
    "node-groups": "nodegroup",
    "addons": "addon",
    "access-entries": "access-entry",
    "pod-identity-associations": "podidentityassociation",
}
"""Resource types of EKS by their part of a path (service authorization reference of EKS)."""

_CLUSTER_PART = re.compile(
    r"/clusters/(?P<cluster>[^/]+)/(?P<kind>node-groups|addons|access-entries|pod-identity-associations)/(?P<rest>.+)"
)


def extract_resource_arn(original: Any, service: str, method: str, path: str, *rest: Any) -> str:
    """The ARN that AWS checks; ministack makes up some, and takes clusters for everything in EKS."""
    _headers, _body, query, region, account = rest
    found: str | None = None
    params = parse(query)
    if service in ("autoscaling", "ec2") and _action(params).startswith(("Describe", "Get")):
        return "*"  # AWS knows no resource-level permissions for these.
    if service == "autoscaling":
        found = _scaling_group_arn(params)
    elif service == "eks":
        found = _eks_arn(path, f"arn:aws:eks:{region}:{account}")
    elif service == "iam":
        found = _new_iam_arn(params, account) or _iam_arn(params)
    elif service == "eks-auth":
        found = (
            f"arn:aws:eks:{region}:{account}:cluster/{path.split('/')[2]}" if path.startswith("/clusters/") else None
        )
    arn: str = found or original(service, method, path, *rest)
    if arn == "*" and service == "ec2":
        return _new_ec2_arn(_action(params), f"arn:aws:ec2:{region}:{account}")
    return arn


def _action(params: Params) -> str:
    return str(params.get("Action", ""))


def _new_ec2_arn(action: str, prefix: str) -> str:
    """What a call creates, which has no ID yet (service authorization reference of EC2); ministack has ``*``."""
    noun = "-".join(re.findall("[A-Z][a-z]+", action)[1:]).lower()
    return f"{prefix}:{'elastic-ip' if noun == 'address' else noun}/*"


def _scaling_group_arn(params: Params) -> str | None:
    name = params.get("AutoScalingGroupName") or (params.get("Tags") or [{}])[0].get("ResourceId")
    group = autoscaling._asgs.get(name) or group_of(params.get("InstanceId", ""))
    return group["AutoScalingGroupARN"] if group else None


def _eks_arn(path: str, prefix: str) -> str | None:
    """The ARN of the part of a cluster that a path names; ``None`` for the cluster itself and for lists.

    A part that does not exist has no ID; its ARN ends with its name.
    """
    if path.startswith("/tags/"):
        return path.removeprefix("/tags/")
    match = _CLUSTER_PART.fullmatch(path)
    if not match:
        return None
    cluster, rest = match["cluster"], match["rest"]
    records: dict[str, Any] = {
        "node-groups": lambda: eks._nodegroups.get(f"{cluster}/{rest.split('/')[0]}", {}).get("nodegroupArn"),
        "addons": lambda: eks._addons.get(f"{cluster}/{rest.split('/')[0]}", {}).get("addonArn"),
        "access-entries": lambda: eks._access_entries.get(
            eks._ae_key(cluster, rest.split("/access-policies")[0]), {}
        ).get("accessEntryArn"),
        "pod-identity-associations": lambda: eks._pod_identity_associations.get(eks._pia_key(cluster, rest), {}).get(
            "associationArn"
        ),
    }
    arn: str | None = records[match["kind"]]()
    return arn or f"{prefix}:{_KINDS[match['kind']]}/{cluster}/{rest.split('/')[0]}/"


def _new_iam_arn(params: Params, account: str) -> str | None:
    """The ARN of what a call creates (service authorization reference of IAM); ministack has ``*`` or no path."""
    path = params.get("Path", "/")
    created = {
        "CreateInstanceProfile": f"instance-profile{path}{params.get('InstanceProfileName')}",
        "CreateRole": f"role{path}{params.get('RoleName')}",
        "CreatePolicy": f"policy{path}{params.get('PolicyName')}",
        "CreateOpenIDConnectProvider": f"oidc-provider/{host_and_path(str(params.get('Url', '')))}",
    }
    name = created.get(_action(params))
    return f"arn:aws:iam::{account}:{name}" if name else None


def _iam_arn(params: Params) -> str | None:
    """The record's own ARN: ministack forgets the path of roles and users."""
    # A call on a profile may name a role as well.
    if profile := iam._instance_profiles.get(params.get("InstanceProfileName")):
        return str(profile["Arn"])
    role = iam._roles.get(params.get("RoleName"), {})
    user = iam._users.get(params.get("UserName"), {})
    arn: str | None = role.get("Arn") or user.get("Arn") or params.get("OpenIDConnectProviderArn")
    return arn


def scaling_group_tags() -> Iterator[tuple[str, Tags]]:
    """ARN and tags of every Auto Scaling group."""
    for group in autoscaling._asgs.values():
        yield group["AutoScalingGroupARN"], group["Tags"]


def eks_tags() -> Iterator[tuple[str, Tags]]:
    """ARN and tags of everything in EKS."""
    for arn, tags in eks._tags.items():
        yield arn, _as_list(tags)


def ec2_tags() -> Iterator[tuple[str, Tags]]:
    """ARN and tags of everything in EC2."""
    for resource_id, tags in ec2._tags.items():
        kind = ec2._guess_resource_type(resource_id)
        yield f"arn:aws:ec2:{ec2.get_region()}:{ec2.get_account_id()}:{kind}/{resource_id}", tags


def _as_list(tags: Mapping[str, str]) -> Tags:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _collector(service: str, collect: Any) -> Hook:
    return Hook(tagging, "_RESOURCE_TAG_COLLECTORS", lambda _original: collect, key=service, is_new=True)


def names_condition_key(original: Any, policies: Any, prefix: str) -> bool:
    """Ministack looks up a resource's tags only if the identity's own policies name them, in one of three spellings."""
    return prefix == "aws:resourcetag/" or bool(original(policies, prefix))


def resolve_condition_key(original: Any, key: str, context: Any) -> Any:
    """``autoscaling:ResourceTag/x``, ``ec2:ResourceTag/x`` and ``iam:ResourceTag/x`` are ``aws:ResourceTag/x``."""
    value = original(key, context)
    prefix, _, name = key.partition("/")
    if value is None and prefix.lower() in ("autoscaling:resourcetag", "ec2:resourcetag", "iam:resourcetag"):
        return original(f"aws:ResourceTag/{name}", context)
    return value


def access_denied_response(original: Any, service: str, action: str, principal: str, *args: Any, **kwargs: Any) -> Any:
    """A refusal that names the resource, as AWS's do."""
    resource = kwargs.get("resource_arn", "*")
    if (
        service in ("autoscaling", "eks", "eks-auth", "iam", "sts")
        and not kwargs.get("message")
        and not kwargs.get("error_code")
    ):
        explicit = bool(kwargs.get("explicit_deny"))
        kwargs["message"] = iam_actions.identity_denial_message(action, principal, resource, explicit)
    return original(service, action, principal, *args, **kwargs)


HOOKS: tuple[Hook, ...] = (
    wrap(iam_actions, "extract_resource_arn", extract_resource_arn),
    wrap(iam_actions, "access_denied_response", access_denied_response),
    wrap(iam_evaluator, "_names_condition_key", names_condition_key),
    wrap(iam_evaluator, "_resolve_condition_key", resolve_condition_key),
    _collector("autoscaling", scaling_group_tags),
    _collector("eks", eks_tags),
    _collector("ec2", ec2_tags),
)
