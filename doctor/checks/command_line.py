"""First link, second part: the flags exist, agree, and match this cluster's groups and region."""

from collections.abc import Iterator, Sequence

from .._shared import compatibility, discovery, flag_needs, flags, versions
from ..arguments import DISCOVERY_FLAG, PROCESS_FLAGS, discovery_fault, parse_static_groups
from ..case import Case
from ..facts import Deployment, Node, Source
from ..findings import Finding
from ..readings import Unreadable
from ..rules import pod as rules
from .wording import number

LAUNCH_TEMPLATE_LABELS = (
    "eks.amazonaws.com/sourceLaunchTemplateId",
    "eks.amazonaws.com/sourceLaunchTemplateVersion",
)
"""Labels that EKS adds to nodes of a group with a custom launch template; the autoscaler does not ignore them."""

_IGNORED_BY_DEFAULT = frozenset(
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
"""Labels that the autoscaler ignores when it compares groups (AWS provider, ``balancing_similar_node_groups``)."""


def check(case: Case, _: Sequence[Finding]) -> Iterator[Finding]:
    """Check the command line."""
    if case.deployment is None:
        return
    yield from _flags(case)
    yield _discovery(case)
    yield _region(case, case.deployment)
    yield from _balancing(case)


def _flags(case: Case) -> Iterator[Finding]:
    faults = list(_flag_faults(case))
    for seen, expected, fix in faults:
        yield rules.FLAGS.broken(seen, expected, fix)
    disagreements = list(_disagreements(case))
    for seen, expected, fix in disagreements:
        yield rules.FLAGS.warning(seen, expected, fix)
    if not faults and not disagreements:
        yield rules.FLAGS.ok(
            f"The autoscaler has {number(len(case.arguments.values), 'flag')}; each exists in this version and is "
            "well-formed."
        )


def _flag_faults(case: Case) -> Iterator[tuple[str, str, str]]:
    """Flags on which the autoscaler exits: seen, expected, fix."""
    given = case.arguments
    for flag, values in given.values.items():
        if flag in PROCESS_FLAGS and flag not in flags.LIBRARY_FLAGS:
            continue
        for value in values:
            if fault := flags.command_line_fault(flag, value, case.minor, known=_is_known(case)):
                known = flag in flags.LIBRARY_FLAGS or case.minor in flags.table().get(flag, ("", {}))[1]
                yield f"--{flag}={value}: {fault.got}.", fault.expected, _fix_flag(case, flag, not known)
    yield from _unmet_needs(case)
    for fault in flags.expander_faults(given.get("expander")) if "expander" in given.values else ():
        tidy = ",".join(name.strip() for name in given.get("expander").split(","))
        value = tidy if tidy != given.get("expander") and not flags.expander_faults(tidy) else "least-waste"
        yield f"--expander={given.get('expander')}: {fault.got}.", fault.expected, case.fixer.flag("expander", value)
    if "balancing-label" in given.values and "balancing-ignore-label" in given.values:
        yield (
            "--balancing-label and --balancing-ignore-label are both set.",
            "one of the two flags",
            case.fixer.flag("balancing-ignore-label", None),
        )
    for malformed in parse_static_groups(given.values.get("nodes", ()))[1]:
        yield f"--nodes={malformed} is malformed.", "--nodes=<min>:<max>:<group>", _correct(case, "nodes")


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
                case.fixer.flag(need.flag, None),
            )
    if flag_needs.needs_json(given.last, case.image):
        name = flag_needs.CONTENT_TYPE_FLAG
        yield (
            f"--{name}={given.get(name) or 'application/vnd.kubernetes.protobuf'}: no custom resource is served in "
            "protobuf, and the autoscaler waits for capacity buffers before its first loop, indefinitely.",
            f"--{name}={flag_needs.JSON}, or Cluster Autoscaler {versions.dotted(flag_needs.JSON_FLOOR)} or later",
            case.fixer.flag(name, flag_needs.JSON),
        )


def _fix_flag(case: Case, flag: str, removed: bool) -> str:
    if removed or flag == "enable-dynamic-resource-allocation":
        return case.fixer.flag(flag, None)
    return _correct(case, flag)


def _correct(case: Case, flag: str) -> str:
    """Advice on a flag whose right value only the user knows."""
    return f"Correct --{flag}, or remove it: {case.fixer.flag(flag, None)}"


