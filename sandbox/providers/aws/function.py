"""What a function (an invoke) of the provider is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.providers.aws.session import Cloud


@dataclass(frozen=True)
class Function:
    """One function of the official provider.

    Attributes:
        token: Its token, such as ``aws:eks/getCluster:getCluster``.
        sdk: The SDK's function, from which the arguments and their types are read.
        answer: Answers it.
    """

    token: str
    sdk: Callable[..., Any]
    answer: Callable[[Cloud, Mapping[str, Any]], Mapping[str, Any]]
