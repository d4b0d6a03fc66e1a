"""IAM is eventually consistent: other services know a new role only after a while (the delay ``iam``).

Within IAM a role exists at once, as it mostly is on AWS. EKS and STS know it later: they answer as if it did not
exist, which the official provider knows and tries again (terraform-provider-aws internal/service/eks/cluster.go and
pod_identity_association.go, ``propagationTimeout``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import iam

from sandbox.aws.delays import DELAYS
from sandbox.aws.hooking import Hook
from sandbox.aws.query_protocol import IAM, Response, parse

_SETTLED = "_settled"


def is_known(role_arn: str) -> bool:
    """Whether services other than IAM know the role by now."""
    role: Mapping[str, Any] = iam._roles.get(role_arn.rsplit("/", 1)[-1]) or {}
    return bool(role.get("Arn") == role_arn and role.get(_SETTLED, 0) <= time.time())


def create_role(original: Callable[..., Response], raw: Mapping[str, Any]) -> Response:
    """CreateRole; notes from when on others know it."""
    response = original(raw)
    if response[0] == 200:
        iam._roles[parse(raw)["RoleName"]][_SETTLED] = DELAYS.until("iam")
    return response


HOOKS: tuple[Hook, ...] = (IAM.wrap("CreateRole", create_role),)
