"""What an update of a Helm release changes in Kubernetes: the rendered charts, old against new.

A preview shows the values of a release only. Helm itself renders both sides (``helm template``); objects are sorted,
the data of Secrets is masked, and a long difference is folded.
"""

import difflib
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

RELEASE = "kubernetes:helm.sh/v3:Release"
MASKED = "(masked)"
LATER = "(known after the update)"
NOT_YET_KNOWN = "A value that is known only during the update is missing from the new side."
"""Engine 3.259 writes no value for an unknown part of ``values``, and pulumi-kubernetes 4.25 calls it deleted."""

MOST_LINES = 80
"""Lines of one object's difference; GitHub rejects a comment of more than 65,536 characters."""
MOST_OBJECTS = 20

_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine writes for a string that is not known yet (pulumi/sdk, ``resource/plugin/rpc.go``)."""
_SECRET_MARK = "4dabf18193072939515e22adb298388d"
"""Key of an object that stands for a secret (pulumi/sdk, ``resource/properties.go``, ``SigKey``)."""

Objects = dict[str, str]
"""YAML of each object by kind, namespace and name."""
Render = Callable[[Mapping[str, Any]], Objects]


class RenderError(Exception):
    """A chart that cannot be rendered here, in one line."""


def report(steps: Iterable[Mapping[str, Any]], render: Render | None = None) -> list[str]:
    """Return Markdown lines about every Helm release that a preview updates or replaces.

    Args:
        steps: Metadata of the engine's events ``resourcePreEvent``.
        render: Renders the inputs of a release; ``helm template`` unless given.
    """
    lines: list[str] = []
    for step in steps:
        if step.get("type") != RELEASE or step.get("op") not in ("update", "replace"):
            continue
        old, new = ((step.get(side) or {}).get("inputs") or {} for side in ("old", "new"))
        changes = step.get("detailedDiff") or {}
        title = f"Kubernetes objects of the Helm release `{new.get('name', '?')}`"
        try:
            before, after = ((render or rendered)(_plain(side)) for side in (old, new))
        except RenderError as error:
            lines += [f"{title}: no difference can be shown. {error}", ""]
            continue
        lines += [*_difference(title, before, after), ""]
        if any(str(each.get("diffKind")).startswith("delete") for each in changes.values()):
            lines += [NOT_YET_KNOWN, ""]
    return lines


def rendered(inputs: Mapping[str, Any]) -> Objects:
    """Render a release by Helm.

    Raises:
        RenderError: Helm is not installed, or cannot render the chart.
    """
    chart = str(inputs.get("chart", ""))
    command = ["helm", "template", str(inputs.get("name", "release")), chart]
    command += ["--namespace", str(inputs.get("namespace", "default"))]
    if repository := (inputs.get("repositoryOpts") or {}).get("repo"):
        command += ["--repo", repository]
    if (version := inputs.get("version")) and not Path(chart).exists():
        command += ["--version", version]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as values:
        # JSON is YAML, and keeps every text a text.
        json.dump(inputs.get("values") or {}, values)
        values.flush()
        try:
            run = subprocess.run(
                [*command, "--values", values.name], capture_output=True, text=True, timeout=120, check=False
            )
        except FileNotFoundError:
            raise RenderError("Helm is not installed: install `helm` to see what changes in Kubernetes.") from None
        except subprocess.TimeoutExpired:
            raise RenderError("`helm template` did not end within 120 s.") from None
    if run.returncode:
        first = (run.stderr.strip().splitlines() or ["no reason given"])[0]
        raise RenderError(f"`helm template` failed: {first}")
    return objects(run.stdout)


class _Loader(yaml.SafeLoader):
    """Reads scalars as Kubernetes does: `=` and dates, which PyYAML turns into something else or rejects, are text."""


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


for _tag in ("value", "timestamp", "merge"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _text)


def objects(manifests: str) -> Objects:
    """Split rendered manifests into objects, without the data of Secrets.

    Raises:
        RenderError: The manifests are no YAML, or have what PyYAML cannot read.
    """
    try:
        documents = list(yaml.load_all(manifests, _Loader))
    # PyYAML raises ValueError and the like for a scalar that does not fit its tag (SafeConstructor).
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise RenderError(f"The rendered chart cannot be read as YAML: {reason}") from None
    found = {}
    for each in documents:
        if not isinstance(each, dict):
            continue
        metadata = each.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        namespace = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
        if each.get("kind") == "Secret":
            each |= {
                key: dict.fromkeys(each[key], MASKED)
                for key in ("data", "stringData")
                if isinstance(each.get(key), dict)
            }
        found[f"{each.get('kind')} {namespace}{metadata.get('name')}"] = yaml.safe_dump(each, sort_keys=True)
    return found


def _difference(title: str, before: Objects, after: Objects) -> list[str]:
    changed = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    if not changed:
        return [f"{title}: no object changes."]
    lines = [f"{title}: {len(changed)} of {len(before.keys() | after.keys())} change.", ""]
    for name in changed[:MOST_OBJECTS]:
        lines += _folded(name, before.get(name, ""), after.get(name, ""))
    if len(changed) > MOST_OBJECTS:
        lines.append(f"{len(changed) - MOST_OBJECTS} more objects change: {', '.join(changed[MOST_OBJECTS:])}.")
    return lines


def _folded(name: str, before: str, after: str) -> list[str]:
    diff = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2))[2:]
    added, removed = (sum(line.startswith(sign) for line in diff) for sign in "+-")
    what = "created" if not before else "deleted" if not after else f"+{added} -{removed}"
    shown = diff[:MOST_LINES]
    if len(diff) > MOST_LINES:
        shown.append(f"... {len(diff) - MOST_LINES} more lines")
    # A fence that no line of the objects can end.
    return [
        f"<details><summary><code>{name}</code> ({what})</summary>",
        "",
        "~~~~diff",
        *shown,
        "~~~~",
        "",
        "</details>",
    ]


def _plain(value: Any) -> Any:
    """The same inputs, with words for what is secret or not known yet."""
    if isinstance(value, Mapping):
        if _SECRET_MARK in value:
            return MASKED
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return LATER if value == _UNKNOWN else MASKED if value == "[secret]" else value
