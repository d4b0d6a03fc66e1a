"""Settings of one environment: from Pulumi config to frozen dataclasses, every fault reported at once.

The only reader of Pulumi config. Shapes and types are checked here; what the values mean is checked by the same
functions that the components use, so that a fault is found before any resource is registered.
"""

import difflib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, field, fields, is_dataclass
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import BeforeValidator, ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails

from components import (
    cluster,
    cluster_autoscaler,
    existing_node_group,
    network,
    node_group,
    node_role,
    oidc_provider,
    validation,
)
from components.autoscaler_role import IRSA, NODE_ROLE
from components.errors import raise_if_any
from components.faults import Fault
from components.versions import dotted, parse_minor

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


_LATER = object()
"""Stands for a value that only the cluster gives; the components' rules pass over what is not plain."""

STRUCTURED = tuple(to_camel(f.name) for f in fields(Settings) if f.name not in ("region", "account_id", "credentials"))
"""Keys whose value is a tree, which Pulumi hands over as JSON."""


def load(project: str | None = None) -> Settings:
    """Read the settings of the stack at hand.

    Raises:
        FaultsError: With every fault: unknown keys, wrong types, and values that do not fit together.
    """
    namespace = f"{project or pulumi.get_project()}:"
    # pulumi.Config answers for one key at a time; an unknown key is only found by looking at them all.
    known: Mapping[str, str] = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    return parse({key.removeprefix(namespace): value for key, value in known.items() if key.startswith(namespace)})


def parse(config: Mapping[str, str]) -> Settings:
    """Turn config values, as Pulumi hands them over, into settings.

    Raises:
        FaultsError: With every fault.
    """
    raw: dict[str, Any] = {}
    found: list[Fault] = []
    for key, value in config.items():
        try:
            raw[key] = json.loads(value) if key in STRUCTURED else value
        except ValueError:
            found.append(Fault(key, repr(value), "an object or a list (pulumi config set --path, or YAML in the file)"))
    broken: list[_Place] = [(fault.path,) for fault in found]
    try:
        settings = _shaped(raw)
    except ValidationError as error:
        errors = [each for each in error.errors() if each["loc"] not in broken]
        found += map(_fault, errors)
        broken += [each["loc"] for each in errors]
    raise_if_any("settings", [*found, *(_faults_beside(raw, broken) if broken else faults(settings))])
    return settings


_Place = tuple[int | str, ...]
"""Where something stands, as pydantic tells it: ``("nodeGroups", 0, "minSize")``."""


def _shaped(raw: Mapping[str, Any]) -> Settings:
    settings: Settings = TypeAdapter(Settings).validate_json(json.dumps(raw))
    return settings


_EITHER: tuple[Mapping[str, Any], Mapping[str, Any]] = (
    {
        "region": "us-east-1",
        "cluster": {"name": "one"},
        "nodeGroups[]": {"name": "one", "minSize": 0, "maxSize": 1},
        "existingNodeGroups[]": {"name": "one"},
    },
    {
        "region": "eu-west-1",
        "cluster": {
            "name": "another",
            "create": {"kubernetesVersion": "1.36", "network": {"zones": ["eu-west-1a", "eu-west-1b"]}},
        },
        "nodeGroups": [{"name": "another", "minSize": 0, "maxSize": 1}],
        "nodeGroups[]": {"name": "another", "minSize": 0, "maxSize": 1},
        "existingNodeGroups": [{"name": "another"}],
        "existingNodeGroups[]": {"name": "another"},
    },
)
"""What stands in for that whose shape is broken, twice with nothing in common; a key that is not here is left out.

A fault that is found with either is a fault of the rest, not of what stands in.
"""


def _faults_beside(raw: Mapping[str, Any], broken: Iterable[_Place]) -> list[Fault]:
    """What is wrong with the values of the rest, whatever the broken keys and items of lists were meant to be."""
    one, another = (faults(_shaped(_replaced(raw, broken, stand_ins))) for stand_ins in _EITHER)
    return [fault for fault in one if fault in another]


