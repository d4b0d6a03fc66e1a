"""Fifth link, second part: the autoscaler knows what the nodes of an empty group would be like."""

from collections.abc import Iterator, Sequence

from .._shared import discovery, startup_taints
from ..case import Case, broken
from ..facts import AutoScalingGroup, Taint
from ..findings import Finding, Link, RuleBook
from ..readings import Unreadable
from ..templates import has_label, lacking_tags, tagged_labels, unread_taints
from .wording import each, pairs

BOOK = RuleBook(Link.GROUPS)

TAG_LIMIT = BOOK.rule(
    "tag-limit",
    "The groups have space for the tags they need",
    "AWS allows 50 tags on a group; labels and taints beyond that cannot be advertised.",
)
TEMPLATE_TAGS = BOOK.rule(
    "template-tags",
    "Node-template tags are spelled as the autoscaler reads them",
    "The autoscaler ignores a misspelled tag without an error.",
)
LABELS = BOOK.rule(
    "labels",
    "The labels of a group's future nodes are advertised",
    "Scaling from zero uses tags: a label without a tag matches no pod that asks for it.",
)
TAINTS = BOOK.rule(
    "taints",
    "The taints of a group's future nodes are advertised",
    "The autoscaler adds nodes for pods that an unknown taint then repels, again and again.",
)
WINDOWS = BOOK.rule(
    "windows",
    "Windows groups are advertised as Windows",
    "From zero the autoscaler expects every node to run Linux, so a Windows pod never fits.",
)

_SECTIONS = ("label", "taint", "resources", "autoscaling-options")
_NOT_CUSTOM = ("kubernetes.io/", "k8s.io/", "amazonaws.com/", "k8s.aws/", "eksctl.io/", "karpenter.sh/")


def check(case: Case, earlier: Sequence[Finding]) -> Iterator[Finding]:
    """Look at the tags that describe nodes to come."""
    groups = case.discovered_own
    if not groups or isinstance(case.snapshot.aws.node_groups, Unreadable):
        return
    yield from each(TAG_LIMIT, _tag_limit(case, groups), f"At most {max(len(group.tags) for group in groups)} of 50.")
    yield from each(TEMPLATE_TAGS, _template_tags(case, groups), "All of them are.")
    yield from each(LABELS, _labels(case, groups, earlier), "Nothing that a waiting pod asks for is unannounced.")
    yield from each(TAINTS, _taints(case, groups), "All of them are.")
    yield from each(WINDOWS, _windows(case, groups), "All of them do, or there are none.")


