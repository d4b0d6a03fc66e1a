"""The package as the engine meets it: components are constructed, nothing else is known."""

# ruff: noqa: N802 - the protocol names its methods so.

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Final

import pulumi
from pulumi.provider import ConstructResult
from pulumi.provider import Provider as ComponentProvider
from pulumi.provider.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2

from sandbox.providers.eks import arguments, aws_cli
from sandbox.providers.eks.cluster import TYPE, Cluster
from sandbox.providers.rpc import Provider, ProviderError, Servicer, Unsupported

_ENGINES: Final = 256
"""Engines remembered, by connection: components log there. An attached server does not learn that a run is over."""


class EksPackage(Provider[None]):
    """The plugin's side that has no components: no other resources, no functions."""

    package = "eks"
    version = metadata.version("pulumi-eks")

    def configure(self, config: Mapping[str, Any]) -> None:
        """There is nothing to configure."""


class EksServicer(Servicer[None]):
    """Adds Construct to the shared protocol server.

    Each call runs the SDK in a separate event loop, in the thread of the call: its settings are context variables,
    so that calls of several runs at once do not meet.
    """

    def __init__(self, provider: EksPackage) -> None:
        super().__init__(provider)
        self._engines: OrderedDict[str, str] = OrderedDict()

    def Handshake(self, request: Any, context: Any) -> provider_pb2.ProviderHandshakeResponse:
        """Takes resources, secrets and outputs as they are: the component passes them on to its children."""
        self._engines[context.peer()] = request.engine_address
        while len(self._engines) > _ENGINES:
            self._engines.popitem(last=False)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True, accept_outputs=True)

    def Construct(self, request: Any, context: Any) -> provider_pb2.ConstructResponse:
        """Makes a component and its children."""
        with self._answering(context, "Construct", f"{request.type}::{request.name}"):
            if request.type != TYPE:
                raise Unsupported(f"this is the sandbox's stand-in for the eks package; it has no {request.type}")
            component = _Components(self.provider.version)
            sdk = ProviderServicer(component, [], self._engines.get(context.peer(), ""))
            try:
                # Not `Construct`: it puts a Python traceback into every error.
                return asyncio.run(sdk._construct(request, context))
            except pulumi.InputPropertiesError as error:
                refusal = sdk.create_grpc_invalid_properties_status(error.message, error.errors)
        context.abort_with_status(refusal)  # Outside, as it raises what would be taken for a fault of the stand-in.
        raise AssertionError("abort raises")


class _Components(ComponentProvider):
    """The components by the SDK's own interface."""

    def construct(
        self, name: str, resource_type: str, inputs: pulumi.Inputs, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        found = arguments.failures(inputs)
        if found:
            raise pulumi.InputPropertiesError(
                f"{resource_type} {name!r} cannot be made:",
                [{"property_path": each.property, "reason": each.reason} for each in found],
            )
        if fault := aws_cli.fault():
            raise ProviderError(fault)
        made = Cluster(name, inputs, options)
        return ConstructResult(made.urn, made.outputs)
