"""``kubernetes:helm.sh/v3:Release``, by the helm command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sandbox.providers.differences import Change, Difference, compare
from sandbox.providers.kubernetes import release_options
from sandbox.providers.kubernetes.api import Unreachable
from sandbox.providers.kubernetes.helm import Chart, Helm, HelmError, Installed
from sandbox.providers.kubernetes.manifest import drift, resource_names, unready
from sandbox.providers.kubernetes.naming import made_up_name, split_id
from sandbox.providers.kubernetes.objects import unreachable
from sandbox.providers.kubernetes.settings import Session
from sandbox.providers.rpc import Call, Checked, Failure, Naming, PartialFailure, ProviderError, State
from sandbox.providers.values import UNKNOWN, contains_unknown

TYPE: Final = "kubernetes:helm.sh/v3:Release"

_IDENTITY: Final = ("name", "namespace")
_DEPLOYED: Final = "deployed"
_IMMUTABLE: Final = (
    ". Kubernetes never changes such a field, so the object must be made anew: `helm uninstall {name} -n {namespace}`, "
    "then `pulumi refresh`, and run Pulumi again"
)
_NULL: Final = object()
"""Stands for a null in ``values``, where it deletes a default of the chart and so is not the same as nothing."""


class Releases:
    """The operations on a Release.

    Unlike the official provider, a refresh also looks at the live objects of the release: where they no longer are as
    its manifest says, the output ``drift`` tells so, and the next update runs ``helm upgrade``, which puts them right.
    """

    def check(
        self, call: Call[Session], old_inputs: Mapping[str, Any], inputs: Mapping[str, Any], naming: Naming
    ) -> Checked:
        """Judges the properties, makes a name up, and settles which version of the chart it will be."""
        failures = release_options.failures(inputs)
        checked = release_options.cleaned(inputs)
        checked["name"] = inputs.get("name") or old_inputs.get("name") or made_up_name(call.resource, naming)
        checked["namespace"] = inputs.get("namespace") or call.session.settings.namespace
        chosen_by = {name: checked.get(name) for name in ("chart", "devel", "repositoryOpts", "version")}
        if not failures and not contains_unknown(chosen_by):
            try:
                checked["version"] = _chart(call, checked).version
            except ProviderError as error:
                failures.append(Failure("chart", str(error)))
        if naming.disabled and not (inputs.get("name") or old_inputs.get("name")):
            failures.append(Failure("name", "is missing, and pulumi:autonaming forbids made-up names"))
        return Checked(checked, failures)

    def diff(self, call: Call[Session], old: State, inputs: Mapping[str, Any], ignored: Sequence[str]) -> Difference:
        """Compares what was wanted with what is wanted, and what is live with both."""
        changes = _compare(old.inputs, inputs) | _moved_outside(old, inputs, ignored)
        replaces = frozenset(name for name in _IDENTITY if name in changes)
        return Difference(changes, replaces)

    def create(self, call: Call[Session], inputs: Mapping[str, Any], preview: bool) -> State:
        """``helm install``."""
        if preview:
            return State("", _planned(inputs))
        helm, namespace, name = _helm(call), inputs["namespace"], inputs["name"]
        existing = helm.find(namespace, name)
        if existing and not inputs.get("replace"):
            raise ProviderError(_already_there(existing))
        chart, flags = release_options.chart_reference(inputs), release_options.install_flags(inputs)
        try:
            installed = helm.install(namespace, name, chart, flags, inputs.get("values") or {})
        except HelmError as error:
            raise _failed(call, helm, inputs, error) from None
        return State(f"{namespace}/{name}", _outputs(inputs, installed))

    def read(self, call: Call[Session], old: State) -> State | None:
        """The release as it is, whoever made its latest revision, and whether its objects are as it says."""
        namespace, name = _place(call, old.id)
        try:
            installed = _helm(call).find(namespace, name)
            if installed is None:
                return None
            inputs = old.inputs or _imported(installed)
            outputs = _outputs(inputs, installed)
            found = drift(call.session.cluster, namespace, installed.manifest)
        except Unreachable as error:
            if call.session.settings.delete_unreachable:
                return None
            raise unreachable(error) from None
        return State(f"{namespace}/{name}", outputs | ({"drift": found} if found else {}), inputs)

    def update(self, call: Call[Session], old: State, inputs: Mapping[str, Any], preview: bool) -> Mapping[str, Any]:
        """``helm upgrade``."""
        if preview:
            return _planned(inputs)
        helm, namespace, name = _helm(call), inputs["namespace"], inputs["name"]
        chart, flags = release_options.chart_reference(inputs), release_options.upgrade_flags(inputs)
        try:
            installed = helm.upgrade(namespace, name, chart, flags, inputs.get("values") or {})
        except HelmError as error:
            raise _failed(call, helm, inputs, error) from None
        return _outputs(inputs, installed)

    def delete(self, call: Call[Session], old: State) -> None:
        """``helm uninstall``."""
        namespace, name = _place(call, old.id)
        try:
            _helm(call).uninstall(namespace, name, release_options.uninstall_flags(old.outputs))
        except Unreachable as error:
            if not call.session.settings.delete_unreachable:
                raise unreachable(error) from None


def _helm(call: Call[Session]) -> Helm:
    return Helm(call.session.cluster.kubeconfig, call.pause)


def _chart(call: Call[Session], inputs: Mapping[str, Any]) -> Chart:
    chart = release_options.chart_reference(inputs)
    return Helm(None, call.pause).show_chart(chart, release_options.chart_flags(inputs))


def _place(call: Call[Session], identifier: str) -> tuple[str, str]:
    namespace, name = split_id(identifier)
    return namespace or call.session.settings.namespace, name


def _outputs(inputs: Mapping[str, Any], installed: Installed) -> dict[str, Any]:
    chart = installed.chart
    live = {"values": dict(installed.values)} if installed.values or "values" in inputs else {}
    return {
        **inputs,
        **live,
        "version": chart.version,
        "resourceNames": resource_names(installed.manifest),
        "status": {
            "appVersion": chart.app_version,
            "chart": chart.name,
            "name": installed.name,
            "namespace": installed.namespace,
            "revision": installed.revision,
            "status": installed.status,
            "version": chart.version,
        },
    }


def _planned(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {**inputs, "resourceNames": UNKNOWN, "status": UNKNOWN}


def _imported(installed: Installed) -> dict[str, Any]:
    """The inputs that an import starts from: all that a release tells of itself. Where its chart came from it does not.

    As with the official provider, the program's inputs must match these, or be applied over them by the next update.
    """
    return {
        "chart": installed.chart.name,
        "name": installed.name,
        "namespace": installed.namespace,
        "timeout": release_options.TIMEOUT_SECONDS,
        "version": installed.chart.version,
        **({"values": dict(installed.values)} if installed.values else {}),
    }


def _compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Change]:
    before, after = ({**each, "values": _with_nulls_marked(each.get("values"))} for each in (old, new))
    return compare(before, after)


def _with_nulls_marked(value: Any, *, top: bool = True) -> Any:
    if isinstance(value, Mapping):
        return {key: _with_nulls_marked(item, top=False) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_nulls_marked(item, top=False) for item in value]
    return _NULL if value is None and not top else value


def _moved_outside(old: State, inputs: Mapping[str, Any], ignored: Sequence[str]) -> dict[str, Change]:
    """What a refresh found changed by somebody else: another chart or values, a failed revision, drifted objects."""
    live, wanted = old.outputs, old.inputs
    changes: dict[str, Change] = {}
    if live.get("version") != wanted.get("version"):
        changes |= compare(live.get("version"), inputs.get("version"), "version")
    if not inputs.get("reuseValues") and _compare(live, {**live, "values": wanted.get("values")}):
        changes |= _compare({"values": live.get("values")}, {"values": inputs.get("values")})
    if (live.get("status") or {}).get("status") not in (None, _DEPLOYED):
        changes["status"] = Change.UPDATE
    if live.get("drift"):
        changes["drift"] = Change.DELETE
    return {path: change for path, change in changes.items() if not any(_within(path, each) for each in ignored)}


def _within(path: str, outer: str) -> bool:
    return outer == "*" or path == outer or path.startswith((f"{outer}.", f"{outer}["))


def _failed(call: Call[Session], helm: Helm, inputs: Mapping[str, Any], error: HelmError) -> ProviderError:
    """What to tell, and record, after helm has failed."""
    namespace, name = inputs["namespace"], inputs["name"]
    what = f"Helm release {namespace}/{name}"
    installed = helm.find(namespace, name)
    if installed is None:
        if "has no deployed releases" in str(error):
            return ProviderError(f"{what} is gone; run `pulumi refresh`, and the next update makes it anew")
        return ProviderError(f"{what}: {error}")
    if _is_halfway(installed):
        return ProviderError(_stuck(installed))
    if installed.status == _DEPLOYED:
        way_out = _IMMUTABLE.format(name=name, namespace=namespace) if "field is immutable" in str(error) else ""
        return ProviderError(f"{what} stays at revision {installed.revision}: {error}{way_out}")
    lacking = unready(call.session.cluster, namespace, installed.manifest)
    details = "".join(f"\n  {each}" for each in lacking)
    reason = f"{what} is {installed.status} at revision {installed.revision}: {error}{details}"
    return PartialFailure(f"{namespace}/{name}", _outputs(inputs, installed), reason)


def _already_there(installed: Installed) -> str:
    if _is_halfway(installed):
        return _stuck(installed)
    place, chart = f"{installed.namespace}/{installed.name}", installed.chart
    return (
        f"there already is a Helm release {place} (chart {chart.name} {chart.version}, revision {installed.revision}, "
        f"{installed.status}) that does not belong to this stack. Take it over with `pulumi import {TYPE} <name> "
        f"{place} --generate-code=false` (and --parent and --provider, where the program gives it these), or remove it "
        f"with `helm uninstall {installed.name} -n {installed.namespace}`"
    )


def _is_halfway(installed: Installed) -> bool:
    return installed.status.startswith("pending") or installed.status == "uninstalling"


def _stuck(installed: Installed) -> str:
    verb = "uninstall" if installed.status in ("pending-install", "uninstalling") else "rollback"
    return (
        f"Helm release {installed.namespace}/{installed.name} is stuck in {installed.status} (revision "
        f"{installed.revision}): a run of helm was cut off, or is still going on. When none is running any more: "
        f"`helm {verb} {installed.name} -n {installed.namespace}`, then `pulumi refresh`, and run Pulumi again"
    )
