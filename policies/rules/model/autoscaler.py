"""Finding Cluster Autoscaler in a program, and reading its settings alike from a Helm release and from a Deployment.

A `Chart` component renders its Deployment into the stack, so the Deployment is read and the component is only asked for
its chart version.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError

from . import charts
from .properties import dig, has, mappings, peek, texts, whole
from .stack import CHARTS, DEPLOYMENT, RELEASE, Judged
from .tags import ENABLED, PREFIX, cluster_of

AUTOSCALER_TYPES = (RELEASE, DEPLOYMENT)
CHART_TYPES = (RELEASE, *CHARTS)
ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
DISCOVERY_FLAG = "node-group-auto-discovery"

_REPOSITORY = re.compile(r"(.*/)?cluster-autoscaler(-(amd64|arm64|s390x))?")
_CHART_FILE = re.compile(r"cluster-autoscaler(-\d+\.\d+\.\d+)?(\.tgz)?")
_CLUSTER_NAME_TEMPLATE = re.compile(r"\{\{-?\s*\.Values\.autoDiscovery\.clusterName\s*-?\}\}")

Flags = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Image:
    """A container image: repository, tag and digest, each None where it is not stated."""

    repository: str | None
    tag: str | None
    digest: str | None

    @property
    def minor(self) -> tuple[int, int] | None:
        """Major and minor of the tag, None where no exact version is stated."""
        version = charts.release(self.tag or "")
        return version[:2] if version else None


class Autoscaler(Protocol):
    """Cluster Autoscaler as a program deploys it; any reading may raise `UnknownValueError`."""

    @property
    def stated_image(self) -> Image:
        """Image as the program states it."""

    @property
    def image(self) -> Image:
        """Image that will run, with what the chart fills in."""

    @property
    def chart_version(self) -> str | None:
        """Version of the chart it comes from, None if it comes from none or from an unnamed one."""

    @property
    def replicas(self) -> int:
        """Number of pods."""

    @property
    def priority_class(self) -> str | None:
        """Priority class of the pod."""

    @property
    def flags(self) -> Flags:
        """Values of each flag that the program states, by name without dashes."""

    @property
    def discovery(self) -> tuple[str, ...]:
        """Values of the discovery flag, such as `asg:tag=<key>,<key>`."""

    @property
    def namespace(self) -> str:
        """Namespace of the pod."""

    @property
    def service_account(self) -> str:
        """Name of the pod's service account."""

    @property
    def environment(self) -> tuple[str, ...]:
        """Names of the environment variables that the program gives the container."""


@dataclass(frozen=True)
class HelmAutoscaler:
    """The autoscaler of a `Release` or `Chart`, read from chart values; what they leave out is the chart's default."""

    resource: Judged

    def value(self, *path: str) -> object:
        """Return a chart value, None if it is not given.

        Raises:
            UnknownValueError: It is not known yet, or may be in a values file that the provider has not read.
        """
        found = dig(self.resource.props, "values", *path)
        # The provider merges a Release's files into `values` and drops them before policies see the inputs
        # (helm_release.go of pulumi-kubernetes 4.32); files that are still there were not read.
        if found is None and has(self.resource.props, "valueYamlFiles"):
            raise UnknownValueError(UNKNOWN_STRING_VALUE, ["values", *path])
        return found

    @property
    def stated_image(self) -> Image:
        """Image as the values state it; a digest is a repository that ends in `@sha256` with the hash as the tag."""
        repository, tag = _text(self.value("image", "repository")), _text(self.value("image", "tag"))
        if repository and repository.endswith("@sha256"):
            return Image(repository.removesuffix("@sha256"), None, f"sha256:{tag}")
        return Image(repository, tag, None)

    @property
    def image(self) -> Image:
        """Image as the values state it, with the chart's default tag where they state none."""
        stated = self.stated_image
        if stated.tag or stated.digest:
            return stated
        return Image(stated.repository, charts.default_tag(self.chart_version or ""), None)

    @property
    def chart_version(self) -> str | None:
        """Version given to the release."""
        return _text(dig(self.resource.props, "version"))

    @property
    def replicas(self) -> int:
        """`replicaCount`, 1 by default."""
        return whole(self.value("replicaCount"), 1)

    @property
    def priority_class(self) -> str | None:
        """`priorityClassName`, `system-cluster-critical` by default; an empty text removes it."""
        name = self.value("priorityClassName")
        return "system-cluster-critical" if name is None else _text(name)

    @property
    def flags(self) -> Flags:
        """`extraArgs`, whose keys may end in `_1`, `_2` to repeat a flag."""
        flags: dict[str, tuple[str, ...]] = {}
        for arguments in mappings(self.value("extraArgs")):
            for key, value in arguments.items():
                name = key.partition("_")[0]
                flags[name] = (*flags.get(name, ()), "" if value is None else str(value))
        return flags

    @property
    def discovery(self) -> tuple[str, ...]:
        """What the chart makes of `autoDiscovery`, and the flag itself if `extraArgs` has it."""
        stated = self.flags.get(DISCOVERY_FLAG, ())
        cluster = _text(self.value("autoDiscovery", "clusterName"))
        if not cluster:
            return stated
        named = [_CLUSTER_NAME_TEMPLATE.sub(cluster, tag) for tag in texts(self.value("autoDiscovery", "tags"))]
        return (f"asg:tag={','.join(named or (ENABLED, PREFIX + cluster))}", *stated)

    @property
    def namespace(self) -> str:
        """Namespace of the release."""
        return _text(dig(self.resource.props, "namespace")) or "default"

    @property
    def service_account(self) -> str:
        """`rbac.serviceAccount.name`, else what the chart makes of the release's name."""
        if name := _text(self.value("rbac", "serviceAccount", "name")):
            return name
        if self.value("rbac", "serviceAccount", "create") is False:
            return "default"
        if full_name := _text(self.value("fullnameOverride")):
            return full_name
        release = _text(dig(self.resource.props, "name")) or self.resource.name
        name = _text(self.value("nameOverride")) or "aws-cluster-autoscaler"
        return name if name == release else f"{release}-{name}"

    @property
    def environment(self) -> tuple[str, ...]:
        """Keys of `extraEnv` and `extraEnvSecrets`."""
        groups = (self.value("extraEnv"), self.value("extraEnvSecrets"))
        return tuple(name for group in groups if isinstance(group, Mapping) for name in group)


