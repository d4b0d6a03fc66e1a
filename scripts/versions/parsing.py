"""Turn what the sources returned into facts. No network."""

import gzip
import io
import json
import re
import tarfile
from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

Patch = tuple[int, int, int]


class SourceError(Exception):
    """A source does not parse, or lost entries that the tables have."""


class Chart(NamedTuple):
    """One entry of the chart repository's index."""

    version: str
    app_version: str
    released: str
    url: str


class Flag(NamedTuple):
    """One command-line flag: its type and the Go expression of its default."""

    kind: str
    default: str


_RELEASE = re.compile(r"v(\d+)\.(\d+)\.(\d+)")
_PLAIN = re.compile(r"\d+\.\d+\.\d+")
_DEFINITION = re.compile(
    r"\b(?:(?:flag|pflag|fs)\.(?P<kind>String|Int|Bool|Float64|Duration|StringSlice|StringArray)(?P<var>Var)?"
    r"|(?P<multi>multiStringFlag))\("
)
_NAMES_BY_CONSTANT = {"config.SchedulerConfigFileFlag": "scheduler-config-file"}


def patch(version: str) -> Patch:
    """Three numbers of ``1.36.1``.

    Raises:
        SourceError: It is no such version.
    """
    if not _PLAIN.fullmatch(version):
        raise SourceError(f"got {version!r}; expected a version such as 1.36.1")
    major, minor, last = map(int, version.split("."))
    return major, minor, last


def image_tags(text: str) -> list[Patch]:
    """Releases among the tags of an image, from the registry's ``tags/list``, oldest first.

    Raises:
        SourceError: The answer is not a list of tags.
    """
    try:
        tags = json.loads(text)["tags"]
        return sorted({patch(tag[1:]) for tag in tags if _RELEASE.fullmatch(tag)})
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"image tags: not a list of tags ({error!r})") from error


def chart_index(text: str) -> list[Chart]:
    """Releases of the chart ``cluster-autoscaler`` in the index of its repository, oldest first.

    Raises:
        SourceError: The index does not parse.
    """
    try:
        entries = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["entries"]["cluster-autoscaler"]
        found = [
            Chart(each["version"], str(each["appVersion"]), str(each["created"])[:10], each["urls"][0])
            for each in entries
            if _PLAIN.fullmatch(each["version"])
        ]
    except (yaml.YAMLError, KeyError, TypeError, IndexError) as error:
        raise SourceError(f"chart index: not an index with the chart cluster-autoscaler ({error!r})") from error
    return sorted(found, key=lambda chart: patch(chart.version))


def archived(archive: bytes, name: str) -> str:
    """A file of the chart ``cluster-autoscaler`` in its packed form.

    Raises:
        SourceError: The archive is broken or lacks the file.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(archive))) as chart:
            member = chart.extractfile(f"cluster-autoscaler/{name}")
            if member is None:
                raise SourceError(f"chart archive: {name} is not a file")
            return member.read().decode()
    except (OSError, tarfile.TarError, KeyError, UnicodeDecodeError) as error:
        raise SourceError(f"chart archive: {name} cannot be read ({error!r})") from error


def default_image(values: str) -> str:
    """The version of the image that a chart runs by default, from its values.yaml.

    Raises:
        SourceError: There is no such value.
    """
    try:
        tag = str(yaml.safe_load(values)["image"]["tag"])
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise SourceError(f"values.yaml of the chart: no image.tag ({error!r})") from error
    if not _RELEASE.fullmatch(tag):
        raise SourceError(f"values.yaml of the chart: image.tag is {tag!r}; expected a tag such as v1.36.1")
    return tag[1:]


def readable_resources(manifests: str) -> set[tuple[str, str]]:
    """API group and resource of everything that the ClusterRole of a rendered chart lets its account list and watch.

    Raises:
        SourceError: The manifests do not parse, or have no ClusterRole with rules.
    """
    try:
        documents = list(yaml.safe_load_all(manifests))
    except yaml.YAMLError as error:
        raise SourceError(f"rendered chart: {error}") from error
    roles = [each for each in documents if isinstance(each, Mapping) and each.get("kind") == "ClusterRole"]
    rules = [rule for role in roles for rule in role.get("rules") or []]
    if not rules:
        raise SourceError("rendered chart: no ClusterRole with rules")
    return {
        (group, resource)
        for rule in rules
        # A rule with names does not allow to list.
        if ("*" in rule["verbs"] or {"list", "watch"} <= set(rule["verbs"])) and not rule.get("resourceNames")
        for group in rule.get("apiGroups", [])
        for resource in rule.get("resources", [])
    }


def flags(source: str) -> dict[str, Flag]:
    """Command-line flags in a Go source of Cluster Autoscaler, in both forms of definition.

    ``flag.Bool("name", false, ...)`` up to 1.36 and ``fs.BoolVar(&p.o.X, "name", false, ...)`` since the move to
    kubernetes-sigs/cluster-autoscaler; ``multiStringFlag("name", ...)`` and ``fs.StringArrayVar`` are repeatable.

    Raises:
        SourceError: A definition has another form.
    """
    found = {}
    for match in _DEFINITION.finditer(source):
        arguments = _arguments(source, match.end())
        if match["var"]:
            arguments = arguments[1:]
        name = _NAMES_BY_CONSTANT.get(arguments[0], arguments[0].strip('"')) if arguments else ""
        if not re.fullmatch(r"[a-z0-9-]+", name):
            # The helper's own body: flag.Var(value, name, usage) and the like.
            if match["multi"] or name == "name":
                continue
            raise SourceError(
                f"flags: the definition {match[0]}{', '.join(arguments[:2])} has no name that can be read"
            )
        if match["multi"] or match["kind"] == "StringArray":
            found[name] = Flag("multiStringFlag", "repeatable")
        elif len(arguments) < 2:
            raise SourceError(f"flags: --{name} has no default")
        else:
            found[name] = Flag(match["kind"], arguments[1])
    if not found:
        raise SourceError("flags: no definition found")
    return found


def _arguments(source: str, start: int) -> list[str]:
    """The arguments of a Go call whose opening parenthesis ends at ``start``."""
    found: list[str] = []
    depth, quote, current = 0, "", ""
    for index in range(start, len(source)):
        char = source[index]
        if quote:
            quote = "" if char == quote and source[index - 1] != "\\" else quote
        elif char in "\"`'":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            if depth == 0:
                return [*found, current.strip()] if current.strip() else found
            depth -= 1
        elif char == "," and depth == 0:
            found.append(current.strip())
            current = ""
            continue
        current += char
    raise SourceError("flags: a call is not closed")


def cluster_versions(answer: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Days on which standard and extended support end by Kubernetes minor, from EKS DescribeClusterVersions.

    Raises:
        SourceError: The answer lists no version.
    """
    found = {
        str(each["clusterVersion"]): (
            _day(each.get("endOfStandardSupportDate")),
            _day(each.get("endOfExtendedSupportDate")),
        )
        for each in answer.get("clusterVersions", [])
    }
    if not found:
        raise SourceError("EKS DescribeClusterVersions: no versions")
    return found


def _day(moment: Any) -> str:
    return moment.date().isoformat() if moment is not None else ""


def module_version(go_mod: str, module: str) -> str | None:
    """The version of a module in a ``go.mod``, None if it is not required there."""
    match = re.search(rf"^\s*(?:require\s+)?{re.escape(module)}\s+(v\S+)", go_mod, re.MULTILINE)
    return match[1] if match else None
