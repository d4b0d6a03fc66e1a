"""Managed policies: AWS's own documents, and attaching only what exists."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ministack.services import iam

from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook, replace
from sandbox.aws.query_protocol import IAM, Response, parse

_DOCUMENTS = Path(__file__).parent.parent / "managed_policies.json"


def aws_managed() -> dict[str, Any]:
    """Ministack's AWS managed policies, completed by those of ``managed_policies.json`` (true documents)."""
    missing = {
        f"{iam._AWS_MANAGED_POLICY_PREFIX}{name}": iam._make_aws_managed_record(name, json.dumps(document))
        for name, document in json.loads(_DOCUMENTS.read_text()).items()
    }
    return {**missing, **iam._aws_managed_policies}


def attach(original: Any, raw: Mapping[str, Any]) -> Response:
    """AttachRolePolicy and AttachUserPolicy: ministack attaches policies that do not exist."""
    arn = parse(raw).get("PolicyArn", "")
    if not iam.policy_known(arn):
        raise ApiError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)
    response: Response = original(raw)
    return response


HOOKS: tuple[Hook, ...] = (
    replace(iam, "_aws_managed_policies", aws_managed()),
    IAM.wrap("AttachRolePolicy", attach),
    IAM.wrap("AttachUserPolicy", attach),
    IAM.refuse("AttachGroupPolicy"),
)
