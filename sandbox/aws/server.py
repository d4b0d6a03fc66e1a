"""The server process: ministack with all hooks, behind the gateway."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve as run_hypercorn
from hypercorn.config import Config
from ministack.app import app

from sandbox.aws import hooking, identity
from sandbox.aws.gateway import Gateway
from sandbox.aws.hooks import HOOKS
from sandbox.aws.launch import CannotServe
from sandbox.aws.state import InMemory, StateFile, UnusableState
from sandbox.layout import IN_MEMORY, LOOPBACK


def serve(listener: socket.socket, state: Path) -> None:
    """Serves until SIGTERM or SIGINT, after printing ``ready <url>`` on stdout.

    Args:
        listener: From :func:`sandbox.aws.launch.listen`.
        state: Folder that keeps the state and the credentials file.

    Raises:
        CannotServe: The state cannot be used, or ministack is not the pinned one.
    """
    state_file = (InMemory if os.environ.get(IN_MEMORY) else StateFile)(state / "state.json")
    try:
        hooking.install(HOOKS)
        state_file.load()
    except (hooking.IncompatibleMinistack, UnusableState) as error:
        raise CannotServe(str(error)) from error
    identity.bootstrap(state / "credentials")
    state_file.save()
    logging.getLogger("sandbox.aws").setLevel(logging.INFO)
    url = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    gateway = Gateway(app, state_file, on_ready=lambda: print(f"ready {url}", flush=True))
    asyncio.run(_run(gateway, listener))


async def _run(gateway: Any, listener: socket.socket) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.loglevel = "WARNING"
    config.graceful_timeout = 0.5
    # Longer than any client keeps an idle connection, so that none is closed just when it is used again.
    config.keep_alive_timeout = 3600
    await run_hypercorn(gateway, config, shutdown_trigger=stop.wait)
