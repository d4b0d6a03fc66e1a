"""The history of updates of a cluster: its own, its node groups' and its add-ons' (DescribeUpdate)."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from ministack.services import eks

from sandbox.aws.delays import DELAYS
from sandbox.aws.errors import ApiError
from sandbox.aws.hooks.eks_api import Call, Json, Route, find_cluster


def record(cluster: Json, kind: str, params: Mapping[str, Any], *, owner: str = "") -> Json:
    """Remembers an update that was carried out, and returns the answer of the call that asked for it.

    Args:
        cluster: Record of the cluster.
        kind: EKS's type of the update, such as ``VersionUpdate``.
        params: What was updated; values that are not text are given as JSON.
        owner: Name of the node group or add-on that was updated; empty for the cluster itself.
    """
    update = {
        "id": eks.new_uuid(),
        "status": "Successful",
        "type": kind,
        "params": [{"type": name, "value": _text(value)} for name, value in params.items()],
        "createdAt": eks._now(),
        "errors": [],
    }
    until = DELAYS.until("node-group-update") if owner else 0
    cluster.setdefault("_updates", {})[update["id"]] = update | {"_owner": owner, "_until": until}
    # Mostly done at once, but a caller must be ready to wait, as on AWS: only DescribeUpdate shows the truth.
    return {"update": update | {"status": "InProgress"}}


def in_progress(cluster: Json, owner: str) -> str | None:
    """The ID of the update that a node group or add-on is busy with, if any."""
    updates = cluster.get("_updates", {}).values()
    return next((str(one["id"]) for one in updates if one["_owner"] == owner and _is_busy(one)), None)


def _is_busy(update: Json) -> bool:
    return bool(update.get("_until", 0) > time.time())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def describe_update(call: Call) -> Json:
    """DescribeUpdate."""
    owner = call.query.get("nodegroupName") or call.query.get("addonName") or [""]
    update = find_cluster(call.path["cluster"]).get("_updates", {}).get(call.path["update"])
    if update is None or update["_owner"] != owner[0]:
        raise ApiError("ResourceNotFoundException", f"No update found for ID: {call.path['update']}", 404)
    visible = {name: value for name, value in update.items() if not name.startswith("_")}
    return {"update": visible | {"status": "InProgress"} if _is_busy(update) else visible}


ROUTES = (Route("GET", "/clusters/{cluster}/updates/{update}", describe_update),)
