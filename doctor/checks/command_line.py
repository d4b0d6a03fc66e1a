"""First link, second part: the flags exist, agree, and point at this cluster's groups and region."""

from collections.abc import Iterator, Sequence

from .._shared import compatibility, discovery, flag_needs, flags, versions
from ..arguments import DISCOVERY_FLAG, PROCESS_FLAGS, discovery_fault, parse_static_groups
from ..case import Case
from ..facts import Deployment, Node, Source
from ..findings import Finding, Link, RuleBook
from ..readings import Unreadable
from .wording import number

BOOK = RuleBook(Link.POD)

FLAGS = BOOK.rule(
    "flags",
    "The flags exist, are well-formed and agree",
    "The autoscaler exits on a flag that it does not know, and Kubernetes restarts it indefinitely.",
)
DISCOVERY = BOOK.rule(
    "discovery-flag",
    "The discovery flag matches the cluster's groups",
    "With a flag that matches no group the autoscaler idles without an error; one space is enough.",
)
REGION = BOOK.rule(
    "region",
    "AWS_REGION is the cluster's region",
    "From 1.35 on the autoscaler no longer asks the node for its region; in a wrong region it finds no groups.",
)
BALANCING = BOOK.rule(
    "balancing",
    "Groups that differ only in their zone count as similar",
    "Groups are balanced only when the labels of their nodes match; otherwise one zone grows alone.",
)
LAUNCH_TEMPLATE_LABELS = (
    "eks.amazonaws.com/sourceLaunchTemplateId",
    "eks.amazonaws.com/sourceLaunchTemplateVersion",
)
"""Labels that EKS gives the nodes of a group with its own launch template; the autoscaler does not ignore them."""

_IGNORED_BY_ITSELF = frozenset(
    {
        "alpha.eksctl.io/instance-id",
        "alpha.eksctl.io/nodegroup-name",
        "eks.amazonaws.com/nodegroup",
        "failure-domain.beta.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "k8s.amazonaws.com/eniConfig",
        "kops.k8s.io/instancegroup",
        "kubernetes.io/hostname",
        "lifecycle",
        "topology.ebs.csi.aws.com/zone",
        "topology.k8s.aws/zone-id",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
    }
)
"""Labels that it ignores when it compares groups (``balancing_similar_node_groups`` of the AWS provider)."""


def check(case: Case, _: Sequence[Finding]) -> Iterator[Finding]:
    """Look at the command line."""
    if case.deployment is None:
        return
    yield from _flags(case)
    yield _discovery(case)
    yield _region(case, case.deployment)
    yield from _balancing(case)


def _flags(case: Case) -> Iterator[Finding]:
    faults = list(_flag_faults(case))
    for seen, expected, fix in faults:
        yield FLAGS.broken(seen, expected, fix)
    disagreements = list(_disagreements(case))
    for seen, expected, fix in disagreements:
        yield FLAGS.warning(seen, expected, fix)
    if not faults and not disagreements:
        yield FLAGS.ok(f"All {number(len(case.arguments.values), 'flag')} exist in this version and are well-formed.")


def _flag_faults(case: Case) -> Iterator[tuple[str, str, str]]:
    """Flags on which it ends: seen, expected, fix."""
    given = case.arguments
    for flag, values in given.values.items():
        if flag in PROCESS_FLAGS:
            continue
        for value in values:
            if fault := flags.command_line_fault(flag, value, case.minor, known=_is_known(case)):
                removed = flag not in flags.table() or case.minor not in flags.table()[flag][1]
                yield f"--{flag}={value}: {fault.got}.", fault.expected, _mend_flag(case, flag, value, removed)
    yield from _unmet_needs(case)
    for fault in flags.expander_faults(given.get("expander")) if "expander" in given.values else ():
        tidy = ",".join(name.strip() for name in given.get("expander").split(","))
        value = tidy if tidy != given.get("expander") and not flags.expander_faults(tidy) else "least-waste"
        yield f"--expander={given.get('expander')}: {fault.got}.", fault.expected, case.mender.flag("expander", value)
    if "balancing-label" in given.values and "balancing-ignore-label" in given.values:
        yield (
            "--balancing-label and --balancing-ignore-label are both given.",
            "one of them",
            case.mender.flag("balancing-ignore-label", None),
        )
    for malformed in parse_static_groups(given.values.get("nodes", ()))[1]:
        yield f"--nodes={malformed}.", "--nodes=<min>:<max>:<group>", case.mender.flag("nodes", "MIN:MAX:GROUP")


def _is_known(case: Case) -> bool:
    return case.image is None or compatibility.is_known(case.image)


def _unmet_needs(case: Case) -> Iterator[tuple[str, str, str]]:
    """Flags that make the autoscaler wait for what the cluster does not serve: seen, expected, fix."""
    served, given = case.snapshot.kubernetes.api_groups, case.arguments
    if case.image is None:
        return
    for need in flag_needs.needs(given.last, case.image[:2]):
        if need.definition and not isinstance(served, Unreadable) and need.group not in served:
            yield (
                f"--{need.flag}={given.get(need.flag)}: the cluster does not serve {need.name}, and the autoscaler "
                "waits for it before its first loop, indefinitely.",
                f"the CustomResourceDefinition {need.name}, or no such flag",
                case.mender.flag(need.flag, None),
            )
    if flag_needs.needs_json(given.last, case.image):
        name = flag_needs.CONTENT_TYPE_FLAG
        yield (
            f"--{name}={given.get(name) or 'application/vnd.kubernetes.protobuf'}: no custom resource is served in "
            "protobuf, and the autoscaler waits for capacity buffers before its first loop, indefinitely.",
            f"--{name}={flag_needs.JSON}, or Cluster Autoscaler {versions.dotted(flag_needs.JSON_FLOOR)} or later",
            case.mender.flag(name, flag_needs.JSON),
        )


