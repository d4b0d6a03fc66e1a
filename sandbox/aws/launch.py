"""What must be settled before ministack is first imported: the port, and the variables that it reads then."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from sandbox.layout import ACCOUNT_ID, LOOPBACK, REGION

_UNSET_PREFIXES = ("AWS_", "LOCALSTACK_", "MINISTACK_")


class CannotServe(Exception):
    """The emulated AWS cannot start; the message contains the reason and what to do."""


def listen(port: int) -> socket.socket:
    """A listening socket on loopback; connections wait in it until the server takes over.

    Args:
        port: The port; 0 takes any free one.

    Raises:
        CannotServe: It is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        raise CannotServe(f"port {port} of {LOOPBACK} cannot be used ({error.strerror}): choose another") from error
    listener.listen()
    return listener


def configure(port: int, state: Path) -> None:
    """Sets ministack's variables: IAM enforcement on, loopback only, no service that the sandbox does not need.

    Args:
        port: The port that is served.
        state: Folder that keeps the state.
    """
    # A person's own keys must not become ministack's root user, nor any setting of theirs change what is emulated.
    for name in [name for name in os.environ if name.startswith(_UNSET_PREFIXES)]:
        del os.environ[name]
    os.environ.update(
        AUTH="true",
        BIND_HOST=LOOPBACK,
        GATEWAY_PORT=str(port),
        IOT_MTLS_ENABLED="0",
        LOG_LEVEL="WARNING",
        MINISTACK_ACCOUNT_ID=ACCOUNT_ID,
        MINISTACK_HOST=LOOPBACK,
        MINISTACK_REGION=REGION,
        PERSIST_STATE="0",
        SERVICES="autoscaling,ec2,eks,iam,ssm,sts",
        SFTP_ENABLED="0",
        STATE_DIR=str(state),
    )
