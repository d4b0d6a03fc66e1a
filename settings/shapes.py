"""What may be set, and of which type: one dataclass for each tree of an environment's file."""

from collections.abc import Iterator
from dataclasses import MISSING, field, fields, is_dataclass
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from pydantic import BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass

from components import network
from components.autoscaler_role import IRSA

_SHAPE = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True)


def _flag_value(value: object) -> object:
    """YAML's own scalars are welcome as flag values: they become what the command line takes."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    return value


FlagValue = Annotated[str, BeforeValidator(_flag_value)]


@dataclass(frozen=True, config=_SHAPE)
class Network:
    """A VPC of its own for a created cluster."""

    zones: list[str]
    cidr: str = network.DEFAULT_CIDR
    nat_per_zone: bool = False


@dataclass(frozen=True, config=_SHAPE)
class Creation:
    """How a cluster is created."""

    kubernetes_version: str
    network: Network | None = None
    vpc_id: str | None = None
    private_subnet_ids: list[str] | None = None
    public_subnet_ids: list[str] | None = None
    public_access_cidrs: list[str] | None = None
    admin_principal_arns: list[str] | None = None


@dataclass(frozen=True, config=_SHAPE)
class Cluster:
    """Which cluster: adopted by name, created under that name, or named by another stack."""

    name: str | None = None
    create: Creation | None = None
    stack: str | None = None
    stack_output: str = "clusterName"


@dataclass(frozen=True, config=_SHAPE)
class Taint:
    """A taint of a node group."""

    key: str
    effect: str
    value: str | None = None


@dataclass(frozen=True, config=_SHAPE)
class Gpu:
    """GPUs of a node group."""

    accelerator: str
    count: int | None = None
    resource: str | None = None


@dataclass(frozen=True, config=_SHAPE)
class UpdateSettings:
    """How many nodes an update may take away at once."""

    max_unavailable: int | None = None
    max_unavailable_percentage: int | None = None


@dataclass(frozen=True, config=_SHAPE)
class NodeGroup:
    """A managed node group to be made."""

    name: str
    min_size: int
    max_size: int
    desired_size: int | None = None
    subnet_ids: list[str] | None = None
    one_per_zone: bool = False
    instance_types: list[str] | None = None
    capacity_type: str | None = None
    ami_type: str | None = None
    disk_size_gib: int | None = None
    labels: dict[str, str] | None = None
    taints: list[Taint] | None = None
    gpu: Gpu | None = None
    resources: dict[str, str] | None = None
    autoscaling_options: dict[str, FlagValue] | None = None
    update_settings: UpdateSettings | None = None
    kubernetes_version: str | None = None
    node_role_arn: str | None = None
    hop_limit: int | None = None


@dataclass(frozen=True, config=_SHAPE)
class ExistingNodeGroup:
    """A managed node group that somebody else made."""

    name: str
    labels: dict[str, str] | None = None
    taints: list[Taint] | None = None
    resources: dict[str, str] | None = None
    autoscaling_options: dict[str, FlagValue] | None = None


@dataclass(frozen=True, config=_SHAPE)
class OidcProvider:
    """The account's OIDC provider for the cluster, where it is there already."""

    existing_arn: str | None = None
    look_up: bool = False


@dataclass(frozen=True, config=_SHAPE)
class Role:
    """Names and limits of the IAM roles and the policy."""

    permissions_boundary_arn: str | None = None
    path: str | None = None
    name_prefix: str | None = None


@dataclass(frozen=True, config=_SHAPE)
class PodIdentity:
    """EKS Pod Identity."""

    install_agent: bool = True


@dataclass(frozen=True, config=_SHAPE)
class Chart:
    """Source of the chart."""

    version: str | None = None
    repository: str | None = None
    location: str | None = None


@dataclass(frozen=True, config=_SHAPE)
class Image:
    """Source of the image."""

    repository: str | None = None
    tag: str | None = None


@dataclass(frozen=True, config=_SHAPE)
class Toleration:
    """A toleration of the autoscaler's pods."""

    key: str | None = None
    operator: str | None = None
    value: str | None = None
    effect: str | None = None


@dataclass(frozen=True, config=_SHAPE)
class PodResources:
    """What one replica asks for."""

    cpu: str | None = None
    memory: str | None = None


@dataclass(frozen=True, config=_SHAPE)
class ServiceMonitor:
    """A ServiceMonitor for the Prometheus operator."""

    namespace: str | None = None
    interval: str | None = None
    labels: dict[str, str] | None = None


@dataclass(frozen=True, config=_SHAPE)
class Autoscaler:
    """Source, version and behaviour of Cluster Autoscaler."""

    namespace: str | None = None
    service_account: str | None = None
    chart: Chart | None = None
    image: Image | None = None
    balance_similar_node_groups: bool | None = None
    skip_nodes_with_system_pods: bool | None = None
    scale_down_unneeded_time: str | None = None
    scale_down_delay_after_add: str | None = None
    expander: str | None = None
    expander_priorities: dict[str, list[str]] | None = None
    flags: dict[str, FlagValue] | None = None
    replicas: int | None = None
    min_available: int | None = None
    resources: PodResources | None = None
    priority_class_name: str | None = None
    service_monitor: ServiceMonitor | None = None
    tolerations: list[Toleration] | None = None
    node_selector: dict[str, str] | None = None
    pod_annotations: dict[str, str] | None = None
    timeout_seconds: int | None = None
    values: dict[str, Any] | None = None


@dataclass(frozen=True, config=_SHAPE)
class Settings:
    """All settings of one environment; ``Pulumi.yaml`` says what each means."""

    region: str
    cluster: Cluster
    account_id: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    credentials: str = IRSA
    node_groups: list[NodeGroup] = field(default_factory=list)
    existing_node_groups: list[ExistingNodeGroup] = field(default_factory=list)
    oidc_provider: OidcProvider = OidcProvider()
    role: Role = Role()
    pod_identity: PodIdentity = PodIdentity()
    autoscaler: Autoscaler = Autoscaler()


class Key(NamedTuple):
    """One key that may be set.

    Attributes:
        kind: Its type, as annotated.
        default: What it is when it is left out; ``MISSING`` where it may not be.
    """

    kind: Any
    default: object


def known_keys(shape: Any = Settings, above: str = "") -> dict[str, Key]:
    """Every key that may be set, the trees' own after them, by path: ``nodeGroups[].taints[].key``."""
    found = {}
    kinds = get_type_hints(shape)
    for each in fields(shape):
        path = f"{above}{to_camel(each.name)}"
        kind = kinds[each.name]
        default = each.default if each.default_factory is MISSING else each.default_factory()
        found[path] = Key(kind, default)
        for tree, marks in _trees(kind):
            found |= known_keys(tree, f"{path}{marks}.")
    return found


def _trees(kind: Any, marks: str = "") -> Iterator[tuple[Any, str]]:
    """The shapes that a type names, with ``[]`` for each list around them."""
    if is_dataclass(kind):
        yield kind, marks
    for part in get_args(kind):
        yield from _trees(part, f"{marks}[]" if get_origin(kind) is list else marks)


STRUCTURED = tuple(to_camel(f.name) for f in fields(Settings) if f.name not in ("region", "account_id", "credentials"))
"""Keys whose value is a tree, which Pulumi hands over as JSON."""
