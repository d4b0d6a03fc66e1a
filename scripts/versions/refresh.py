"""Decide what changes in the tables, from what the sources returned."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from . import parsing
from .parsing import Chart, Flag, Patch, SourceError, patch
from .sources import CORE_MODULE, CORE_REPOSITORY, Sources
from .tables import Table

FIRST_MINOR = (1, 26)
FIRST_CHART = (9, 29, 0)
KEPT = 0.8
"""A new release with fewer than this share of the flags of the one before was not read whole."""

Tables = dict[str, Table]


def load(folder: Path) -> Tables:
    """Every table of a folder by its file's name."""
    return {path.name: Table.load(path) for path in sorted(folder.glob("*.tsv"))}


def refresh(before: Tables, sources: Sources, today: str) -> Tables:
    """The tables as the sources have them today.

    Raises:
        SourceError: A source cannot be read, does not parse, or lost entries that the tables have.
    """
    after = dict(before)
    after["cluster-autoscaler.tsv"] = releases(
        before["cluster-autoscaler.tsv"], parsing.image_tags(sources.image_tags())
    )
    after["ca-flags.tsv"] = flags(before["ca-flags.tsv"], after["cluster-autoscaler.tsv"], sources)
    after["charts.tsv"], roles = charts(
        before["charts.tsv"],
        parsing.chart_index(sources.chart_index()),
        sources,
        before["kubernetes.tsv"].column("minor")[-1],
    )
    for name in ("informers.tsv", "flag-needs.tsv"):
        after[name] = granted(name, before[name], roles)
    after["ami-types.tsv"] = ami_types(before["ami-types.tsv"], sources.ami_types())
    refreshed = set(after)
    if (answer := sources.cluster_versions()) is None:
        refreshed.discard("kubernetes.tsv")
    else:
        after["kubernetes.tsv"] = kubernetes(before["kubernetes.tsv"], parsing.cluster_versions(answer))
    return {name: table.read(today) if name in refreshed else table for name, table in after.items()}


def releases(table: Table, tags: list[Patch]) -> Table:
    """Newest and oldest patch of each minor among the tags of the image."""
    by_minor: dict[tuple[int, int], list[Patch]] = {}
    for tag in tags:
        by_minor.setdefault(tag[:2], []).append(tag)
    known = {row[0]: row for row in table.rows}
    for minor, newest in zip(table.column("minor"), table.column("newest"), strict=True):
        if patch(newest) not in tags:
            raise SourceError(f"image tags: {newest}, the newest known of {minor}, is gone")
    rows = []
    for numbers, patches in sorted(by_minor.items()):
        if numbers < FIRST_MINOR:
            continue
        minor, newest, oldest = _dotted(numbers), _dotted(max(patches)), _dotted(min(patches))
        row = known.get(minor, (minor, newest, oldest, oldest))
        rows.append((row[0], newest, *row[2:]))
    return replace(table, rows=tuple(rows))


def flags(table: Table, autoscaler: Table, sources: Sources) -> Table:
    """A column of defaults for the newest patch of each minor; those of unchanged releases are kept."""
    columns = list(table.header[2:])
    read = {version.rpartition(".")[0]: version for version in columns}
    kinds = dict(zip(table.column("flag"), table.column("type"), strict=True))
    defaults = {row[0]: dict(zip(columns, row[2:], strict=True)) for row in table.rows}
    for minor, newest in zip(autoscaler.column("minor"), autoscaler.column("newest"), strict=True):
        if read.get(minor) == newest:
            continue
        found = flags_of(newest, sources)
        base = read.get(minor, columns[-1])
        expected = [flag for flag, by_version in defaults.items() if by_version.get(base, "-") != "-"]
        if len(set(found) & set(expected)) < KEPT * len(expected):
            raise SourceError(f"flags of {newest}: {len(found)} found, {len(expected)} in {base}")
        for flag, definition in found.items():
            kinds.setdefault(flag, definition.kind)
            defaults.setdefault(flag, {})[newest] = definition.default
        # Two rows are no definitions but flags of klog that the main function sets.
        for flag in [flag for flag, kind in kinds.items() if kind == "Set"]:
            defaults[flag][newest] = defaults[flag].get(base, "-")
        if minor in read:
            columns[columns.index(read[minor])] = newest
        else:
            columns.append(newest)
        read[minor] = newest
    rows = [
        (flag, kinds[flag], *(by_version.get(column, "-") for column in columns))
        for flag, by_version in defaults.items()
    ]
    known = [row for row in rows if row[0] in table.column("flag")]
    new = sorted(row for row in rows if row[0] not in table.column("flag"))
    return replace(table, header=("flag", "type", *columns), rows=(*known, *new))