def _replaced(raw: Mapping[str, Any], broken: Iterable[_Place], stand_ins: Mapping[Any, Any]) -> dict[str, Any]:
    mended: dict[Any, Any] = {key: list(value) if isinstance(value, list) else value for key, value in raw.items()}
    for key, *inside in broken:
        if inside and f"{key}[]" in stand_ins:
            mended[key][inside[0]] = stand_ins[f"{key}[]"]
        elif key in stand_ins:
            mended[key] = stand_ins[key]
        else:
            mended.pop(key, None)
    return mended


def faults(settings: Settings) -> list[Fault]:
    """What is wrong with the values, found by the components' own rules."""
    found = [
        *validation.region("region", settings.region),
        *_account_faults(settings.account_id),
        *validation.tags("tags", settings.tags),
        *_cluster_faults(settings.cluster),
        *_zone_faults(settings),
        *_autoscaler_faults(settings),
    ]
    for key, groups in (("nodeGroups", settings.node_groups), ("existingNodeGroups", settings.existing_node_groups)):
        uses = Counter(group.name for group in groups)
        found += [Fault(key, f"the name {name} twice", "each name once") for name, count in uses.items() if count > 1]
    for index, group in enumerate(settings.node_groups):
        where = f"nodeGroups[{index}]"
        found += [fault.under(where) for fault in _node_group_faults(settings, group)]
    for index, existing in enumerate(settings.existing_node_groups):
        arguments = existing_arguments(existing, _cluster_name(settings.cluster))
        path = f"existingNodeGroups[{index}]"
        found += [_of_existing(fault).under(path) for fault in existing_node_group.faults(arguments)]
    if settings.autoscaler.balance_similar_node_groups is False and any(g.one_per_zone for g in settings.node_groups):
        found.append(
            Fault(
                "autoscaler.balanceSimilarNodeGroups",
                "false beside onePerZone",
                "true, or none: without balancing all nodes of such groups may end in one zone",
            )
        )
    if settings.credentials == NODE_ROLE and not (settings.node_groups or settings.existing_node_groups):
        found.append(
            Fault(
                "credentials",
                NODE_ROLE,
                "a node group beside it, in nodeGroups or existingNodeGroups: its role gets the policy",
            )
        )
    return found


def network_arguments(wished: Network, cluster_name: str) -> network.ClusterNetworkArgs:
    """Arguments of ``ClusterNetwork``."""
    return _arguments(wished, cluster_name=cluster_name)  # type: ignore[no-any-return]


def creation_arguments(wished: Creation, **given: object) -> cluster.ClusterCreation:
    """Arguments of ``EksCluster`` for a cluster to create; ``given`` holds the subnets of a network made for it."""
    arguments = _arguments(wished, **given)
    arguments.pop("network", None)
    return arguments  # type: ignore[no-any-return]


def node_group_arguments(settings: Settings, group: NodeGroup, **given: object) -> node_group.ManagedNodeGroupArgs:
    """Arguments of ``ManagedNodeGroup``; ``given`` holds what only the cluster knows, its version and subnets."""
    own = _arguments(group)
    for key in ("name", "one_per_zone", "subnet_ids"):
        own.pop(key, None)
    # In the other modes pods must not reach the node's role at all, but while a stack leaves nodeRole they must.
    own.setdefault("hop_limit", 2 if settings.credentials == NODE_ROLE else 1)
    arguments: Any = {**given, **own}
    return arguments  # type: ignore[no-any-return]


def role_arguments(settings: Settings) -> node_role.RoleArgs:
    """Arguments of every component that makes a role: what the account asks of it."""
    return _arguments(settings.role)  # type: ignore[no-any-return]


def existing_arguments(
    group: ExistingNodeGroup, cluster_name: pulumi.Input[str]
) -> existing_node_group.ExistingNodeGroupArgs:
    """Arguments of ``ExistingNodeGroup``."""
    arguments = _arguments(group, cluster_name=cluster_name)
    arguments["node_group_name"] = arguments.pop("name")
    return arguments  # type: ignore[no-any-return]


def oidc_provider_arguments(settings: Settings, issuer: pulumi.Input[str]) -> oidc_provider.ClusterOidcProviderArgs:
    """Arguments of ``ClusterOidcProvider``."""
    return _arguments(settings.oidc_provider, issuer=issuer)  # type: ignore[no-any-return]


