"""No back door: ministack takes ``test`` and any account number for the root user, whatever the secret."""

from __future__ import annotations

from ministack.core import iam_evaluator

from sandbox.aws.hooking import Hook, replace


def is_root_access_key(access_key_id: str) -> bool:
    """Only a request without any key has no caller; the gateway lets those through for unsigned operations alone."""
    return not access_key_id


HOOKS: tuple[Hook, ...] = (replace(iam_evaluator, "is_root_access_key", is_root_access_key),)