def _mend_flag(case: Case, flag: str, value: str, removed: bool) -> str:
    if flag == "enable-dynamic-resource-allocation":
        return case.mender.flag(flag, None)
    if removed:
        return case.mender.flag(flag, None)
    return case.mender.flag(flag, "VALUE")


def _disagreements(case: Case) -> Iterator[tuple[str, str, str]]:
    """Flags that work, though hardly as meant: seen, expected, fix."""
    given = case.arguments
    newer = {flag: value for flag, value in given.last.items() if flag not in PROCESS_FLAGS}
    for warning in flags.flag_warnings(newer, known=_is_known(case)):
        flag = warning.removeprefix("flags.").partition(":")[0]
        yield f"--{warning.removeprefix('flags.')}", "a flag that this image has", case.mender.flag(flag, None)
    if not given.is_true("scale-down-enabled", default=True):
        yield (
            "--scale-down-enabled=false: no node is ever given back.",
            "scale-down enabled",
            case.mender.flag("scale-down-enabled", None),
        )
    if not given.is_true("write-status-configmap", default=True):
        yield (
            "--write-status-configmap=false: it does not say how it fares.",
            "the status ConfigMap",
            case.mender.flag("write-status-configmap", None),
        )
    if "nodes" in given.values and DISCOVERY_FLAG in given.values:
        yield (
            "--nodes and --node-group-auto-discovery are both given; sizes in --nodes win over the groups' own.",
            "one of them",
            case.mender.values({"autoscalingGroups": "null"}),
        )


def _discovery(case: Case) -> Finding:
    name = case.snapshot.cluster_name
    wanted = discovery.discovery_flag(name)
    given = case.discovery
    mend = case.mender.values({"autoDiscovery.clusterName": name, "autoDiscovery.tags": "null"})
    if DISCOVERY_FLAG not in case.arguments.values:
        if case.static_groups:
            return DISCOVERY.ok(f"Groups by --nodes: {', '.join(group.name for group in case.static_groups)}.")
        return DISCOVERY.broken("Neither --node-group-auto-discovery nor --nodes is given.", wanted, mend)
    said = " ".join(case.arguments.values[DISCOVERY_FLAG])
    fault = discovery_fault(given, name)
    if fault:
        return DISCOVERY.broken(f"--{DISCOVERY_FLAG}={said!r}: {fault}.", wanted, mend)
    if not any(name in key for key in given.tags) and not any(name in (value or "") for value in given.tags.values()):
        return DISCOVERY.warning(
            f"The flag discovers by {', '.join(given.tags)}: that finds the groups of every cluster in the region.",
            wanted,
            mend,
        )
    return DISCOVERY.ok(f"--{DISCOVERY_FLAG}={said}.")


def _region(case: Case, deployment: Deployment) -> Finding:
    region = case.snapshot.region
    mend = case.mender.values({"awsRegion": region})
    environment = case.pods[0].environment if case.pods else deployment.environment
    given = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if given and given != region:
        return REGION.broken(f"The pod has the region {given}; the cluster is in {region}.", region, mend)
    if given:
        return REGION.ok(f"The pod has the region {given}.")
    asks_node = case.minor is not None and case.minor < (1, 35)
    injected = not case.pods and case.source in (Source.IRSA, Source.POD_IDENTITY)
    if injected:
        return REGION.ok("The pod gets the region together with its credentials.")
    if asks_node:
        return REGION.warning(
            "The pod has no AWS_REGION; this version asks the node, versions from 1.35 on do not.",
            f"AWS_REGION={region}",
            mend,
        )
    return REGION.broken(
        "The pod has no AWS_REGION, and this version has no other source.", f"AWS_REGION={region}", mend
    )


def _balancing(case: Case) -> Iterator[Finding]:
    nodes = case.snapshot.kubernetes.nodes
    if not case.arguments.is_true("balance-similar-node-groups") or "balancing-label" in case.arguments.values:
        return
    if isinstance(nodes, Unreadable):
        yield BALANCING.unread(nodes)
        return
    differing = _labels_that_part(nodes, set(case.arguments.values.get("balancing-ignore-label", ())))
    if not differing:
        yield BALANCING.ok("No label of a launch template keeps groups from being balanced.")
        return
    mends = [case.mender.flag(f"balancing-ignore-label_{number}", label) for number, label in enumerate(differing, 1)]
    yield BALANCING.warning(
        f"Nodes of different groups differ only in {', '.join(differing)}, which is not ignored.",
        " ".join(f"--balancing-ignore-label={label}" for label in differing),
        " && ".join(mends),
    )


def _labels_that_part(nodes: tuple[Node, ...], ignored: set[str]) -> list[str]:
    """The labels of launch templates that are all that parts some nodes from others."""
    set_aside = {*_IGNORED_BY_ITSELF, *LAUNCH_TEMPLATE_LABELS, *ignored}
    alike: dict[frozenset[tuple[str, str]], list[Node]] = {}
    for node in nodes:
        kind = frozenset((label, value) for label, value in node.labels.items() if label not in set_aside)
        alike.setdefault(kind, []).append(node)
    return [
        label
        for label in LAUNCH_TEMPLATE_LABELS
        if label not in ignored and any(len({node.labels.get(label) for node in kin}) > 1 for kin in alike.values())
    ]