def _tag_limit(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    for group in groups:
        node_group = case.managed.get(group.name)
        lacking = lacking_tags(group, node_group) if node_group else {}
        new = [key for key in lacking if key not in group.tags]
        if len(group.tags) + len(new) > discovery.MAX_TAGS:
            yield TAG_LIMIT.warning(
                f"{group.name} has {len(group.tags)} tags, and {len(new)} of its labels and taints are not advertised.",
                f"{discovery.MAX_TAGS} tags at most",
                "declare fewer labels and taints, or remove tags that are not read: "
                + case.mender.untag(group.name, ["KEY"]),
            )


def _template_tags(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    for group in groups:
        for key, value in group.tags.items():
            fault = _template_tag_fault(key, value)
            if fault:
                yield TEMPLATE_TAGS.warning(
                    f"{group.name}: {key}={value} is ignored.", fault, case.mender.untag(group.name, [key])
                )


def _template_tag_fault(key: str, value: str) -> str:
    """What a node-template tag should have been; empty when it is read."""
    if not key.startswith(discovery.NODE_TEMPLATE_PREFIX):
        return ""
    section, _, name = key.removeprefix(f"{discovery.NODE_TEMPLATE_PREFIX}/").partition("/")
    if section not in _SECTIONS or not name:
        return f"{discovery.NODE_TEMPLATE_PREFIX}/ followed by {'/, '.join(_SECTIONS)}/ and a name"
    if section == "taint" and discovery.parse_taint(key, value) is None:
        return "<value>:<NoSchedule, NoExecute or PreferNoSchedule>"
    faults = discovery.autoscaling_option_faults({name: value}) if section == "autoscaling-options" else []
    return faults[0].expected if faults else ""


def _labels(case: Case, groups: Sequence[AutoScalingGroup], earlier: Sequence[Finding]) -> Iterator[Finding]:
    unknown = [group for group in groups if group.name not in case.managed and not group.instances]
    if not broken(earlier, "permissions.node-groups"):
        for pod in case.waiting:
            missing = {
                label: value
                for label, value in pod.labels_wanted.items()
                if not any(has_label(each, label, value) for each in case.templates.values())
            }
            if missing and unknown:
                tags = {discovery.label_key(label): value for label, value in missing.items()}
                yield LABELS.broken(
                    f"{pod.namespace}/{pod.name} asks for {pairs(missing)}, which no group advertises; "
                    f"{unknown[0].name} is empty and does not advertise its labels.",
                    "a node-template tag for each label of an empty group",
                    case.mender.tag(unknown[0].name, tags),
                )
                return
    for group in groups:
        node_group = case.managed.get(group.name)
        wrong = {
            label: value
            for label, value in tagged_labels(group).items()
            if node_group and node_group.labels.get(label, value) != value
        }
        if node_group and wrong:
            right = {discovery.label_key(label): node_group.labels[label] for label in wrong}
            yield LABELS.warning(
                f"{group.name} advertises {pairs(wrong)}; EKS gives its nodes other values.",
                pairs({label: node_group.labels[label] for label in wrong}),
                case.mender.tag(group.name, right),
            )
        elif node_group is None and group.min == 0 and group.instances:
            silent = _unannounced(group, dict(case.templates[group.name].labels))
            if silent:
                tags = {discovery.label_key(label): value for label, value in silent.items()}
                yield LABELS.warning(
                    f"The nodes of {group.name} have {pairs(silent)}, which its tags do not advertise: once it is "
                    "empty, and the autoscaler restarts, no pod that asks for them fits.",
                    "a node-template tag for each label",
                    case.mender.tag(group.name, tags),
                )


def _unannounced(group: AutoScalingGroup, labels: dict[str, str]) -> dict[str, str]:
    announced = tagged_labels(group)
    return {
        label: value
        for label, value in labels.items()
        if announced.get(label) != value and not any(known in label for known in _NOT_CUSTOM)
    }


def _taints(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    for group in groups:
        node_group = case.managed.get(group.name)
        unread = _lasting(case, unread_taints(group, node_group, case.minor)) if node_group else ()
        if not unread or group.min > 0:
            continue
        tags = {discovery.taint_key(taint.key): f"{taint.value}:{taint.effect}" for taint in unread}
        judge = TAINTS.broken if group.desired == 0 else TAINTS.warning
        yield judge(
            f"{group.name} {'is' if group.desired == 0 else 'can be'} empty, and its taint "
            f"{', '.join(f'{taint.key}={taint.value}:{taint.effect}' for taint in unread)} is unknown then: before "
            "1.31 EKS' spelling of effects is misread, and a taint without a value is dropped by every version.",
            "a node-template tag for each taint",
            case.mender.tag(group.name, tags),
        )


def _lasting(case: Case, taints: Sequence[Taint]) -> list[Taint]:
    """Taints that nodes keep: a startup taint is gone once an agent has removed it, so from zero it must be unknown."""
    flagged = set(case.arguments.values.get("startup-taint", ()))
    return [
        taint
        for taint in taints
        if taint.key not in flagged
        and not startup_taints.is_startup(discovery.Taint(key=taint.key, value=taint.value, effect=taint.effect))
    ]


def _windows(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    tag = discovery.label_key("kubernetes.io/os")
    for group in groups:
        node_group = case.managed.get(group.name)
        is_windows = node_group is not None and node_group.ami_type.upper().startswith("WINDOWS")
        if is_windows and group.tags.get(tag) != "windows" and group.min == 0:
            judge = WINDOWS.broken if group.desired == 0 else WINDOWS.warning
            yield judge(
                f"{group.name} runs Windows, and its tags do not advertise it.",
                f"{tag}=windows",
                case.mender.tag(group.name, {tag: "windows"}),
            )
