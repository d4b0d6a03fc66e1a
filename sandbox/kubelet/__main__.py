"""``python -m sandbox.kubelet``: the kubelet of the autoscaler's pods as a separate process."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from sandbox.kubelet.kubelet import Kubelet, Options
from sandbox.kubelet.program import RealProgram
from sandbox.layout import hold_lock


def main() -> int:
    """Runs the kubelet until SIGTERM or SIGINT; prints ``ready ...`` when it follows the clusters."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.kubelet",
        description="Runs the pods of Cluster Autoscaler of all emulated clusters as local processes: the real binary "
        "if one is named, else the sandbox's stand-in. Reads the standard AWS variables for its credentials.",
    )
    parser.add_argument("--state", required=True, type=Path, metavar="DIR", help="state folder of the clusters")
    parser.add_argument("--autoscaler", type=Path, metavar="FILE", help="the real Cluster Autoscaler")
    parser.add_argument("--aws-endpoint", required=True, metavar="URL", help="the emulated AWS")
    parser.add_argument("--poll-seconds", type=float, default=Options.poll_seconds, help="default: %(default)s")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("botocore").setLevel(logging.WARNING)

    if arguments.autoscaler and not os.access(arguments.autoscaler, os.X_OK):
        parser.error(f"--autoscaler: {arguments.autoscaler} is not an executable file")
    real = RealProgram.at(str(arguments.autoscaler)) if arguments.autoscaler else None
    if real and not real.can_be_renamed:
        logging.warning("processes cannot have separate host names here: run only one replica of %s", real.path)
    state = arguments.state.absolute()
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    # Two kubelets would run every pod twice.
    with hold_lock(state / "kubelet.lock"):
        print(f"ready: runs {real.path if real else 'the stand-in of the autoscaler'}", flush=True)
        Kubelet(Options(state, arguments.aws_endpoint, real, arguments.poll_seconds)).run(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
