"""What a resource type is: what it declares about its properties, and how it is made, read, changed and removed."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from sandbox.providers.aws.session import Cloud
from sandbox.providers.aws.validators import Validator
from sandbox.providers.differences import Change
from sandbox.providers.rpc import Failure, ProviderError, State
from sandbox.providers.schema import MapOf, Object, object_type, output_names

Properties = Mapping[str, Any]
"""Property values by name."""


def split_id(resource_id: str, separator: str, *parts: str) -> list[str]:
    """Return the parts of an ID, of which the last may hold the separator, too.

    Args:
        resource_id: The ID, which is the user's own in an import.
        separator: What is between the parts.
        parts: What each part is, for the error.

    Raises:
        ProviderError: The ID has another form.
    """
    values = resource_id.split(separator, len(parts) - 1)
    if len(values) != len(parts) or not all(values):
        form = separator.join(f"<{part}>" for part in parts)
        raise ProviderError(f"the ID {resource_id!r} is not of the form {form}")
    return values


@dataclass(frozen=True)
class AutoName:
    """The name that is made up when the program gives none.

    Attributes:
        key: The name's property.
        longest: How long AWS lets it be.
        valid: What the official provider checks of a name, or of a prefix.
    """

    key: str
    longest: int
    valid: Validator = lambda _value: None

    @property
    def prefix_key(self) -> str:
        """The property that asks for a made-up name with a given beginning."""
        return f"{self.key}Prefix"

    @property
    def longest_prefix(self) -> int:
        """How long the prefix may be: the 26 digits behind it (``id.UniqueIDSuffixLength``) need their place."""
        return self.longest - 26


class ResourceType(ABC):
    """One resource type of the official provider.

    The declarations name properties by dotted path without list indexes (``vpcConfig.subnetIds``) and follow the
    official provider's schema; the SDK does not carry them. The operations are called with a region's cloud. ``inputs``
    are checked, and their ``tags`` already have the provider's default tags.
    """

    resource: ClassVar[Any]
    """The SDK's class, from which type token, properties and their types are read."""

    naming: ClassVar[AutoName | None] = None
    """Which name is made up when it is not given."""

    defaults: ClassVar[Properties] = MappingProxyType({})
    """Values of inputs that are not given. Those inside an object hold only if the object is given."""

    computed: ClassVar[frozenset[str]] = frozenset()
    """Inputs that AWS chooses when they are not given: leaving them out changes nothing."""

    kept: ClassVar[frozenset[str]] = frozenset()
    """Inputs that AWS does not return: they stay as the program last gave them."""

    replaces: ClassVar[frozenset[str]] = frozenset()
    """Inputs that need a new resource when they change. (So does ``region``, always.)"""

    delete_before_replace: ClassVar[bool] = False
    """A new resource cannot be created while the old one exists."""

    documents: ClassVar[frozenset[str]] = frozenset()
    """Inputs that are JSON documents."""

    ordered: ClassVar[frozenset[str]] = frozenset()
    """Lists in which the order matters; all others are sets."""

    enums: ClassVar[Mapping[str, tuple[str, str]]] = MappingProxyType({})
    """Inputs with a fixed set of values: the service, and the shape of its API model that lists them."""

    validators: ClassVar[Mapping[str, Validator]] = MappingProxyType({})
    """What the official provider checks of known values by itself, by dotted path; of a list, each of its items."""

    counts: ClassVar[Mapping[str, tuple[int, int | None]]] = MappingProxyType({})
    """How many items a list may have, by dotted path (``MinItems``, ``MaxItems`` upstream)."""

    supported: ClassVar[frozenset[str]]
    """The inputs that this stand-in knows (and ``region``): it refuses all others of the official provider."""

    volatile: ClassVar[frozenset[str]] = frozenset()
    """Outputs that may change with any input but the tags, unless :meth:`unsettled` returns others."""

    @classmethod
    def token(cls) -> str:
        """The type token, such as ``aws:iam/role:Role``."""
        token: str = cls.resource.pulumi_type
        return token

    @classmethod
    def arguments(cls) -> Object:
        """The type of the inputs."""
        return object_type(getattr(sys.modules[cls.resource.__module__], f"{cls.resource.__name__}Args"))

    @classmethod
    def output_names(cls) -> frozenset[str]:
        """The names of the outputs."""
        return output_names(cls.resource)

    @classmethod
    def taggable(cls) -> bool:
        """Whether it has tags, which the provider's default tags join."""
        return isinstance(cls.arguments().fields.get("tags"), MapOf)

    def check(self, inputs: Properties) -> Iterable[Failure]:
        """Faults that the property types do not show. Values may be unknown."""
        del inputs
        return ()

    def alike(self, path: str, actual: Any, wanted: Any) -> bool:
        """Whether two values of a property mean the same to AWS although they differ. Default: never."""
        del path, actual, wanted
        return False

    def unsettled(self, changed: frozenset[str], inputs: Properties) -> frozenset[str]:
        """Outputs that a preview cannot know when these top-level inputs change; the tags count. Default: volatile."""
        del inputs
        return self.volatile if changed - {"tags"} else frozenset()

    def replaces_when(self, path: str, change: Change) -> bool:
        """Whether this change of a property that is not in ``replaces`` needs a new resource. Default: never."""
        del path, change
        return False

    @abstractmethod
    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Makes it and returns its ID, without waiting."""

    def complete(self, cloud: Cloud, resource_id: str, inputs: Properties) -> None:  # noqa: B027 - an optional step
        """After create: does what needs it to exist. What fails here shows as a difference later, for update."""

    def settle(self, cloud: Cloud, old: State) -> None:  # noqa: B027 - an optional step
        """After create and after each update: waits until it is usable. ``old`` is what is on record."""

    @abstractmethod
    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """Its outputs as they are, with all of its tags in ``tags``; None when it does not exist.

        What is on record in ``old`` may be its outputs or just its inputs, or nothing but the ID for an import.
        """

    def update(  # noqa: B027 - a type whose every input replaces has none
        self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]
    ) -> None:
        """Makes the ``changed`` top-level properties, never the tags, as in ``inputs``, and waits."""

    def tag(self, cloud: Cloud, old: State, tags: Mapping[str, str]) -> None:
        """Adds or overwrites tags."""
        raise NotImplementedError

    def untag(self, cloud: Cloud, old: State, keys: list[str]) -> None:
        """Removes tags."""
        raise NotImplementedError

    @abstractmethod
    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes it and waits until it is gone. One that is gone already is no error."""
