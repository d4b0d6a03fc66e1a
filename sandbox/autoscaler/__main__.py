"""``python -m sandbox.autoscaler``: the stand-in as a process, with Cluster Autoscaler's own command line."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from sandbox.autoscaler import RELEASE_VARIABLE, expander, log, status
from sandbox.autoscaler.aws import Aws, AwsError
from sandbox.autoscaler.cluster import Cluster
from sandbox.autoscaler.flags import FlagError, parse
from sandbox.autoscaler.groups import DiscoveryError, discovery_tags
from sandbox.autoscaler.leader import Leader
from sandbox.autoscaler.loop import Loop
from sandbox.autoscaler.metrics import Metrics
from sandbox.autoscaler.options import Options, without_effect
from sandbox.autoscaler.releases import Release, UnknownReleaseError
from sandbox.autoscaler.server import Health, serve
from sandbox.kube_api import KubeApi, KubeApiError

_USAGE_EXIT = 2


class _Stopped(BaseException):
    """The process was asked to stop; the message is the signal's name."""


def main(arguments: list[str]) -> None:
    """Runs until told to stop; exits as Cluster Autoscaler does: 2 for its flags, 255 for what is fatal."""
    try:
        release = Release.of_image(f"cluster-autoscaler:v{os.environ.get(RELEASE_VARIABLE, '')}")
    except UnknownReleaseError as error:
        sys.exit(f"{RELEASE_VARIABLE} must name the release to play, such as 1.36.1: {error}")
    try:
        line = parse(arguments, release)
    except FlagError as error:
        print(f"Usage of ./cluster-autoscaler: see the flags of release {release}\n{error}", file=sys.stderr)
        sys.exit(_USAGE_EXIT)
    options = Options.of(line)
    log.start(options.v)
    if release.minor >= 35 and not options.enable_dynamic_resource_allocation:
        log.fatal("--enable-dynamic-resource-allocation flag must be true: false")
    log.info(f"Cluster Autoscaler {release}")
    log.warning(
        f"THIS IS sandbox-autoscaler, the sandbox's stand-in for Cluster Autoscaler {release}, not the real one. "
        "Put the real binary on PATH or name it by CLUSTER_AUTOSCALER_BIN to run that instead."
    )
    idle = without_effect(line)
    if idle:
        log.warning(f"Accepted, but without effect on the stand-in: {', '.join(f'--{name}' for name in idle)}")
    metrics, health = Metrics(), Health(options)
    try:
        log.info(f"Serving /health-check and /metrics at {serve(options.address, health, metrics)}")
    except (OSError, ValueError) as error:
        log.fatal(f"Failed to start metrics: {options.address}: {error}")
    api = KubeApi(Path(options.kubeconfig))
    if options.leader_elect:
        _check_api(api)
        leader = Leader(api, options, os.environ.get("HOSTNAME") or socket.gethostname())
        leader.acquire()
        leader.keep(lambda: log.fatal("lost master"))
    _run(release, options, api, metrics, health)


def _check_api(api: KubeApi) -> None:
    """The first question to the API server, without whose answer there is no start."""
    try:
        api.get("/api/v1/nodes", limit="1")
    except KubeApiError as error:
        log.fatal(f"Failed to get nodes from apiserver: {error}")


def _run(release: Release, options: Options, api: KubeApi, metrics: Metrics, health: Health) -> None:
    """What the leader does until it is told to stop."""
    cluster = Cluster(api, release, options)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        _lead(release, options, cluster, metrics, health)
    except _Stopped as stopped:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        log.info(f"Received signal {stopped}, attempting cleanup", v=1)
        cluster.delete_status()
        log.info("Cleaned up, exiting...", v=1)


def _lead(release: Release, options: Options, cluster: Cluster, metrics: Metrics, health: Health) -> None:
    """Cluster Autoscaler's order of things: status, expander, AWS, informers, loop."""
    now = datetime.now(UTC)
    cluster.write_status(status.initializing(now, release.writes_yaml_status), now)
    aws = _aws(release, options)
    try:
        expander.check(options.expander.split(","))
    except expander.ExpanderError as error:
        log.fatal(f"Failed to create autoscaler: {error}")
    loop = Loop(
        options,
        aws,
        cluster,
        metrics,
        as_yaml=release.writes_yaml_status,
        clock=lambda: datetime.now(UTC),
        sleep=time.sleep,
        random=Random(),
    )
    cluster.sync(time.sleep)
    loop.clean_up()
    while True:
        started = time.monotonic()
        health.active(succeeded=loop.run_once())
        time.sleep(max(0.0, options.scan_interval - (time.monotonic() - started)))


def _aws(release: Release, options: Options) -> Aws:
    """The connection to AWS, proven by its first questions."""
    if options.cloud_provider != "aws":
        log.fatal(f"Unknown cloud provider: {options.cloud_provider} (the sandbox's stand-in plays only aws)")
    if options.nodes:
        log.fatal("--nodes is not played by the sandbox's stand-in: use --node-group-auto-discovery")
    try:
        aws = Aws(release, discovery_tags(options.node_group_auto_discovery), options)
        aws.load_instance_types()
        aws.groups()
    except DiscoveryError as error:
        log.fatal(f"Failed to create AWS Manager: {error}")
    except AwsError as error:
        log.error(f"Failed to regenerate ASG cache: {error}")
        log.fatal(f"Failed to create AWS Manager: {error}")
    return aws


def _stop(number: int, _frame: Any) -> None:
    # Leaves whatever is under way, with all locks that it holds: a request from within this handler could wait for one.
    raise _Stopped(signal.Signals(number).name)


if __name__ == "__main__":
    main(sys.argv[1:])
