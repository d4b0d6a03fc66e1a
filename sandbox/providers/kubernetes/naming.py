"""Names and IDs: how Pulumi names an object, and how an object without a name gets one."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from sandbox.providers.rpc import Naming, ProviderError, Resource


def type_of(resource: Resource) -> tuple[str, str]:
    """``apiVersion`` and ``kind`` of a type token: ``kubernetes:core/v1:Pod`` is a ``v1`` ``Pod``."""
    _, api_version, kind = resource.type.split(":")
    return api_version.removeprefix("core/"), kind


def group_of(api_version: str) -> str:
    """The API group: ``apps`` of ``apps/v1``, nothing of ``v1``."""
    return api_version.rpartition("/")[0]


def object_id(live: Mapping[str, Any]) -> str:
    """The Pulumi ID of an object: ``namespace/name``, or ``name`` if it has no namespace."""
    metadata = live["metadata"]
    return "/".join(part for part in (metadata.get("namespace"), metadata["name"]) if part)


def split_id(identifier: str) -> tuple[str | None, str]:
    """Namespace (None without one) and name of an ID.

    Raises:
        ProviderError: It is no ID.
    """
    namespace, _, name = identifier.rpartition("/")
    if not name or "/" in namespace:
        raise ProviderError(f"{identifier!r} is not an ID of something in Kubernetes: expected namespace/name, or name")
    return namespace or None, name


def made_up_name(resource: Resource, naming: Naming) -> str:
    """A name for a resource that has none: its name in the program and eight random digits."""
    digest = hashlib.sha256(naming.seed).hexdigest()[:8] if naming.seed else secrets.token_hex(4)
    return naming.proposal or f"{resource.name}-{digest}"
