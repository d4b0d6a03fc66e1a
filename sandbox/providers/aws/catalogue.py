"""All resource types and functions that the stand-in knows, by token."""

from __future__ import annotations

import importlib
import threading
from typing import Any

from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import ResourceType

# Module of the tokens to module of ours. Each is imported when it is first needed: the SDK's `ec2` alone takes seconds.
_MODULES = {
    "autoscaling": "sandbox.providers.aws.autoscaling",
    "ec2": "sandbox.providers.aws.ec2",
    "eks": "sandbox.providers.aws.eks",
    "iam": "sandbox.providers.aws.iam",
    "index": "sandbox.providers.aws.identity",
    "ssm": "sandbox.providers.aws.ssm",
}
_importing = threading.Lock()


def resource_type(token: str) -> ResourceType | None:
    """The resource type of a token such as ``aws:iam/role:Role``, if it is known."""
    module = _module(token)
    return next((kind for kind in module.RESOURCES if kind.token() == token), None) if module else None


def function(token: str) -> Function | None:
    """The function of a token such as ``aws:eks/getCluster:getCluster``, if it is known."""
    module = _module(token)
    return next((each for each in module.FUNCTIONS if each.token == token), None) if module else None


def resource_tokens() -> list[str]:
    """The tokens of all known resource types, sorted."""
    return sorted(kind.token() for name in _MODULES for kind in _load(name).RESOURCES)


def function_tokens() -> list[str]:
    """The tokens of all known functions, sorted."""
    return sorted(each.token for name in _MODULES for each in _load(name).FUNCTIONS)


def load() -> None:
    """Imports all modules, so that no call has to wait for it."""
    for name in _MODULES:
        _load(name)


def _module(token: str) -> Any:
    """Our module for a token ``aws:<module>/<member>:<Name>``, or None."""
    name = token.partition(":")[2].partition("/")[0]
    return _load(name) if name in _MODULES else None


def _load(name: str) -> Any:
    with _importing:
        return importlib.import_module(_MODULES[name])
