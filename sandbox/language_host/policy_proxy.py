"""Hold a policy pack back until the engine has sent which project, stack and configuration it will judge.

``pulumi_policy`` reads these from the environment when it starts, but the engine sends them only afterwards, with
``ConfigureStack``. So the engine first talks to this proxy: it takes the settings, lets the pack be started with them,
and from then on forwards every call as raw bytes.
"""

import json
from concurrent import futures

import grpc
from pulumi.runtime.proto import analyzer_pb2

LARGE_MESSAGES = (("grpc.max_receive_message_length", 1 << 28), ("grpc.max_send_message_length", 1 << 28))
"""Stacks exceed gRPC's default of 4 MB a message; the engine itself allows 400 MB."""

_CONFIGURE = "/pulumirpc.Analyzer/ConfigureStack"
_HANDSHAKE = "/pulumirpc.Analyzer/Handshake"


class PolicyPackError(Exception):
    """The policy pack could not be started."""


class PolicyProxy(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no type hints
    """A gRPC server on a loopback port that stands before one policy pack."""

    def __init__(self) -> None:
        self._settings: futures.Future[bytes] = futures.Future()
        self._pack: futures.Future[grpc.Channel] = futures.Future()
        self._server = grpc.server(futures.ThreadPoolExecutor(16), handlers=[self], options=LARGE_MESSAGES)
        self.port: int = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """One handler for every method, chosen by name."""
        method: str = details.method
        return grpc.unary_unary_rpc_method_handler(lambda request, context: self._answer(method, request, context))

    def environment(self) -> dict[str, str]:
        """What ``pulumi_policy`` reads at its start. Waits for the engine's first call.

        Empty when that call is not ``ConfigureStack``: then the engine only asks what policies there are.
        """
        stack = analyzer_pb2.AnalyzerStackConfigureRequest.FromString(self._settings.result())
        if not stack.stack:
            return {}
        return {
            "PULUMI_ORGANIZATION": stack.organization,
            "PULUMI_PROJECT": stack.project,
            "PULUMI_STACK": stack.stack,
            "PULUMI_DRY_RUN": str(stack.dry_run).lower(),
            "PULUMI_CONFIG": json.dumps(dict(stack.config)),
        }

    def attach(self, port: int) -> None:
        """Forwards to the pack, which now listens on ``port``; first of all the engine's settings."""
        pack = grpc.insecure_channel(f"127.0.0.1:{port}", options=LARGE_MESSAGES)
        try:
            if settings := self._settings.result():
                pack.unary_unary(_CONFIGURE)(settings)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                self._pack.set_exception(error)
                return
        self._pack.set_result(pack)

    def give_up(self, reason: str) -> None:
        """Makes every call fail, if no pack was attached: the pack ended before it listened."""
        if not self._pack.done():
            self._pack.set_exception(PolicyPackError(reason))

    def _answer(self, method: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        if method == _HANDSHAKE:
            return b""
        if not self._settings.done():
            self._settings.set_result(request if method == _CONFIGURE else b"")
            if method == _CONFIGURE:
                return b""
        try:
            answer: bytes = self._pack.result().unary_unary(method)(request)
        except grpc.RpcError as error:
            context.abort(error.code(), error.details())
            raise  # not reached: abort raises
        except PolicyPackError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
            raise
        return answer