def autoscaler_arguments(settings: Settings, **given: object) -> cluster_autoscaler.ClusterAutoscalerArgs:
    """Arguments of ``ClusterAutoscaler``; ``given`` holds what only cluster, OIDC provider and node groups know."""
    behaviour = _arguments(settings.autoscaler)
    own = ("namespace", "service_account", "chart", "image", "timeout_seconds", "values")
    arguments: Any = {
        **role_arguments(settings),
        **{key: behaviour.pop(key) for key in own if key in behaviour},
        "credentials": settings.credentials,
        "install_agent": settings.pod_identity.install_agent,
        "settings": behaviour,
        "tainted_from_zero": any(group.taints and group.min_size == 0 for group in settings.node_groups),
        **given,
    }
    return arguments  # type: ignore[no-any-return]


def _arguments(wished: object, **given: object) -> Any:
    """A settings object as arguments of a component: a plain dict, without what was not given."""
    if isinstance(wished, list):
        return [_arguments(item) for item in wished]
    if not is_dataclass(wished):
        return wished
    own = {f.name: value for f in fields(wished) if (value := getattr(wished, f.name)) is not None}
    return {**{key: _arguments(value) for key, value in own.items()}, **given}


def _account_faults(account_id: str) -> list[Fault]:
    if not account_id or (account_id.isdigit() and len(account_id) == 12):
        return []
    return [Fault("accountId", repr(account_id), "an AWS account ID of twelve digits")]


def _cluster_faults(given: Cluster) -> list[Fault]:
    found = []
    if (given.name is None) == (given.stack is None):
        got = "neither name nor stack" if given.name is None else "both name and stack"
        found.append(
            Fault("cluster", got, "name, of the cluster to adopt or create, or stack, of which an output names it")
        )
    if given.create is not None and given.name is None:
        found.append(Fault("cluster.create", "create without name", "the name of the cluster to create"))
    if given.stack == "":
        found.append(Fault("cluster.stack", "''", "the stack whose output names the cluster"))
    name = "unknown" if given.name is None else given.name
    if given.create is None:
        return [*found, *(f.under("cluster") for f in cluster.faults({"name": name}))]
    create = given.create
    own = (create.vpc_id, create.private_subnet_ids, create.public_subnet_ids)
    if create.network is not None and own != (None, None, None):
        found.append(
            Fault(
                "cluster.create",
                "both network and vpcId or subnets",
                "network, to make one, or vpcId with privateSubnetIds",
            )
        )
    if create.network is None and None in own[:2]:
        found.append(Fault("cluster.create", "no network", "network, to make one, or vpcId with privateSubnetIds"))
    if create.network is not None:
        arguments = network_arguments(create.network, _cluster_name(given))
        found += [f.under("cluster.create.network") for f in network.faults(arguments)]
    planned = {"vpc_id": _LATER, "private_subnet_ids": [_LATER, _LATER]}
    creation: Any = {**planned, **creation_arguments(create)}
    return [*found, *(f.under("cluster") for f in cluster.faults({"name": name, "create": creation}))]


def _zone_faults(settings: Settings) -> list[Fault]:
    create = settings.cluster.create
    if create is None or create.network is None or validation.region("region", settings.region):
        return []
    return validation.zones_of(settings.region, "cluster.create.network.zones", create.network.zones)


def _cluster_name(given: Cluster) -> str:
    """The cluster's name, or a stand-in where another stack tells it, or where its fault is told already."""
    return _sound(given.name or "", validation.cluster_name, "unknown")


def _sound(value: str, rule: Callable[[str, str], list[Fault]], stand_in: str) -> str:
    return stand_in if rule("", value) else value


