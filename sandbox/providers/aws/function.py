"""What a function (an invoke) of the provider is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.providers.aws.session import Cloud
from sandbox.providers.schema import Object, function_type


@dataclass(frozen=True)
class Function:
    """One function of the official provider.

    Attributes:
        token: Its token, such as ``aws:eks/getCluster:getCluster``.
        sdk: The SDK's function, from which the arguments and their types are read.
        answer: Answers it.
        optional: The arguments that the stand-in knows; it refuses all others.
        required: Those that must be given. The SDK has all as optional.
    """

    token: str
    sdk: Callable[..., Any]
    answer: Callable[[Cloud, Mapping[str, Any]], Mapping[str, Any]]
    optional: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()

    @property
    def arguments(self) -> Object:
        """The type of the arguments."""
        known = {"region", *self.optional, *self.required}
        fields = function_type(self.sdk).items()
        return Object({name: kind for name, kind in fields if name in known}, self.required)
