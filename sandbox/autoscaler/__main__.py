"""``python -m sandbox.autoscaler``: the stand-in as a process, with Cluster Autoscaler's own command line (main.go)."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.autoscaler import RELEASE_VARIABLE, log, status
from sandbox.autoscaler.aws import Aws, AwsError, discovery_tags
from sandbox.autoscaler.cluster import Cluster
from sandbox.autoscaler.flags import FlagError, Options, parse
from sandbox.autoscaler.leader import Leader
from sandbox.autoscaler.loop import Loop
from sandbox.kube_api import KubeApi, KubeApiError


class _Stopped(BaseException):
    """The process was asked to stop."""


def main(arguments: list[str]) -> None:
    """Run until asked to stop; exit as Cluster Autoscaler does: 2 for its flags, 255 for what is fatal."""
    release = os.environ[RELEASE_VARIABLE]
    minor = int(release.split(".")[1])
    try:
        options, idle = parse(arguments, minor)
    except FlagError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    log.start(options.v)
    log.info(f"Cluster Autoscaler {release}", v=1)
    log.warning(
        f"THIS IS sandbox-autoscaler, the sandbox's stand-in for Cluster Autoscaler {release}, not the real one. "
        "Name the real binary by CLUSTER_AUTOSCALER_BIN to run that instead."
    )
    if idle:
        log.warning(f"Accepted, but without effect on the stand-in: {', '.join(f'--{name}' for name in idle)}")
    api = KubeApi(Path(options.kubeconfig))
    if options.leader_elect:
        try:
            api.get("/api/v1/nodes", limit="1")
        except KubeApiError as error:
            log.fatal(f"Failed to get nodes from apiserver: {error}")
        Leader(api, options, os.environ.get("HOSTNAME") or socket.gethostname()).acquire()
    cluster = Cluster(api, minor, options)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        _lead(options, cluster)
    except _Stopped:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        log.info("Received signal, attempting cleanup", v=1)
        cluster.delete_status()
        log.info("Cleaned up, exiting...", v=1)


def _lead(options: Options, cluster: Cluster) -> None:
    """Follow Cluster Autoscaler's order: status, AWS, informers, loop (builder/autoscaler.go)."""
    now = datetime.now(UTC)
    cluster.write_status(status.document("Initializing", now), now)
    if options.cloud_provider != "aws" or options.nodes:
        log.fatal("the sandbox's stand-in runs with --cloud-provider=aws and --node-group-auto-discovery only")
    try:
        aws = Aws(discovery_tags(options.node_group_auto_discovery))
        aws.groups()
    except AwsError as error:
        log.fatal(f"Failed to create AWS Manager: {error}")
    cluster.sync()
    loop = Loop(options, aws, cluster, clock=lambda: datetime.now(UTC), sleep=time.sleep)
    loop.clean_up()
    while True:
        started = time.monotonic()
        loop.run_once()
        time.sleep(max(0.0, options.scan_interval - (time.monotonic() - started)))


def _stop(_number: int, _frame: Any) -> None:
    # Leaves what is under way, with all locks that it holds: a request from within this handler could wait for one.
    raise _Stopped


if __name__ == "__main__":
    main(sys.argv[1:])
