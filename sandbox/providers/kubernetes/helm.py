"""The helm command line, asked for what Releases need."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from sandbox.providers.kubernetes.api import Unreachable
from sandbox.providers.kubernetes.kubeconfig import Kubeconfig
from sandbox.providers.rpc import ProviderError

_POLL_SECONDS: Final = 0.2
_STOP_SECONDS: Final = 30.0

_STRAY: Final = ("HELM_KUBE", "HELM_NAMESPACE", "HELM_BURST_LIMIT", "HELM_QPS", "HELM_DEBUG")
"""Variables that would turn helm to another cluster or spoil its output."""


class HelmError(ProviderError):
    """Helm failed; the text is what it said."""


@dataclass(frozen=True)
class Chart:
    """What a chart says of itself.

    Attributes:
        name: Its name.
        version: Its own version.
        app_version: The version of what it installs; may be empty.
    """

    name: str
    version: str
    app_version: str = ""

    @classmethod
    def of(cls, metadata: Mapping[str, Any]) -> Chart:
        """The chart whose ``Chart.yaml`` this is."""
        return cls(metadata["name"], str(metadata["version"]), str(metadata.get("appVersion") or ""))


@dataclass(frozen=True)
class Installed:
    """The latest revision of a release, as Helm keeps it in the cluster.

    Attributes:
        namespace: Where it is installed.
        name: Its name.
        revision: Number of the revision, from 1.
        status: ``deployed``, ``failed``, ``pending-install``, ``pending-upgrade``, ``superseded`` ...
        chart: What was installed.
        values: The values that were given, not the chart's own.
        manifest: The rendered objects, as YAML documents.
    """

    namespace: str
    name: str
    revision: int
    status: str
    chart: Chart
    values: Mapping[str, Any]
    manifest: str

    @classmethod
    def of(cls, answer: Mapping[str, Any], chart: Chart) -> Installed:
        """Reads helm's JSON of a release."""
        return cls(
            namespace=answer["namespace"],
            name=answer["name"],
            revision=answer["version"],
            status=answer["info"]["status"],
            chart=chart,
            values=answer.get("config") or {},
            manifest=answer.get("manifest") or "",
        )


class Helm:
    """Helm on one cluster.

    Args:
        kubeconfig: The cluster; None when only charts are to be looked at.
        pause: Sleeps that many seconds; raises when the user gives up, which stops a running helm.
    """

    def __init__(self, kubeconfig: Kubeconfig | None, pause: Callable[[float], None]) -> None:
        self._kubeconfig = kubeconfig
        self._pause = pause

    def show_chart(self, chart: str, flags: Sequence[str]) -> Chart:
        """What the chart that ``chart`` and ``flags`` name says of itself."""
        return Chart.of(yaml.safe_load(self._run(["show", "chart", chart, *flags])))

    def find(self, namespace: str, name: str) -> Installed | None:
        """A release as it is now; None when there is none."""
        place = [name, "--namespace", namespace, "--output", "json"]
        with self._reaching_cluster() as login:
            try:
                answer = json.loads(self._run(["status", *place], login))
                metadata = json.loads(self._run(["get", "metadata", *place], login))
            except HelmError as error:
                if "release: not found" in str(error):
                    return None
                raise
        return Installed.of(answer, Chart(metadata["chart"], metadata["version"], metadata.get("appVersion", "")))

    def install(
        self, namespace: str, name: str, chart: str, flags: Sequence[str], values: Mapping[str, Any]
    ) -> Installed:
        """Makes a release."""
        return self._change("install", namespace, name, chart, flags, values)

    def upgrade(
        self, namespace: str, name: str, chart: str, flags: Sequence[str], values: Mapping[str, Any]
    ) -> Installed:
        """Brings a release to another chart or values, and its objects back to what the chart says."""
        return self._change("upgrade", namespace, name, chart, flags, values)

    def uninstall(self, namespace: str, name: str, flags: Sequence[str]) -> None:
        """Removes a release; no error when there is none."""
        with self._reaching_cluster() as login:
            self._run(["uninstall", name, "--namespace", namespace, "--ignore-not-found", *flags], login)

    def _change(
        self, verb: str, namespace: str, name: str, chart: str, flags: Sequence[str], values: Mapping[str, Any]
    ) -> Installed:
        arguments = [verb, name, chart, "--namespace", namespace, "--output", "json", "--values", "-", *flags]
        with self._reaching_cluster() as login:
            answer = json.loads(self._run(arguments, login, stdin=json.dumps(values)))
        return Installed.of(answer, Chart.of(answer["chart"]["metadata"]))

    @contextmanager
    def _reaching_cluster(self) -> Iterator[list[str]]:
        """The flags that point helm at the cluster; the login is in a file of ours for just as long."""
        if self._kubeconfig is None:
            raise AssertionError("this needs a cluster")
        with tempfile.TemporaryDirectory(prefix="helm-") as folder:
            path = Path(folder) / "kubeconfig"
            path.touch(mode=0o600)
            path.write_text(json.dumps(self._kubeconfig.resolved()))
            yield ["--kubeconfig", str(path)]

    def _run(self, arguments: Sequence[str], login: Sequence[str] = (), stdin: str = "") -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_STRAY)}
        try:
            process = subprocess.Popen(
                ["helm", *arguments, *login],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
            )
        except FileNotFoundError:
            raise HelmError("helm is not on PATH; Releases need its command line (version 3)") from None
        with process:
            try:
                output, errors = self._communicate(process, stdin)
            except BaseException:
                _stop(process)
                raise
        if process.returncode:
            reason = _reason(errors) or f"helm {arguments[0]} failed with exit code {process.returncode}"
            raise Unreachable(reason) if "cluster unreachable" in reason else HelmError(reason)
        return output

    def _communicate(self, process: subprocess.Popen[str], stdin: str) -> tuple[str, str]:
        pending: str | None = stdin
        while True:
            try:
                return process.communicate(pending, timeout=_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                pending = None
                self._pause(0)


def _stop(process: subprocess.Popen[str]) -> None:
    """Lets helm mark the release as failed, so that it can be mended, and waits for its end.

    Its output is read to the end: writing to a closed pipe would kill it first.
    """
    process.terminate()
    try:
        process.communicate(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _reason(errors: str) -> str:
    """Helm's error without its own prefixes and warnings."""
    lines = [line for line in errors.strip().splitlines() if not line.startswith(("WARNING:", "walk.go:"))]
    text = "\n".join(lines).removeprefix("Error: ")
    for verb in ("INSTALLATION", "UPGRADE"):
        text = text.removeprefix(f"{verb} FAILED: ")
    return text
