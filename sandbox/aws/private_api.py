"""What the sandbox's other processes ask of the emulated AWS, and AWS itself does not offer: ``/_sandbox/...``.

Clusters wait for their control plane, instances need their role's credentials, tests inject faults.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import ec2, eks, iam

from sandbox.aws import sessions
from sandbox.aws.calls import CALLS
from sandbox.aws.delays import DELAYS, InvalidDelay
from sandbox.aws.errors import ApiError
from sandbox.aws.faults import FAULTS, Fault, InvalidFault
from sandbox.aws.hooks import capacity, eks_clusters

Json = dict[str, Any]

_INSTANCE_SESSION_SECONDS = 6 * 3600


class NotServed(Exception):
    """The path is not of the private API."""


def handle(method: str, path: str, body: bytes) -> tuple[int, Json]:
    """Answers a request of the private API: HTTP status and JSON.

    Raises:
        NotServed: The path is not one of its.
    """
    for route_method, pattern, operation in _ROUTES:
        match = re.fullmatch(pattern, path)
        if match and method == route_method:
            try:
                return 200, operation(*match.groups(), *([_read(body)] if method == "POST" else []))
            except ApiError as error:
                return error.status, {"error": error.message}
    raise NotServed


def _read(body: bytes) -> Json:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError("BadRequest", f"the body is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise ApiError("BadRequest", "the body is not a JSON object")
    return parsed


def _clusters() -> Json:
    return {
        "clusters": [
            {
                "name": name,
                "region": region,
                "status": cluster["status"],
                "version": cluster["version"],
                "issuer": cluster["identity"]["oidc"]["issuer"],
                "creatorArn": cluster["_creator_arn"],
                "ipFamily": cluster["kubernetesNetworkConfig"]["ipFamily"],
            }
            for (_account, region, name), cluster in eks._clusters.all_items()
        ]
    }


def _activate(region: str, name: str, body: Json) -> Json:
    missing = [member for member in ("endpoint", "certificateAuthority", "jwks") if member not in body]
    if missing:
        raise ApiError("BadRequest", f"missing from the body: {', '.join(missing)}")
    for account, cluster_region, cluster in eks._clusters.to_dict():
        if (cluster_region, cluster) == (region, name):
            with request_scope(account, region):
                return eks_clusters.activate(name, body["endpoint"], body["certificateAuthority"], body["jwks"])
    raise ApiError("NotFound", f"no cluster {name} in {region}", 404)


def _instance_credentials(instance_id: str, _body: Json) -> Json:
    """What the instance metadata service would hand out: a session of the role in the instance's profile."""
    for (account, region, found_id), instance in ec2._instances.all_items():
        if found_id != instance_id:
            continue
        with request_scope(account, region):
            role = _role_of(instance)
            credentials = sessions.issue(role, instance_id, _INSTANCE_SESSION_SECONDS)
        return {
            "AccessKeyId": credentials.access_key_id,
            "SecretAccessKey": credentials.secret_access_key,
            "Token": credentials.session_token,
            "Expiration": _iso(credentials.expiration),
            "RoleArn": role["Arn"],
        }
    raise ApiError("NotFound", f"no instance {instance_id}", 404)


def _role_of(instance: Json) -> Json:
    if instance["State"]["Name"] != "running":
        raise ApiError("Conflict", f"instance {instance['InstanceId']} is {instance['State']['Name']}", 409)
    arn = (instance.get("IamInstanceProfile") or {}).get("Arn")
    profile = iam._lookup_instance_profile(arn=arn) if arn else None
    role = iam._roles.get(profile["Roles"][0]) if profile and profile["Roles"] else None
    if role is None:
        raise ApiError("NotFound", f"instance {instance['InstanceId']} has no instance profile with a role", 404)
    found: Json = role
    return found


def _iso(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _list_faults() -> Json:
    return {"faults": [vars(fault) for fault in FAULTS.waiting()]}


def _add_fault(body: Json) -> Json:
    try:
        FAULTS.add(Fault.read(body))
    except InvalidFault as error:
        raise ApiError("BadRequest", str(error)) from error
    return _list_faults()


def _clear_faults() -> Json:
    FAULTS.clear()
    capacity.retry_launches()
    return _list_faults()


def _list_delays() -> Json:
    return {"delays": DELAYS.all()}


def _set_delays(body: Json) -> Json:
    try:
        DELAYS.set(body)
    except InvalidDelay as error:
        raise ApiError("BadRequest", str(error)) from error
    return _list_delays()


def _clear_delays() -> Json:
    DELAYS.clear()
    return _list_delays()


def _list_calls() -> Json:
    return {"calls": CALLS.made()}


def _clear_calls() -> Json:
    CALLS.clear()
    return _list_calls()


_ROUTES: tuple[tuple[str, str, Callable[..., Json]], ...] = (
    ("GET", "/_sandbox/clusters", _clusters),
    ("POST", "/_sandbox/clusters/([^/]+)/([^/]+)", _activate),
    ("POST", "/_sandbox/instances/([^/]+)/credentials", _instance_credentials),
    ("GET", "/_sandbox/faults", _list_faults),
    ("POST", "/_sandbox/faults", _add_fault),
    ("DELETE", "/_sandbox/faults", _clear_faults),
    ("GET", "/_sandbox/delays", _list_delays),
    ("POST", "/_sandbox/delays", _set_delays),
    ("DELETE", "/_sandbox/delays", _clear_delays),
    ("GET", "/_sandbox/calls", _list_calls),
    ("DELETE", "/_sandbox/calls", _clear_calls),
)
