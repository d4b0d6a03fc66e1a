"""Pulumi's provider protocol, served once for every stand-in.

A stand-in subclasses :class:`Provider` and speaks plain Python (``values.py``); :func:`serve` turns it into the gRPC
server that ``PULUMI_DEBUG_PROVIDERS=<package>:<port>`` points the engine at. Protocol: ``proto/pulumi/provider.proto``
of pulumi/pulumi; how the engine reads the answers: its ``sdk/go/common/resource/plugin/provider_plugin.go``.
"""

# ruff: noqa: N802 - the protocol names its methods so.

from __future__ import annotations

import argparse
import json
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, ClassVar, Final, Generic, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from sandbox.providers.differences import Change, Difference, compare, root
from sandbox.providers.values import decode, encode

log = logging.getLogger(__name__)

LOOPBACK: Final = "127.0.0.1"
"""The only address that a stand-in listens on."""

_WORKERS = 64
"""Calls served at once; the engine's own parallelism defaults to four per core, and waiting calls hold their thread."""

_CONNECTIONS = 256
"""Connections remembered. An engine run opens one per provider instance and never closes them on attached servers."""

_STOP_GRACE_SECONDS = 5.0
"""How long calls may go on after a signal."""

SessionT = TypeVar("SessionT")


class ProviderError(Exception):
    """A fault of the program or the cloud. Its text is all that the user sees: what was done, to what, what to do."""


class PartialFailure(ProviderError):
    """The resource exists, but not as wanted: the engine records its true state and tries again on the next run.

    Args:
        resource_id: The ID to record.
        outputs: The state to record, as it really is.
        reason: What went wrong.
    """

    def __init__(self, resource_id: str, outputs: Mapping[str, Any], reason: str) -> None:
        super().__init__(reason)
        self.resource_id = resource_id
        self.outputs = outputs


class Unsupported(ProviderError):
    """The stand-in does not do what was asked; the text names it."""


@dataclass(frozen=True)
class Resource:
    """Which resource a call is about.

    Attributes:
        urn: Its unique name in the stack.
        type: Type token, such as ``aws:iam/role:Role``.
        name: Its name in the program.
    """

    urn: str
    type: str
    name: str

    def __str__(self) -> str:
        return f"{self.type} {self.name!r}"


@dataclass(frozen=True)
class Naming:
    """How a resource without a name gets one.

    Attributes:
        seed: The same for each check of one resource in one run, so that preview and apply agree.
        proposal: A name from the stack's ``pulumi:autonaming`` setting, if it has one.
        disabled: That setting forbids made-up names.
    """

    seed: bytes = b""
    proposal: str | None = None
    disabled: bool = False


@dataclass(frozen=True)
class Failure:
    """One property that cannot be accepted.

    Attributes:
        property: Its path.
        reason: What was given and what is expected.
    """

    property: str
    reason: str


@dataclass(frozen=True)
class Checked:
    """The answer to Check: the inputs with defaults filled in, and all that is wrong with them."""

    inputs: Mapping[str, Any]
    failures: Sequence[Failure] = ()


@dataclass(frozen=True)
class State:
    """A resource as it is.

    Attributes:
        id: Its ID. Empty only in previews.
        outputs: All its properties.
        inputs: The inputs that would give this state; for Read, so that refresh and import see drift.
    """

    id: str
    outputs: Mapping[str, Any]
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Call(Generic[SessionT]):
    """What every operation on a resource is given.

    Attributes:
        session: What :meth:`Provider.configure` made of this provider instance's configuration.
        resource: The resource in question.
        pause: Sleeps that many seconds; raises :class:`ProviderError` if the user has given up meanwhile.
        timeout: Seconds the user allows (``custom_timeouts``); None: the provider's own default.
        ignored: Paths that the program ignores (``ignore_changes``), of a comparison or an update.
    """

    session: SessionT
    resource: Resource
    pause: Callable[[float], None]
    timeout: float | None = None
    ignored: tuple[str, ...] = ()