def _disagreements(case: Case) -> Iterator[tuple[str, str, str]]:
    """Flags that work, but probably not as intended: seen, expected, fix."""
    given = case.arguments
    newer = {flag: value for flag, value in given.last.items() if flag not in PROCESS_FLAGS}
    for warning in flags.flag_warnings(newer, known=_is_known(case)):
        flag = warning.removeprefix("flags.").partition(":")[0]
        yield f"--{warning.removeprefix('flags.')}", "a flag that this image has", case.fixer.flag(flag, None)
    if not given.is_true("scale-down-enabled", default=True):
        yield (
            "--scale-down-enabled=false: the autoscaler never removes a node.",
            "scale-down enabled",
            case.fixer.flag("scale-down-enabled", None),
        )
    if not given.is_true("write-status-configmap", default=True):
        yield (
            "--write-status-configmap=false: the autoscaler does not publish its status.",
            "the status ConfigMap",
            case.fixer.flag("write-status-configmap", None),
        )
    if "nodes" in given.values and DISCOVERY_FLAG in given.values:
        yield (
            "--nodes and --node-group-auto-discovery are both set; sizes in --nodes override those of the groups.",
            "one of the two flags",
            case.fixer.values({"autoscalingGroups": "null"}),
        )


def _discovery(case: Case) -> Finding:
    name = case.snapshot.cluster_name
    wanted = discovery.discovery_flag(name)
    given = case.discovery
    fix = case.fixer.values({"autoDiscovery.clusterName": name, "autoDiscovery.tags": "null"})
    if DISCOVERY_FLAG not in case.arguments.values:
        if case.static_groups:
            return rules.DISCOVERY.ok(
                f"--nodes lists the groups {', '.join(group.name for group in case.static_groups)}."
            )
        return rules.DISCOVERY.broken("Neither --node-group-auto-discovery nor --nodes is set.", wanted, fix)
    flag = " ".join(case.arguments.values[DISCOVERY_FLAG])
    fault = discovery_fault(given, name)
    if fault:
        return rules.DISCOVERY.broken(f"--{DISCOVERY_FLAG}={flag!r}: {fault}.", wanted, fix)
    if not any(name in key for key in given.tags) and not any(name in (value or "") for value in given.tags.values()):
        return rules.DISCOVERY.warning(
            f"The discovery flag uses {', '.join(given.tags)}, which matches the groups of every cluster in the "
            "region.",
            wanted,
            fix,
        )
    return rules.DISCOVERY.ok(f"The discovery flag is --{DISCOVERY_FLAG}={flag}.")


def _region(case: Case, deployment: Deployment) -> Finding:
    region = case.snapshot.region
    fix = case.fixer.values({"awsRegion": region})
    environment = case.pods[0].environment if case.pods else deployment.environment
    given = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if given and given != region:
        return rules.REGION.broken(
            f"AWS_REGION of the pod is {given}; the cluster is in {region}.", f"AWS_REGION={region}", fix
        )
    if given:
        return rules.REGION.ok(f"AWS_REGION of the pod is {given}.")
    asks_node = case.minor is not None and case.minor < (1, 35)
    injected = not case.pods and case.source in (Source.IRSA, Source.POD_IDENTITY)
    if injected:
        return rules.REGION.ok("EKS sets AWS_REGION of the pod together with its credentials.")
    if asks_node:
        return rules.REGION.warning(
            "The pod has no AWS_REGION; this version reads the region from the node, 1.35 and later do not.",
            f"AWS_REGION={region}",
            fix,
        )
    return rules.REGION.broken(
        "The pod has no AWS_REGION, and this version has no other source.", f"AWS_REGION={region}", fix
    )


def _balancing(case: Case) -> Iterator[Finding]:
    nodes = case.snapshot.kubernetes.nodes
    if not case.arguments.is_true("balance-similar-node-groups") or "balancing-label" in case.arguments.values:
        return
    if isinstance(nodes, Unreadable):
        yield rules.BALANCING.unread(nodes)
        return
    differing = _labels_that_differ(nodes, set(case.arguments.values.get("balancing-ignore-label", ())))
    if not differing:
        yield rules.BALANCING.ok("No label of a launch template makes similar groups differ.")
        return
    fixes = [case.fixer.flag(f"balancing-ignore-label_{number}", label) for number, label in enumerate(differing, 1)]
    yield rules.BALANCING.warning(
        f"Nodes of different groups differ only in {', '.join(differing)}, which the autoscaler does not ignore.",
        " ".join(f"--balancing-ignore-label={label}" for label in differing),
        " && ".join(fixes),
    )


def _labels_that_differ(nodes: tuple[Node, ...], ignored: set[str]) -> list[str]:
    """The labels of launch templates that are the only difference between some nodes."""
    not_compared = {*_IGNORED_BY_DEFAULT, *LAUNCH_TEMPLATE_LABELS, *ignored}
    alike: dict[frozenset[tuple[str, str]], list[Node]] = {}
    for node in nodes:
        kind = frozenset((label, value) for label, value in node.labels.items() if label not in not_compared)
        alike.setdefault(kind, []).append(node)
    return [
        label
        for label in LAUNCH_TEMPLATE_LABELS
        if label not in ignored and any(len({node.labels.get(label) for node in kin}) > 1 for kin in alike.values())
    ]
