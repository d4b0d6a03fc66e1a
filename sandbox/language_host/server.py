"""The program ``pulumi-language-python``: serves the language host on a loopback port until the CLI is gone."""

import os
import select
import signal
import sys
from concurrent import futures

import grpc
from pulumi.runtime.proto import language_pb2_grpc

from .host import LanguageHost
from .policy_proxy import LARGE_MESSAGES


def main(kind: type[LanguageHost] = LanguageHost) -> None:
    """Prints the port that it serves on, as the CLI expects, and serves.

    The CLI passes the engine's address as the one positional argument. Without it the host was started manually, for
    ``PULUMI_DEBUG_LANGUAGES``, and lives until a signal.
    """
    engine = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), "")
    server = grpc.server(futures.ThreadPoolExecutor(32), options=LARGE_MESSAGES)
    host = kind(engine)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    wait_for_end(watch_stdin=bool(engine))
    host.children.end()
    os._exit(0)  # gRPC's threads would hold a normal exit up


def wait_for_end(watch_stdin: bool) -> None:
    """Returns at SIGINT or SIGTERM, or, if asked, when stdin closes.

    The CLI holds our stdin open: once that ends the CLI is gone, even if it was killed. And the wake-up pipe is needed
    since the kernel may hand a signal to a thread of gRPC, which would leave a sleeping main thread asleep.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    select.select([0, reader] if watch_stdin else [reader], [], [])