class Provider(ABC, Generic[SessionT]):
    """A provider in plain Python. What is not overridden is refused by name.

    Every method may raise :class:`ProviderError`; several run at once in different threads.
    """

    package: str
    """Package name: the first part of every type token."""

    version: str
    """Version that the engine receives (semver)."""

    settings: ClassVar[Mapping[str, str]] = {}
    """Types of its settings by name, for a host that asks for the schema; empty if the schema is refused."""

    @abstractmethod
    def configure(self, config: Mapping[str, Any]) -> SessionT:
        """Makes the session of one provider instance. ``config`` has the inputs of its provider resource."""

    def check_config(self, resource: Resource, config: Mapping[str, Any]) -> Checked:
        """Judges a provider resource's inputs, which may be unknown in previews. Default: accepts them."""
        return Checked(config)

    def diff_config(self, resource: Resource, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
        """Compares a provider resource's inputs. Default: any change is an update, none a replacement."""
        return Difference(compare(old, new), of_inputs=True)

    def check(
        self, call: Call[SessionT], old_inputs: Mapping[str, Any], inputs: Mapping[str, Any], naming: Naming
    ) -> Checked:
        """Judges a resource's inputs and fills in defaults. ``old_inputs`` is empty for a new resource."""
        raise self._no_resource(call.resource.type)

    def diff(
        self,
        call: Call[SessionT],
        old: State,
        inputs: Mapping[str, Any],
        ignored: Sequence[str],
    ) -> Difference:
        """Compares a resource's recorded state with checked inputs.

        The engine has already put the old inputs back at the ``ignored`` paths (``ignore_changes``) of ``inputs``.
        """
        raise self._no_resource(call.resource.type)

    def create(self, call: Call[SessionT], inputs: Mapping[str, Any], preview: bool) -> State:
        """Create a resource, or in a preview return what would come out."""
        raise self._no_resource(call.resource.type)

    def read(self, call: Call[SessionT], old: State) -> State | None:
        """The resource as it is now, or None when it is gone. For an import, ``old`` has nothing but the ID."""
        raise self._no_resource(call.resource.type)

    def update(self, call: Call[SessionT], old: State, inputs: Mapping[str, Any], preview: bool) -> Mapping[str, Any]:
        """Change a resource, or in a preview return what would come out. Returns the outputs."""
        raise self._no_resource(call.resource.type)

    def delete(self, call: Call[SessionT], old: State) -> None:
        """Removes a resource and waits until it is gone. One that is already gone is no error."""
        raise self._no_resource(call.resource.type)

    def invoke(self, session: SessionT, token: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answers a function of the package."""
        raise Unsupported(f"this is the sandbox's stand-in for the {self.package} provider; it has no function {token}")

    def _no_resource(self, token: str) -> Unsupported:
        return Unsupported(
            f"this is the sandbox's stand-in for the {self.package} provider; it has no resource type {token}"
        )


@dataclass
class _Connection(Generic[SessionT]):
    session: SessionT
    cancelled: threading.Event = field(default_factory=threading.Event)


class Servicer(provider_pb2_grpc.ResourceProviderServicer, Generic[SessionT]):
    """The protocol's methods over a :class:`Provider`.

    Create and its like do not name the provider instance they belong to, but an instance keeps one connection, so
    sessions are keyed by the peer's address.
    """

    def __init__(self, provider: Provider[SessionT]) -> None:
        self.provider = provider
        """What answers."""
        self._connections: OrderedDict[str, _Connection[SessionT]] = OrderedDict()
        self._lock = threading.Lock()

    # Life of a plugin

    def Handshake(self, request: Any, context: Any) -> provider_pb2.ProviderHandshakeResponse:
        """Declines secrets and resources: the engine then unwraps them and marks the outputs of the same paths."""
        return provider_pb2.ProviderHandshakeResponse(supports_autonaming_configuration=True)

    def Attach(self, request: Any, context: Any) -> empty_pb2.Empty:
        """Nothing to do: answers go back on the engine's own connection."""
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        """The version, so that the CLI can list it."""
        return plugin_pb2.PluginInfo(version=self.provider.version)

    def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:
        """Ends the waits of this connection's calls; the server itself serves other runs too."""
        with self._lock:
            connection = self._connections.get(context.peer())
        if connection:
            connection.cancelled.set()
        return empty_pb2.Empty()

    def cancel(self) -> None:
        """Ends the waits of all calls."""
        with self._lock:
            for connection in self._connections.values():
                connection.cancelled.set()

    # Configuration

    def GetSchema(self, request: Any, context: Any) -> provider_pb2.GetSchemaResponse:
        """The provider's own settings, for which the YAML host asks. Resources are left out: no SDK is made of it."""
        if not self.provider.settings:
            _refusal("GetSchema")(self, request, context)
        settings = {name: {"type": kind} for name, kind in self.provider.settings.items()}
        document = {
            "name": self.provider.package,
            "version": self.provider.version,
            "provider": {"inputProperties": settings},
        }
        return provider_pb2.GetSchemaResponse(schema=json.dumps(document))

    def CheckConfig(self, request: Any, context: Any) -> provider_pb2.CheckResponse:
        """See :meth:`Provider.check_config`."""
        with self._answering(context, "CheckConfig", request.urn):
            return _check_response(self.provider.check_config(_resource(request), decode(request.news)))

    def DiffConfig(self, request: Any, context: Any) -> provider_pb2.DiffResponse:
        """See :meth:`Provider.diff_config`."""
        with self._answering(context, "DiffConfig", request.urn):
            old, new = decode(request.old_inputs), decode(request.news)
            return _diff_response(self.provider.diff_config(_resource(request), old, new))

    def Configure(self, request: Any, context: Any) -> provider_pb2.ConfigureResponse:
        """See :meth:`Provider.configure`."""
        with self._answering(context, "Configure", request.urn):
            config = {key: value for key, value in decode(request.args).items() if key != "version"}
            connection = _Connection(self.provider.configure(config))
            with self._lock:
                self._connections[context.peer()] = connection
                while len(self._connections) > _CONNECTIONS:
                    self._connections.popitem(last=False)
            return provider_pb2.ConfigureResponse(supportsPreview=True, supports_autonaming_configuration=True)

    # Resources and functions

    def Check(self, request: Any, context: Any) -> provider_pb2.CheckResponse:
        """See :meth:`Provider.check`."""
        with self._answering(context, "Check", request.urn):
            naming = Naming(seed=request.randomSeed)
            if request.HasField("autonaming"):
                options = provider_pb2.CheckRequest.AutonamingOptions
                disabled = request.autonaming.mode == options.DISABLE
                naming = Naming(request.randomSeed, request.autonaming.proposed_name or None, disabled)
            call = self._call(request, context)
            return _check_response(self.provider.check(call, decode(request.olds), decode(request.news), naming))

    def Diff(self, request: Any, context: Any) -> provider_pb2.DiffResponse:
        """See :meth:`Provider.diff`."""
        with self._answering(context, "Diff", request.urn):
            old = State(request.id, decode(request.olds), decode(request.old_inputs))
            call = self._call(request, context)
            return _diff_response(self.provider.diff(call, old, decode(request.news), list(request.ignoreChanges)))

    def Create(self, request: Any, context: Any) -> provider_pb2.CreateResponse:
        """See :meth:`Provider.create`."""
        with self._answering(context, "Create", request.urn):
            state = self.provider.create(self._call(request, context), decode(request.properties), request.preview)
            return provider_pb2.CreateResponse(id=state.id, properties=encode(state.outputs))

    def Read(self, request: Any, context: Any) -> provider_pb2.ReadResponse:
        """See :meth:`Provider.read`."""
        with self._answering(context, "Read", request.urn):
            old = State(request.id, decode(request.properties), decode(request.inputs))
            state = self.provider.read(self._call(request, context), old)
            if state is None:
                return provider_pb2.ReadResponse()
            return provider_pb2.ReadResponse(id=state.id, properties=encode(state.outputs), inputs=encode(state.inputs))

    def Update(self, request: Any, context: Any) -> provider_pb2.UpdateResponse:
        """See :meth:`Provider.update`."""
        with self._answering(context, "Update", request.urn):
            old = State(request.id, decode(request.olds), decode(request.old_inputs))
            call = self._call(request, context)
            return provider_pb2.UpdateResponse(
                properties=encode(self.provider.update(call, old, decode(request.news), request.preview))
            )

    def Delete(self, request: Any, context: Any) -> empty_pb2.Empty:
        """See :meth:`Provider.delete`."""
        with self._answering(context, "Delete", request.urn):
            old = State(request.id, decode(request.properties), decode(request.old_inputs))
            self.provider.delete(self._call(request, context), old)
            return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> provider_pb2.InvokeResponse:
        """See :meth:`Provider.invoke`."""
        with self._answering(context, "Invoke", request.tok):
            result = self.provider.invoke(self._connection(context).session, request.tok, decode(request.args))
            return provider_pb2.InvokeResponse(**{"return": encode(result)})

    # Plumbing

    def _answering(self, context: Any, method: str, subject: str) -> _Answering:
        return _Answering(context, method, subject)

    def _connection(self, context: Any) -> _Connection[SessionT]:
        with self._lock:
            connection = self._connections.get(context.peer())
            if connection is None:
                raise ProviderError("the engine used this provider instance before configuring it; run it again")
            self._connections.move_to_end(context.peer())
            return connection

    def _call(self, request: Any, context: Any) -> Call[SessionT]:
        connection = self._connection(context)

        def pause(seconds: float) -> None:
            if connection.cancelled.wait(seconds) or not context.is_active():
                raise ProviderError("cancelled")

        timeout = getattr(request, "timeout", 0) or None
        ignored = tuple(getattr(request, "ignoreChanges", ()))
        return Call(connection.session, _resource(request), pause, timeout, ignored)


def _refusal(method: str) -> Callable[[Servicer[Any], Any, Any], NoReturn]:
    def refuse(servicer: Servicer[Any], request: Any, context: Any) -> NoReturn:
        del request
        reason = f"the sandbox's stand-in for the {servicer.provider.package} provider does not answer {method}"
        context.abort(grpc.StatusCode.UNIMPLEMENTED, reason)
        raise AssertionError("abort raises")

    return refuse


# The base class would refuse these too, but without a name. (A stand-in has no schema; an invented one makes bad SDKs.)
for _method in ("GetMapping", "GetMappings", "Parameterize", "Construct", "Call", "List"):
    setattr(Servicer, _method, _refusal(_method))


class _Answering:
    """Turns exceptions of one call into the errors that the engine understands, and logs the call without its data."""

    def __init__(self, context: Any, method: str, subject: str) -> None:
        self._context = context
        self._method = method
        self._subject = subject

    def __enter__(self) -> None:
        self._started = time.monotonic()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        seconds = time.monotonic() - self._started
        outcome = "ok" if error is None else type(error).__name__
        log.info("%s %s: %s in %.2f s", self._method, _subject(self._subject), outcome, seconds)
        if error is None:
            return
        if isinstance(error, PartialFailure):
            self._context.abort_with_status(_initialization_failure(error))
        if isinstance(error, Unsupported):
            self._context.abort(grpc.StatusCode.UNIMPLEMENTED, str(error))
        if isinstance(error, ProviderError):
            self._context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        if isinstance(error, Exception):
            log.error("%s failed: a fault of the stand-in itself", self._method, exc_info=error)
            reason = f"the sandbox's provider stand-in failed in {self._method}: {type(error).__name__}: {error}"
            self._context.abort(grpc.StatusCode.INTERNAL, reason)


def _subject(urn: str) -> str:
    """A URN as its own type, without the types around it, and its name; a function's token as it is."""
    *_, types, name = ["", *urn.rsplit("::", 2)[-2:]]
    return f"{types.rsplit('$', 1)[-1]} {name}".strip()


class _RichStatus(grpc.Status):  # type: ignore[misc]  # grpc has no type information
    def __init__(self, code: grpc.StatusCode, message: str, detail: Any) -> None:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status = status_pb2.Status(code=code.value[0], message=message, details=[packed])
        self.code = code
        self.details = message
        self.trailing_metadata = (("grpc-status-details-bin", status.SerializeToString()),)


def _initialization_failure(error: PartialFailure) -> grpc.Status:
    state = encode(error.outputs)
    # The engine's parseError hands `inputs` to Create and Update as the live state (its results are declared in another
    # order than they are read), and ignores `properties`: with both the same, either reading records the truth.
    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.resource_id, properties=state, inputs=state, reasons=[str(error)]
    )
    return _RichStatus(grpc.StatusCode.FAILED_PRECONDITION, str(error), detail)


def _resource(request: Any) -> Resource:
    return Resource(request.urn, request.type, request.name)


def _check_response(checked: Checked) -> provider_pb2.CheckResponse:
    failures = [provider_pb2.CheckFailure(property=each.property, reason=each.reason) for each in checked.failures]
    return provider_pb2.CheckResponse(inputs=encode(checked.inputs), failures=failures)


def _diff_response(difference: Difference) -> provider_pb2.DiffResponse:
    replaces = sorted({root(path) for path in difference.replaces})
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if difference.changes else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=sorted({root(path) for path in difference.changes}),
        replaces=replaces,
        deleteBeforeReplace=bool(replaces) and difference.delete_before_replace,
        hasDetailedDiff=True,
        detailedDiff={
            path: provider_pb2.PropertyDiff(
                kind=_kind(change, path in difference.replaces), inputDiff=difference.of_inputs
            )
            for path, change in difference.changes.items()
        },
    )