@dataclass(frozen=True)
class DeployedAutoscaler:
    """The autoscaler of a Deployment, written in the program or rendered by a `Chart` component."""

    resource: Judged

    @property
    def _pod(self) -> object:
        return dig(self.resource.props, "spec", "template", "spec")

    @property
    def _container(self) -> Mapping[str, object]:
        return next(filter(_runs_autoscaler, mappings(dig(self._pod, "containers"))), {})

    @property
    def stated_image(self) -> Image:
        """Image of the container."""
        name, _, digest = (_text(dig(self._container, "image")) or "").partition("@")
        repository, _, tag = _split_tag(name)
        return Image(repository or None, tag or None, digest or None)

    @property
    def image(self) -> Image:
        """Image of the container: nothing fills in what it leaves out."""
        return self.stated_image

    @property
    def chart_version(self) -> str | None:
        """Version in the label `helm.sh/chart`, which charts put on what they render."""
        label = _text(dig(self.resource.props, "metadata", "labels", "helm.sh/chart")) or ""
        return label.removeprefix(f"{charts.CHART}-") if label.startswith(f"{charts.CHART}-") else None

    @property
    def replicas(self) -> int:
        """`spec.replicas`, 1 by default."""
        return whole(dig(self.resource.props, "spec", "replicas"), 1)

    @property
    def priority_class(self) -> str | None:
        """`priorityClassName` of the pod."""
        return _text(dig(self._pod, "priorityClassName"))

    @property
    def flags(self) -> Flags:
        """Flags of `command` and `args`."""
        flags: dict[str, tuple[str, ...]] = {}
        words = (*texts(dig(self._container, "command")), *texts(dig(self._container, "args")))
        for word in words:
            if word.startswith("-"):
                name, _, value = word.lstrip("-").partition("=")
                flags[name] = (*flags.get(name, ()), value)
        return flags

    @property
    def discovery(self) -> tuple[str, ...]:
        """The flag as it stands on the command line."""
        return self.flags.get(DISCOVERY_FLAG, ())

    @property
    def namespace(self) -> str:
        """Namespace of the Deployment."""
        return _text(dig(self.resource.props, "metadata", "namespace")) or "default"

    @property
    def service_account(self) -> str:
        """Service account of the pod."""
        return _text(dig(self._pod, "serviceAccountName")) or _text(dig(self._pod, "serviceAccount")) or "default"

    @property
    def environment(self) -> tuple[str, ...]:
        """Names in the container's `env`."""
        return tuple(str(dig(variable, "name")) for variable in mappings(dig(self._container, "env")))


def autoscaler_in(resource: Judged) -> Autoscaler | None:
    """Return the autoscaler that a resource deploys, None if it deploys something else.

    A resource whose nature is not known yet is taken for something else: no other program part must be held up by it.
    """
    if resource.resource_type in CHART_TYPES:
        return HelmAutoscaler(resource) if is_autoscaler_chart(resource) else None
    try:
        containers = mappings(dig(resource.props, "spec", "template", "spec", "containers"))
        return DeployedAutoscaler(resource) if any(map(_runs_autoscaler, containers)) else None
    except UnknownValueError:
        return None


def is_autoscaler_chart(resource: Judged) -> bool:
    """Return whether a release or chart component installs the chart `cluster-autoscaler`, whatever it is called."""
    reference = peek(resource.props, "chart") or peek(resource.props, "path")
    file = str(reference or "").rstrip("/").rpartition("/")[2]
    return bool(_CHART_FILE.fullmatch(file)) or has(peek(resource.props, "values"), "autoDiscovery")


def discovered_clusters(autoscaler: Autoscaler) -> frozenset[str]:
    """Return the clusters whose discovery tags an autoscaler discovers."""
    keys = (
        tag.partition("=")[0].strip() for flag in autoscaler.discovery for tag in flag.partition("tag=")[2].split(",")
    )
    return frozenset(cluster for cluster in map(cluster_of, keys) if cluster)


def _runs_autoscaler(container: Mapping[str, object]) -> bool:
    image = str(peek(container, "image") or "").partition("@")[0]
    if _REPOSITORY.fullmatch(_split_tag(image)[0]):
        return True
    program = (*texts(dig(container, "command")), "")[0]
    return program.rpartition("/")[2] == "cluster-autoscaler"


def _split_tag(name: str) -> tuple[str, str, str]:
    """Splits an image name at the colon of its tag; a colon before a slash belongs to the registry's port."""
    path, slash, last = name.rpartition("/")
    repository, colon, tag = last.partition(":")
    return f"{path}{slash}{repository}", colon, tag


def _text(value: object) -> str | None:
    return str(value) if value not in (None, "") else None
