"""The provider: which operations a resource type has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any, Final, Protocol

from sandbox.providers.differences import Difference
from sandbox.providers.kubernetes import releases, settings
from sandbox.providers.kubernetes.objects import Objects
from sandbox.providers.kubernetes.releases import Releases
from sandbox.providers.kubernetes.settings import Session, Settings
from sandbox.providers.rpc import Call, Checked, Naming, Provider, Resource, State, Unsupported

_NOT_OBJECTS: Final = ("kustomize", "yaml")
"""Modules of the official provider that hold no kinds of Kubernetes objects."""


class Operations(Protocol):
    """What one family of resource types can do; as in :class:`~sandbox.providers.rpc.Provider`."""

    def check(
        self, call: Call[Session], old_inputs: Mapping[str, Any], inputs: Mapping[str, Any], naming: Naming
    ) -> Checked:
        """Judges inputs and fills in defaults."""

    def diff(self, call: Call[Session], old: State, inputs: Mapping[str, Any], ignored: Sequence[str]) -> Difference:
        """Compares state with inputs."""

    def create(self, call: Call[Session], inputs: Mapping[str, Any], preview: bool) -> State:
        """Makes it."""

    def read(self, call: Call[Session], old: State) -> State | None:
        """Tells how it is."""

    def update(self, call: Call[Session], old: State, inputs: Mapping[str, Any], preview: bool) -> Mapping[str, Any]:
        """Changes it."""

    def delete(self, call: Call[Session], old: State) -> None:
        """Removes it."""


class KubernetesProvider(Provider[Session]):
    """Stand-in for the official ``kubernetes`` provider."""

    package = "kubernetes"
    version = metadata.version("pulumi-kubernetes")

    def __init__(self) -> None:
        self._objects = Objects()
        self._releases = Releases()

    def check_config(self, resource: Resource, config: Mapping[str, Any]) -> Checked:
        """Refuses settings that are unknown or not done, by name."""
        return Checked(config, settings.failures(config))

    def diff_config(self, resource: Resource, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
        """Another cluster replaces the provider, and with it all objects."""
        return settings.difference(old, new)

    def configure(self, config: Mapping[str, Any]) -> Session:
        """Opens a session; connects when it is first needed."""
        return Session.open(Settings.parse(config))

    def check(
        self, call: Call[Session], old_inputs: Mapping[str, Any], inputs: Mapping[str, Any], naming: Naming
    ) -> Checked:
        """See :class:`Operations`."""
        return self._operations(call).check(call, old_inputs, inputs, naming)

    def diff(self, call: Call[Session], old: State, inputs: Mapping[str, Any], ignored: Sequence[str]) -> Difference:
        """See :class:`Operations`."""
        return self._operations(call).diff(call, old, inputs, ignored)

    def create(self, call: Call[Session], inputs: Mapping[str, Any], preview: bool) -> State:
        """See :class:`Operations`."""
        return self._operations(call).create(call, inputs, preview)

    def read(self, call: Call[Session], old: State) -> State | None:
        """See :class:`Operations`."""
        return self._operations(call).read(call, old)

    def update(self, call: Call[Session], old: State, inputs: Mapping[str, Any], preview: bool) -> Mapping[str, Any]:
        """See :class:`Operations`."""
        return self._operations(call).update(call, old, inputs, preview)

    def delete(self, call: Call[Session], old: State) -> None:
        """See :class:`Operations`."""
        self._operations(call).delete(call, old)

    def _operations(self, call: Call[Session]) -> Operations:
        token = call.resource.type
        if token == releases.TYPE:
            return self._releases
        _, module, kind = token.split(":")
        if module.startswith(("helm.sh/", *_NOT_OBJECTS)) or kind.endswith(("List", "Patch")):
            raise Unsupported(f"the sandbox's stand-in for the kubernetes provider does not do {token}")
        return self._objects