def _kind(change: Change, replaces: bool) -> Any:
    return provider_pb2.PropertyDiff.Kind.Value(f"{change.value}_REPLACE" if replaces else change.value)


def start(servicer: Servicer[Any], port: int) -> tuple[grpc.Server, int]:
    """Starts serving on the loopback address, in separate threads.

    Args:
        servicer: What answers.
        port: The port; 0 takes any free one.

    Returns:
        The running server, and its port.

    Raises:
        OSError: The port is taken.
    """
    server = grpc.server(
        ThreadPoolExecutor(_WORKERS, thread_name_prefix="call"),
        options=[
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            # Otherwise a second server silently shares the port with the first, and each gets half of the calls.
            ("grpc.so_reuseport", 0),
        ],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    try:
        bound: int = server.add_insecure_port(f"{LOOPBACK}:{port}")
    except RuntimeError as error:
        raise OSError(f"cannot listen on {LOOPBACK}:{port}: is something else using the port?") from error
    server.start()
    return server, bound


def main(
    servicer: Servicer[Any],
    package: str,
    arguments: Sequence[str] | None = None,
    once_ready: Callable[[], None] = lambda: None,
) -> int:
    """The command line of a stand-in: serves until SIGTERM or SIGINT, having printed one line ``ready ...``.

    Ends the process itself after a signal.

    Args:
        servicer: What answers.
        package: The provider's package, for messages.
        arguments: The command line's. Default: ``sys.argv``.
        once_ready: Called in a separate thread while it serves already: work that spares the first calls a wait.

    Returns:
        Exit code when it cannot serve.
    """
    description = f"The sandbox's stand-in for the Pulumi {package} provider."
    parser = argparse.ArgumentParser(prog=f"python -m sandbox.providers.{package}", description=description)
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1; 0 takes any free one")
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(message)s")
    logging.getLogger("sandbox").setLevel(logging.INFO)

    woken = _signal_socket()
    try:
        server, port = start(servicer, options.port)
    except OSError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    print(f"ready: stand-in on {LOOPBACK}:{port}", flush=True)
    threading.Thread(target=once_ready, name="once ready", daemon=True).start()
    select.select([woken], [], [])
    servicer.cancel()
    server.stop(_STOP_GRACE_SECONDS).wait()
    # A call that hangs in the cloud would keep the interpreter from ending for as long as it likes.
    logging.shutdown()
    os._exit(0)


def _signal_socket() -> socket.socket:
    """A socket that becomes readable on SIGTERM and SIGINT.

    The kernel may hand a signal to one of gRPC's threads, and then the main thread sleeps on in any wait but this.
    """
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    signal.set_wakeup_fd(writing.detach())

    def ignore(number: int, frame: FrameType | None) -> None:
        del number, frame

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ignore)
    return reading