def _node_group_faults(settings: Settings, group: NodeGroup) -> list[Fault]:
    found = []
    makes_network = settings.cluster.create is not None and settings.cluster.create.network is not None
    if group.one_per_zone and not (group.subnet_ids or makes_network):
        found.append(
            Fault(
                "subnetIds", "none beside onePerZone", "the subnets, for the number of groups must be known at preview"
            )
        )
    found += validation.node_group_name("name", group.name, most=40)
    created = settings.cluster.create and parse_minor(settings.cluster.create.kubernetes_version)
    wished = parse_minor(group.kubernetes_version or "")
    if created and wished and wished > created:
        expected = f"{dotted(created)}, the cluster's, at most: nodes may be older, not newer"
        found.append(Fault("kubernetesVersion", repr(group.kubernetes_version), expected))
    if settings.credentials == NODE_ROLE and group.hop_limit == 1:
        found.append(Fault("hopLimit", "1 with credentials nodeRole", "2, or none: no pod could reach the node's role"))
    arguments = node_group_arguments(
        settings,
        group,
        cluster_name=_cluster_name(settings.cluster),
        subnet_ids=group.subnet_ids if group.subnet_ids is not None else [_LATER],
    )
    # The boundary is the role's in the settings, and told there.
    return [*found, *(f for f in node_group.faults(arguments) if f.path != "permissionsBoundaryArn")]


def _autoscaler_faults(settings: Settings) -> list[Fault]:
    create = settings.cluster.create
    name = _cluster_name(settings.cluster)
    misspelt = create and validation.kubernetes_version("", create.kubernetes_version)
    region = _sound(settings.region, validation.region, "us-east-1")
    arguments = autoscaler_arguments(
        settings,
        cluster_arn=f"arn:aws:eks:{region}:000000000000:cluster/{name}",
        cluster_name=name,
        oidc_provider_arn=_LATER,
        oidc_issuer=_LATER,
        node_role_names={"nodes": _LATER},
        kubernetes_version=_LATER if create is None or misspelt else create.kubernetes_version,
    )
    provider = oidc_provider.faults(oidc_provider_arguments(settings, ""))
    return [
        *(fault.under("oidcProvider") for fault in provider),
        *(_at_home(fault) for fault in cluster_autoscaler.faults(arguments)),
    ]


def _of_existing(fault: Fault) -> Fault:
    """The same fault under the key that the settings have for the argument."""
    return fault._replace(path="name") if fault.path == "nodeGroupName" else fault


def _at_home(fault: Fault) -> Fault:
    """The same fault under the key that holds the value in the stack's file."""
    if fault.path == "credentials" or fault.path.startswith("region"):
        return fault
    if fault.path == "kubernetesVersion":
        return fault.under("cluster.create")
    if fault.path in ("permissionsBoundaryArn", "path", "namePrefix"):
        return fault.under("role")
    return fault._replace(path=fault.path.removeprefix("settings.")).under("autoscaler")


def _fault(error: ErrorDetails) -> Fault:
    """One error of pydantic in this project's words: the key's path, what was given, what was expected."""
    path = _path(error["loc"])
    if error["type"] == "missing":
        return Fault(path, "nothing", "a value: this key is required")
    if error["type"] == "unexpected_keyword_argument":
        return Fault(path, "an unknown key", _nearest(str(error["loc"][-1]), _place(error["loc"][:-1])))
    expected = error["msg"].removeprefix("Input should be ")
    got = json.dumps(error["input"], default=str)
    if error["type"] == "string_type" and isinstance(error["input"], int | float):
        expected = f'a string: write "{got}" in quotes'
    if error["type"] == "dataclass_type":
        expected = "an object with keys of its own"
    return Fault(path, got if len(got) <= 80 else f"{got[:77]}...", expected)


def _path(location: tuple[int | str, ...]) -> str:
    path = Fault("", "", "")
    for part in reversed(location):
        path = path.under(f"[{part}]" if isinstance(part, int) else part)
    return path.path


def _place(location: tuple[int | str, ...]) -> str:
    """The path as :func:`known_keys` writes it, whichever item of a list it is in."""
    return re.sub(r"\[\d+\]", "[]", _path(location))


def _nearest(key: str, place: str) -> str:
    """Hint at the known key that was probably meant: one of those at that very place, else one of another place."""
    known = [path.rpartition(".") for path in known_keys()]
    here = {name: name for above, _, name in known if above == place}
    elsewhere = {name: f"{above}.{name}" if above else name for above, _, name in reversed(known)}
    for candidates in (here, elsewhere):
        if near := difflib.get_close_matches(key, candidates, n=1):
            return f"a known key; did you mean {candidates[near[0]]}?"
    return "a known key; see Pulumi.yaml"
