"""Drives a provider over gRPC the way Pulumi's engine does, in plain Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from sandbox.providers.rpc import Servicer, start
from sandbox.providers.values import decode, encode

SEED = bytes(range(32))


@dataclass
class Recorded:
    """A resource as a stack's state would record it."""

    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


@dataclass
class Engine:
    """One provider instance of one engine run: a separate connection."""

    stub: Any
    package: str
    state: dict[str, Recorded] = field(default_factory=dict)

    def configure(self, **config: Any) -> None:
        handshake = self.stub.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))
        assert not handshake.accept_secrets
        self.stub.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:1"))
        self.stub.Configure(provider_pb2.ConfigureRequest(args=encode(config)))

    def _subject(self, token: str, name: str) -> dict[str, Any]:
        return {"urn": f"urn:pulumi:dev::project::{token}::{name}", "type": token, "name": name}

    def check_config(self, config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        subject = self._subject(f"pulumi:providers:{self.package}", "default")
        response = self.stub.CheckConfig(provider_pb2.CheckRequest(**subject, news=encode(config)))
        return decode(response.inputs), {each.property: each.reason for each in response.failures}

    def check(
        self,
        token: str,
        inputs: Mapping[str, Any],
        olds: Mapping[str, Any] | None = None,
        name: str = "it",
        **more: Any,
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """The checked inputs, and the failures: property path to reason."""
        request = provider_pb2.CheckRequest(
            **self._subject(token, name), news=encode(inputs), olds=encode(olds or {}), randomSeed=SEED, **more
        )
        response = self.stub.Check(request)
        return decode(response.inputs), {each.property: each.reason for each in response.failures}

    def accept(self, token: str, inputs: Mapping[str, Any], olds: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The checked inputs of inputs that must be right."""
        checked, failures = self.check(token, inputs, olds)
        assert failures == {}
        return checked

    def create(self, token: str, inputs: Mapping[str, Any], timeout: float = 0) -> Recorded:
        """Creates, within the user's `custom_timeouts` if any."""
        checked = self.accept(token, inputs)
        subject = self._subject(token, "it")
        request = provider_pb2.CreateRequest(**subject, properties=encode(checked), timeout=timeout)
        response = self.stub.Create(request)
        assert response.id
        return Recorded(response.id, checked, decode(response.properties))

    def start_create(self, token: str, inputs: Mapping[str, Any]) -> Any:
        """Creates in the background: the future of the answer."""
        properties = encode(self.accept(token, inputs))
        return self.stub.Create.future(provider_pb2.CreateRequest(**self._subject(token, "it"), properties=properties))

    def preview_create(self, token: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        request = provider_pb2.CreateRequest(
            **self._subject(token, "it"), properties=encode(self.accept(token, inputs)), preview=True
        )
        return decode(self.stub.Create(request).properties)

    def diff(
        self, token: str, old: Recorded, inputs: Mapping[str, Any], ignore: Sequence[str] = ()
    ) -> provider_pb2.DiffResponse:
        request = provider_pb2.DiffRequest(
            **self._subject(token, "it"),
            id=old.id,
            olds=encode(old.outputs),
            old_inputs=encode(old.inputs),
            news=encode(self.accept(token, inputs, old.inputs)),
            ignoreChanges=ignore,
        )
        response: provider_pb2.DiffResponse = self.stub.Diff(request)
        return response

    def update(self, token: str, old: Recorded, inputs: Mapping[str, Any], preview: bool = False) -> Recorded:
        checked = self.accept(token, inputs, old.inputs)
        request = provider_pb2.UpdateRequest(
            **self._subject(token, "it"),
            id=old.id,
            olds=encode(old.outputs),
            old_inputs=encode(old.inputs),
            news=encode(checked),
            preview=preview,
        )
        return Recorded(old.id, checked, decode(self.stub.Update(request).properties))

    def refresh(self, token: str, old: Recorded) -> Recorded | None:
        request = provider_pb2.ReadRequest(
            **self._subject(token, "it"), id=old.id, properties=encode(old.outputs), inputs=encode(old.inputs)
        )
        response = self.stub.Read(request)
        if not response.id:
            return None
        return Recorded(response.id, decode(response.inputs), decode(response.properties))

    def import_(self, token: str, resource_id: str) -> Recorded | None:
        return self.refresh(token, Recorded(resource_id, {}, {}))

    def delete(self, token: str, old: Recorded) -> None:
        request = provider_pb2.DeleteRequest(
            **self._subject(token, "it"), id=old.id, properties=encode(old.outputs), old_inputs=encode(old.inputs)
        )
        self.stub.Delete(request)

    def invoke(self, token: str, **args: Any) -> dict[str, Any]:
        response = self.stub.Invoke(provider_pb2.InvokeRequest(tok=token, args=encode(args)))
        return decode(getattr(response, "return"))

    def cancel(self) -> None:
        self.stub.Cancel(empty_pb2.Empty())


def initialization_error(error: grpc.RpcError) -> provider_pb2.ErrorResourceInitFailed:
    """What the engine reads from the error of a half-made resource."""
    [packed] = [value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin"]
    [detail] = status_pb2.Status.FromString(packed).details
    failed = provider_pb2.ErrorResourceInitFailed()
    assert detail.Unpack(failed)
    return failed


@contextmanager
def serving(servicer: Servicer[Any]) -> Iterator[int]:
    """The port of a server that runs meanwhile."""
    server, port = start(servicer, 0)
    try:
        yield port
    finally:
        server.stop(None).wait()


@contextmanager
def connected(port: int, package: str) -> Iterator[Engine]:
    """A new connection. A separate pool keeps gRPC from sharing one among channels to the same address."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        yield Engine(provider_pb2_grpc.ResourceProviderStub(channel), package)
