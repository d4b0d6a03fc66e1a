"""The properties of a Release: which there are, and which helm flags they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pulumi_kubernetes.helm.v3 import ReleaseArgs

from sandbox.providers.rpc import Failure, ProviderError
from sandbox.providers.schema import object_type, validate
from sandbox.providers.values import UNKNOWN

TIMEOUT_SECONDS: Final = 300
"""How long Helm waits unless ``timeout`` or ``skipAwait`` is set."""

_CHART_FLAGS: Final = {
    "devel": "--devel",
    "keyring": "--keyring",
    "verify": "--verify",
    "version": "--version",
}
_REPOSITORY_FLAGS: Final = {
    "caFile": "--ca-file",
    "certFile": "--cert-file",
    "keyFile": "--key-file",
    "repo": "--repo",
}
_CHANGE_FLAGS: Final = {
    "atomic": "--atomic",
    "dependencyUpdate": "--dependency-update",
    "description": "--description",
    "disableOpenapiValidation": "--disable-openapi-validation",
    "disableWebhooks": "--no-hooks",
    "postrender": "--post-renderer",
    "renderSubchartNotes": "--render-subchart-notes",
    "skipCrds": "--skip-crds",
    "takeOwnership": "--take-ownership",
}
_INSTALL_FLAGS: Final = {"createNamespace": "--create-namespace", "replace": "--replace"}
_UPGRADE_FLAGS: Final = {
    "cleanupOnFail": "--cleanup-on-fail",
    "forceUpdate": "--force",
    "maxHistory": "--history-max",
    "resetValues": "--reset-values",
    "reuseValues": "--reuse-values",
}
_NO_FLAGS: Final = ("chart", "name", "namespace", "repositoryOpts", "skipAwait", "timeout", "values", "waitForJobs")
_WITHOUT_EFFECT: Final = ("allowNullValues", "compat")
"""In the official provider too: nulls are always kept, and ``compat`` is what every SDK sends."""

_OUTPUTS: Final = ("manifest", "resourceNames", "status")


def failures(inputs: Mapping[str, Any]) -> list[Failure]:
    """All that is wrong with a Release's inputs: unknown, mistyped or missing ones, and what is not done here."""
    refused = _refusals(inputs)
    paths = {failure.property for failure in refused}
    judged = validate({name: value for name, value in inputs.items() if name not in paths}, object_type(ReleaseArgs))
    return [*refused, *judged]


def cleaned(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs without those that have no effect, and with the default timeout."""
    kept = {name: value for name, value in inputs.items() if name not in _WITHOUT_EFFECT}
    if not kept.get("skipAwait"):
        kept.setdefault("timeout", TIMEOUT_SECONDS)
    return kept


def chart_reference(inputs: Mapping[str, Any]) -> str:
    """The chart as helm is to be told: a local one by its absolute path.

    Raises:
        ProviderError: It is clearly meant as a path, and there is nothing.
    """
    chart = str(inputs["chart"])
    if chart.startswith("oci://") or (inputs.get("repositoryOpts") or {}).get("repo"):
        return chart
    path = Path(chart).expanduser()
    if path.exists():
        return str(path.resolve())
    if chart.startswith((".", "/", "~")):
        raise ProviderError(f"there is no chart at {path.absolute()}; relative paths start at {Path.cwd()}")
    return chart


def chart_flags(inputs: Mapping[str, Any]) -> list[str]:
    """The flags that say which chart."""
    return [*_flags(_CHART_FLAGS, inputs), *_flags(_REPOSITORY_FLAGS, inputs.get("repositoryOpts") or {})]


def install_flags(inputs: Mapping[str, Any]) -> list[str]:
    """All flags of ``helm install``."""
    return [*chart_flags(inputs), *_flags(_CHANGE_FLAGS | _INSTALL_FLAGS, inputs), *_waiting(inputs)]


def upgrade_flags(inputs: Mapping[str, Any]) -> list[str]:
    """All flags of ``helm upgrade``; history is not cut unless ``maxHistory`` says so."""
    complete = {"maxHistory": 0, **inputs}
    return [*chart_flags(inputs), *_flags(_CHANGE_FLAGS | _UPGRADE_FLAGS, complete), *_waiting(inputs)]


def uninstall_flags(inputs: Mapping[str, Any]) -> list[str]:
    """All flags of ``helm uninstall``: it waits for what an install would wait for."""
    if inputs.get("skipAwait") and not inputs.get("atomic"):
        return []
    return ["--wait", "--timeout", f"{inputs.get('timeout') or TIMEOUT_SECONDS}s"]


def _waiting(inputs: Mapping[str, Any]) -> list[str]:
    timeout = ["--timeout", f"{inputs.get('timeout') or TIMEOUT_SECONDS}s"]
    if inputs.get("skipAwait"):
        return timeout
    return [*timeout, "--wait", *(["--wait-for-jobs"] if inputs.get("waitForJobs") else [])]


def _flags(names: Mapping[str, str], inputs: Mapping[str, Any]) -> list[str]:
    flags = []
    for name, flag in names.items():
        value = inputs.get(name)
        if value is True:
            flags.append(flag)
        elif value is not None and value is not False and value != "":
            flags += [flag, str(value)]
    return flags


def _refusals(inputs: Mapping[str, Any]) -> list[Failure]:
    done = {*_CHART_FLAGS, *_CHANGE_FLAGS, *_INSTALL_FLAGS, *_UPGRADE_FLAGS, *_NO_FLAGS, *_WITHOUT_EFFECT}
    known = object_type(ReleaseArgs).fields
    stand_in = "the sandbox's stand-in for the kubernetes provider does not do"
    refused = []
    for name in inputs:
        if name in _OUTPUTS:
            refused.append(Failure(name, f"`{name}` is an output of a Release; it cannot be set"))
        elif name in known and name not in done:
            refused.append(Failure(name, f"{stand_in} `{name}` of a Release"))
    repository = inputs.get("repositoryOpts")
    for name in repository if repository and repository is not UNKNOWN else ():
        if name in ("username", "password"):
            reason = f"{stand_in} repository logins; log in with `helm repo add` and use <repository>/<chart>"
            refused.append(Failure(f"repositoryOpts.{name}", reason))
    return refused
