"""Managed policies: AWS's own documents, and attaching only what exists."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ministack.services import iam

from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook, replace
from sandbox.aws.query_protocol import IAM, Params, Response, parse

_DOCUMENTS = Path(__file__).parent.parent / "managed_policies.json"


def aws_managed() -> dict[str, Any]:
    """Ministack's AWS managed policies, completed by those of ``managed_policies.json`` (true documents)."""
    missing = {
        f"{iam._AWS_MANAGED_POLICY_PREFIX}{name}": iam._make_aws_managed_record(name, json.dumps(document))
        for name, document in json.loads(_DOCUMENTS.read_text()).items()
    }
    return {**missing, **iam._aws_managed_policies}


def attach(original: Any, raw: Mapping[str, Any]) -> Response:
    """AttachRolePolicy, AttachUserPolicy, AttachGroupPolicy: ministack attaches policies that do not exist."""
    arn = parse(raw).get("PolicyArn", "")
    if not iam.policy_known(arn):
        raise ApiError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)
    response: Response = original(raw)
    return response


def set_default_version(params: Params) -> None:
    """SetDefaultPolicyVersion."""
    policy = iam._policies.get(params["PolicyArn"])
    if policy is None or params["VersionId"] not in policy["Versions"]:
        raise ApiError(
            "NoSuchEntity", f"Policy {params['PolicyArn']} version {params['VersionId']} does not exist.", 404
        )
    policy["DefaultVersionId"] = params["VersionId"]
    for version in policy["Versions"].values():
        version["IsDefaultVersion"] = version["VersionId"] == params["VersionId"]


HOOKS: tuple[Hook, ...] = (
    replace(iam, "_aws_managed_policies", aws_managed()),
    IAM.wrap("AttachRolePolicy", attach),
    IAM.wrap("AttachUserPolicy", attach),
    IAM.wrap("AttachGroupPolicy", attach),
    IAM.answer("SetDefaultPolicyVersion", set_default_version, is_new=True),
)
