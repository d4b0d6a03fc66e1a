"""``python -m sandbox.aws --port P --state DIR``: the sandbox's AWS."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sandbox.aws import launch


def main() -> int:
    """Reads the command line and serves; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.aws", description="The sandbox's AWS, on loopback only.")
    parser.add_argument("--port", type=int, required=True, help="port to serve on; 0 takes any free one")
    parser.add_argument("--state", type=Path, required=True, help="folder for the state and the credentials file")
    arguments = parser.parse_args()
    state = arguments.state.absolute()
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        listener = launch.listen(arguments.port)
        launch.configure(listener.getsockname()[1], state)
        from sandbox.aws.server import serve  # Imports ministack, which reads its environment at that moment.

        serve(listener, state)
    except launch.CannotServe as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