def flags_of(version: str, sources: Sources) -> dict[str, Flag]:
    """The flags of one release, from whichever of both repositories has them.

    Up to 1.36 they are in kubernetes/autoscaler. Later releases there build on a module of kubernetes-sigs/
    cluster-autoscaler, whose version is in their go.mod.
    """
    old, tag = "kubernetes/autoscaler", f"cluster-autoscaler-{version}"
    candidates = [(old, tag, "cluster-autoscaler/config/flags/flags.go")]
    module = parsing.module_version(sources.file(old, tag, "cluster-autoscaler/go.mod") or "", CORE_MODULE)
    if module is not None:
        # v0.0.0-<time>-<commit> names a commit, any other version a tag.
        commit = module.rpartition("-")[2] if module.startswith("v0.0.0-") else module
        candidates.append((CORE_REPOSITORY, commit, "pkg/config/flags/flags.go"))
    candidates += [
        (CORE_REPOSITORY, f"v{version}", "pkg/config/flags/flags.go"),
        (old, tag, "cluster-autoscaler/main.go"),
    ]
    for repository, reference, path in candidates:
        if (text := sources.file(repository, reference, path)) is not None:
            return parsing.flags(text)
    raise SourceError(f"flags of {version}: no definitions in {old} at {tag} or in {CORE_REPOSITORY}")


def charts(
    table: Table, index: list[Chart], sources: Sources, kubernetes: str
) -> tuple[Table, dict[str, set[tuple[str, str]]]]:
    """The charts, and what the ClusterRole of each new one lets Cluster Autoscaler list.

    Args:
        table: The charts as they were known.
        index: The charts as the repository lists them.
        sources: Where the new ones are.
        kubernetes: The Kubernetes minor to render the new ones for.
    """
    listed = {chart.version for chart in index}
    for version in table.column("chart"):
        if version not in listed:
            raise SourceError(f"chart index: {version} is gone")
    rows, roles = list(table.rows), {}
    for chart in index:
        if patch(chart.version) < FIRST_CHART or chart.version in table.column("chart"):
            continue
        archive = sources.chart(chart.url)
        image = parsing.default_image(parsing.archived(archive, "values.yaml"))
        rows.append((chart.version, chart.app_version, image, chart.released))
        roles[chart.version] = parsing.readable_resources(sources.manifests(archive, kubernetes))
    return replace(table, rows=tuple(sorted(rows, key=lambda row: patch(row[0])))), roles


def granted(name: str, table: Table, roles: Mapping[str, set[tuple[str, str]]]) -> Table:
    """A table of resources, with the first chart that grants each.

    Raises:
        SourceError: A new chart lacks a right that older ones grant: whether it still serves every older image is for
            a person to decide.
    """
    at = {column: table.header.index(column) for column in ("group", "resource", "chart")}
    every_chart_grants = name == "informers.tsv"
    rows = []
    for row in table.rows:
        group, resource, floor = row[at["group"]], row[at["resource"]], row[at["chart"]]
        for version, rights in sorted(roles.items(), key=lambda item: patch(item[0])):
            grants = (group, resource) in rights
            if not grants and (floor or every_chart_grants):
                raise SourceError(f"chart {version}: its ClusterRole no longer grants list and watch of {resource}")
            if grants and not floor and not every_chart_grants:
                floor = version
        rows.append((*row[: at["chart"]], floor, *row[at["chart"] + 1 :]))
    return replace(table, rows=tuple(rows))


def ami_types(table: Table, known: list[str]) -> Table:
    """The AMI types, with new ones of the EKS API; add the date of a retired one manually."""
    if gone := set(table.column("type")) - set(known):
        raise SourceError(f"AMI types of botocore: {', '.join(sorted(gone))} gone")
    new = [(kind, "") for kind in sorted(set(known) - set(table.column("type")))]
    return replace(table, rows=(*table.rows, *new))


def kubernetes(table: Table, versions: Mapping[str, tuple[str, str]]) -> Table:
    """Kubernetes minors with the days on which EKS ends their support; what EKS no longer lists is kept."""
    newest = table.column("minor")[-1]
    if newest not in versions:
        raise SourceError(f"EKS DescribeClusterVersions: {newest}, the newest known version, is gone")
    oldest = table.column("minor")[0]
    rows = {row[0]: row for row in table.rows}
    for minor, days in versions.items():
        if patch(f"{minor}.0") >= patch(f"{oldest}.0"):
            known = rows.get(minor, (minor, "", ""))[1:]
            rows[minor] = (minor, *(new or old for new, old in zip(days, known, strict=True)))
    return replace(table, rows=tuple(sorted(rows.values(), key=lambda row: patch(f"{row[0]}.0"))))


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
