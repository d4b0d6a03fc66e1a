"""``python -m sandbox.kubernetes``: the cluster controller as a separate process."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from sandbox.kubernetes.controller import Controller, Options
from sandbox.kubernetes.emulator import Emulator
from sandbox.kubernetes.tools import Tools, ToolsError
from sandbox.layout import hold_lock


def main() -> int:
    """Runs the controller until SIGTERM or SIGINT; prints ``ready ...`` when the clusters are served."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.kubernetes",
        description="Runs one real Kubernetes control plane for each EKS cluster of the emulated AWS. "
        "Reads the standard AWS variables for its credentials.",
    )
    parser.add_argument("--aws-endpoint", required=True, metavar="URL", help="the emulated AWS")
    parser.add_argument("--state", required=True, type=Path, metavar="DIR", help="state folder, kept across runs")
    parser.add_argument("--tools", required=True, type=Path, metavar="BIN_DIR", help="folder of the programs to run")
    parser.add_argument("--poll-seconds", type=float, default=Options.poll_seconds, help="default: %(default)s")
    parser.add_argument(
        "--node-ready-seconds",
        type=float,
        default=Options.node_ready_seconds,
        help="how long after joining a node becomes ready; default: %(default)s",
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    try:
        tools = Tools.find(arguments.tools.absolute())
    except ToolsError as error:
        parser.error(f"--tools: {error}")

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    state = arguments.state.absolute()
    options = Options(
        state=state,
        tools=tools,
        emulator=Emulator(arguments.aws_endpoint),
        poll_seconds=arguments.poll_seconds,
        node_ready_seconds=arguments.node_ready_seconds,
    )
    # Two controllers of one state folder would take each other's processes for leftovers.
    with hold_lock(state / "controller.lock"):
        Controller(options).run(stop, lambda: print("ready for the clusters of this AWS", flush=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
