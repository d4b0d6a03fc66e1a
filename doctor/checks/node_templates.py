"""Fifth link, second part: the node templates of empty groups match their future nodes."""

from collections.abc import Iterator, Sequence

from .._shared import discovery, startup_taints
from ..case import Case, broken
from ..facts import AutoScalingGroup, Taint
from ..findings import Finding
from ..readings import Unreadable
from ..rules import groups as rules
from ..templates import has_label, lacking_tags, tagged_labels, unread_taints
from .wording import each, pairs

_SECTIONS = ("label", "taint", "resources", "autoscaling-options")
_NOT_CUSTOM = ("kubernetes.io/", "k8s.io/", "amazonaws.com/", "k8s.aws/", "eksctl.io/", "karpenter.sh/")


def check(case: Case, earlier: Sequence[Finding]) -> Iterator[Finding]:
    """Check the node-template tags."""
    groups = case.discovered_own
    if not groups or isinstance(case.snapshot.aws.node_groups, Unreadable):
        return
    yield from each(
        rules.TAG_LIMIT,
        _tag_limit(case, groups),
        f"No group has more than {max(len(group.tags) for group in groups)} of 50 tags.",
    )
    yield from each(rules.TEMPLATE_TAGS, _template_tags(case, groups), "Every node-template tag is spelled correctly.")
    yield from each(rules.LABELS, _labels(case, groups, earlier), "Every label that pending pods select is advertised.")
    yield from each(rules.TAINTS, _taints(case, groups), "Every taint of an empty group is advertised.")
    yield from each(
        rules.WINDOWS, _windows(case, groups), "Every Windows group is advertised as Windows, or the cluster has none."
    )


def _tag_limit(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    for group in groups:
        node_group = case.managed.get(group.name)
        lacking = lacking_tags(group, node_group) if node_group else {}
        new = [key for key in lacking if key not in group.tags]
        if len(group.tags) + len(new) > discovery.MAX_TAGS:
            yield rules.TAG_LIMIT.warning(
                f"The group {group.name} has {len(group.tags)} tags; {len(new)} of its labels and taints are not "
                "advertised.",
                f"{discovery.MAX_TAGS} tags at most",
                "Declare fewer labels and taints, or remove tags that no tool reads.",
            )


def _template_tags(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    for group in groups:
        for key, value in group.tags.items():
            fault = _template_tag_fault(key, value)
            if fault:
                yield rules.TEMPLATE_TAGS.warning(
                    f"The autoscaler ignores the tag {key}={value} of {group.name}.",
                    fault,
                    case.fixer.untag(group.name, [key]),
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
        for pod in case.pending:
            missing = {
                label: value
                for label, value in pod.labels_wanted.items()
                if not any(has_label(each, label, value) for each in case.templates.values())
            }
            if missing and unknown:
                tags = {discovery.label_key(label): value for label, value in missing.items()}
                yield rules.LABELS.broken(
                    f"The pod {pod.namespace}/{pod.name} selects {pairs(missing)}, which no group advertises; "
                    f"{unknown[0].name} is empty and does not advertise its labels.",
                    "a node-template tag for each label of an empty group",
                    case.fixer.tag(unknown[0].name, tags),
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
            yield rules.LABELS.warning(
                f"The group {group.name} advertises {pairs(wrong)}; EKS gives its nodes other values.",
                pairs({label: node_group.labels[label] for label in wrong}),
                case.fixer.tag(group.name, right),
            )
        elif node_group is None and group.min == 0 and group.instances:
            missing = _not_advertised(group, dict(case.templates[group.name].labels))
            if missing:
                tags = {discovery.label_key(label): value for label, value in missing.items()}
                yield rules.LABELS.warning(
                    f"The nodes of {group.name} have the labels {pairs(missing)}, which its tags do not advertise. "
                    "Once "
                    "the group is empty and the autoscaler restarts, no pod that selects these labels fits.",
                    "a node-template tag for each label",
                    case.fixer.tag(group.name, tags),
                )


def _not_advertised(group: AutoScalingGroup, labels: dict[str, str]) -> dict[str, str]:
    advertised = tagged_labels(group)
    return {
        label: value
        for label, value in labels.items()
        if advertised.get(label) != value and not any(known in label for known in _NOT_CUSTOM)
    }


def _taints(case: Case, groups: Sequence[AutoScalingGroup]) -> Iterator[Finding]:
    for group in groups:
        node_group = case.managed.get(group.name)
        unread = _lasting(case, unread_taints(group, node_group, case.minor)) if node_group else ()
        if not unread or group.min > 0:
            continue
        tags = {discovery.taint_key(taint.key): f"{taint.value}:{taint.effect}" for taint in unread}
        judge = rules.TAINTS.broken if group.desired == 0 else rules.TAINTS.warning
        yield judge(
            f"The group {group.name} {'is' if group.desired == 0 else 'can be'} empty; the autoscaler then ignores its "
            f"taint {', '.join(f'{taint.key}={taint.value}:{taint.effect}' for taint in unread)}. Before 1.31 the "
            "autoscaler misreads the effects of EKS, and every version drops a taint without a value.",
            "a node-template tag for each taint",
            case.fixer.tag(group.name, tags),
        )


def _lasting(case: Case, taints: Sequence[Taint]) -> list[Taint]:
    """Taints that nodes keep. An agent removes a startup taint, so the node template must not have it."""
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
            judge = rules.WINDOWS.broken if group.desired == 0 else rules.WINDOWS.warning
            yield judge(
                f"The group {group.name} runs Windows, and its tags do not advertise it.",
                f"{tag}=windows",
                case.fixer.tag(group.name, {tag: "windows"}),
            )
