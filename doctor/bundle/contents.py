"""What a bundle holds, as JSON and back: every fact that the commands read, in a versioned form."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ..errors import CannotCheckError
from ..explain.state import ClusterState
from ..facts import Access, Snapshot
from ..readings import Reading, Unreadable
from .redaction import redacted

FORMAT = 1
"""Raised when a reader of the old form would misread the new one; new facts may be added without."""


@dataclass(frozen=True)
class Contents:
    """A snapshot, and the state of the cluster that ``explain`` needs beyond it.

    Attributes:
        tool: Version of the ca-doctor that took it.
    """

    snapshot: Snapshot
    state: ClusterState
    tool: str = ""


@dataclass(frozen=True)
class _Stored:
    """The form in the file.

    Attributes:
        access: The rights of the snapshot, as pairs: a JSON object has no keys of several parts.
    """

    format: int
    tool: str
    created: datetime
    accounts_masked: bool
    snapshot: Snapshot
    access: Reading[tuple[tuple[Access, bool], ...]]
    state: ClusterState


@cache
def _adapter() -> TypeAdapter[_Stored]:
    return TypeAdapter(_Stored)


def encode(contents: Contents, mask_accounts: bool = False) -> bytes:
    """Return the contents as JSON without secrets.

    Args:
        contents: What was read.
        mask_accounts: Whether to mask AWS account ids, too.
    """
    kubernetes = contents.snapshot.kubernetes
    access = kubernetes.access
    stored = _Stored(
        format=FORMAT,
        tool=contents.tool,
        created=contents.snapshot.taken_at,
        accounts_masked=mask_accounts,
        snapshot=replace(contents.snapshot, kubernetes=replace(kubernetes, access={})),
        access=access if isinstance(access, Unreadable) else tuple(access.items()),
        state=contents.state,
    )
    document = redacted(_adapter().dump_python(stored, mode="json"), mask_accounts)
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def decode(text: bytes, where: str) -> Contents:
    """Return the contents from JSON.

    Args:
        text: What ``encode`` made.
        where: The file, for errors.

    Raises:
        CannotCheckError: When it is not a bundle, or one of a newer format.
    """
    _check_format(text, where)
    try:
        stored = _adapter().validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise CannotCheckError(f"{where}: the bundle is damaged: {place}: {first['msg']}. Take a new one.") from error
    access: Reading[Mapping[Access, bool]] = (
        stored.access if isinstance(stored.access, Unreadable) else dict(stored.access)
    )
    snapshot = replace(stored.snapshot, kubernetes=replace(stored.snapshot.kubernetes, access=access))
    return Contents(snapshot, stored.state, stored.tool)


def _check_format(text: bytes, where: str) -> None:
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CannotCheckError(f"{where}: the bundle is damaged: {error}. Take a new one.") from error
    given = document.get("format") if isinstance(document, dict) else None
    if not isinstance(given, int) or given < 1:
        raise CannotCheckError(f"{where}: got no bundle format; expected a file that `ca-doctor bundle` wrote")
    if given > FORMAT:
        raise CannotCheckError(
            f"{where}: got a bundle of format {given}, by ca-doctor {document.get('tool') or 'of a newer version'}; "
            f"expected format {FORMAT} or older. Upgrade ca-doctor."
        )
