"""Adopt what exists already instead of creating it a second time (docs/decisions/0010)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import pulumi

TAGS = ("tags", "tagsAll")
"""Paths for ``ignore_changes`` of a resource whose tags belong to its creator."""


class Existing(NamedTuple):
    """Something that exists in AWS and that a resource of the program stands for.

    Attributes:
        id: Its ID for an import.
        inputs: Inputs to send instead of the program's own.
        ignored: Paths of the inputs that stay as they are in AWS.
    """

    id: str
    inputs: Mapping[str, Any] = {}
    ignored: tuple[str, ...] = ()


class Adoption:
    """A resource transform that adopts what exists, and otherwise leaves the resource to be created.

    The engine imports a resource whose state has no ID or another one, and ignores the ID of an import that the state
    has already (pulumi: pkg/resource/deploy/step_generator.go, ``isImport``). So it does not matter who created what
    exists, and nothing is ever created twice or deleted because it was found.
    """

    def __init__(self, find: Callable[[Mapping[str, Any]], Awaitable[Existing | None]]) -> None:
        """Prepare the transform.

        Args:
            find: Returns what exists for the inputs of the resource, in camelCase and with Unknowns; None if nothing.
        """
        self._find = find

    async def __call__(self, args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        """Return the resource with the ID to import, or None to leave it alone."""
        requested: Any = await pulumi.Output.from_input(dict(args.props)).future(with_unknowns=True) or {}
        existing = await self._find(requested)
        if existing is None:
            return None
        args.opts.import_ = existing.id
        args.opts.ignore_changes = [*(args.opts.ignore_changes or []), *existing.ignored]
        return pulumi.ResourceTransformResult({**args.props, **existing.inputs}, args.opts)
