"""First link: one Deployment of Cluster Autoscaler, in a version and with rights that fit the cluster."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from .._shared import compatibility, versions
from ..arguments import DISCOVERY_FLAG, image_tag, parse_arguments, parse_discovery, parse_static_groups
from ..case import Case
from ..facts import Deployment, Pod, Support
from ..findings import Finding
from ..readings import Unreadable
from ..rules import pod as rules
from .wording import number

SUPPORT_NOTICE = timedelta(days=60)
"""How long before the end of a support period the finding is a warning."""


WAITS_BEFORE_START = frozenset(
    {
        "ImagePullBackOff",
        "ErrImagePull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)


def check(case: Case, _: Sequence[Finding]) -> Iterator[Finding]:
    """Check the Deployment, its pods and its rights."""
    found = case.snapshot.kubernetes.deployments
    if isinstance(found, Unreadable):
        yield rules.DEPLOYMENT.unread(found)
        return
    yield from _competitors(case)
    if case.deployment is None:
        yield rules.DEPLOYMENT.broken(
            "No Deployment in the cluster runs an image of cluster-autoscaler.",
            "a Deployment of Cluster Autoscaler",
            case.fixer.install(),
        )
        return
    deployment = case.deployment
    yield rules.DEPLOYMENT.ok(f"{deployment.namespace}/{deployment.name} runs {deployment.image}.")
    yield _single(case, found, deployment)
    yield from _release(case)
    yield _replicas(case, deployment)
    yield from _pods(case, deployment)
    strayed = list(_stack_image(case, deployment))
    yield from strayed
    yield rules.VERSION.after(strayed) if any(each.status == "broken" for each in strayed) else _version(case)
    yield from _support(case)
    yield _rbac(case)
    yield _safe_to_evict(case, deployment)


def _single(case: Case, found: tuple[Deployment, ...], deployment: Deployment) -> Finding:
    others = [each for each in found if each.replicas > 0 and each is not deployment]
    shards = [each for each in others if _is_shard(case, each)]
    others = [each for each in others if each not in shards]
    if not others:
        others_groups = f" Other groups belong to {_names(shards)}." if shards else ""
        return rules.SINGLE.ok(f"No other Deployment manages the groups of {_names([deployment])}.{others_groups}")
    return rules.SINGLE.broken(
        f"{len(others) + 1} Deployments manage the same groups: {_names([deployment, *others])}.",
        "one Deployment for each group",
        " && ".join(case.fixer.remove_deployment(each.namespace, each.name) for each in others),
    )


def _is_shard(case: Case, other: Deployment) -> bool:
    """Whether another autoscaler manages none of the groups that this one manages, as in a sharded set-up.

    If one of the two manages no visible group, nothing shows that they are separate.
    """
    arguments = parse_arguments(other.arguments)
    by_tags = parse_discovery(arguments.values.get(DISCOVERY_FLAG, ()))
    by_name = {group.name for group in parse_static_groups(arguments.values.get("nodes", ()))[0]}
    theirs = {
        group.name for group in case.groups if group.name in by_name or (by_tags.tags and by_tags.finds(group.tags))
    }
    ours = {group.name for group in case.discovered}
    return bool(ours) and bool(theirs) and not ours & theirs


def _names(deployments: Sequence[Deployment]) -> str:
    return ", ".join(f"{each.namespace}/{each.name}" for each in deployments)


def _release(case: Case) -> Iterator[Finding]:
    status = case.snapshot.kubernetes.release
    if isinstance(status, Unreadable):
        yield rules.RELEASE.unread(status)
    elif status == "deployed":
        yield rules.RELEASE.ok("The newest revision of the release is deployed.")
    elif status is not None and status.startswith("pending"):
        yield rules.RELEASE.warning(
            f"The newest revision of the release is {status}: an operation is running, or was interrupted.",
            "a revision that is deployed",
            case.fixer.read_history("Wait for the operation, or run helm rollback if it was interrupted"),
        )
    elif status is not None:
        yield rules.RELEASE.broken(
            f"The newest revision of the release is {status}.",
            "a revision that is deployed",
            case.fixer.read_history("Correct the error in the release's history and upgrade again"),
        )


def _replicas(case: Case, deployment: Deployment) -> Finding:
    if deployment.replicas == 0:
        return rules.REPLICAS.broken(
            "The Deployment is scaled to 0 replicas.", "one replica or more", case.fixer.scale(1)
        )
    if deployment.replicas > 1 and not case.arguments.is_true("leader-elect", default=True):
        return rules.REPLICAS.broken(
            f"{deployment.replicas} replicas scale at the same time, because --leader-elect=false is set.",
            "leader election, or one replica",
            case.fixer.flag("leader-elect", None),
        )
    return rules.REPLICAS.ok(f"The Deployment requests {number(deployment.replicas, 'replica')}.")


def _pods(case: Case, deployment: Deployment) -> Iterator[Finding]:
    pods = case.snapshot.kubernetes.pods
    if isinstance(pods, Unreadable):
        yield rules.STARTED.unread(pods)
        return
    stuck = [pod for pod in pods if pod.waiting in WAITS_BEFORE_START or (pod.phase == "Pending" and not pod.node)]
    if deployment.replicas and not pods:
        yield rules.STARTED.broken(
            "The Deployment has no pod. Kubernetes rejects its pods: quota, admission, or a missing service account.",
            number(deployment.replicas, "pod"),
            case.fixer.describe("replicasets", deployment.selector),
        )
    elif pods and len(stuck) == len(pods):
        pod = stuck[0]
        yield rules.STARTED.broken(
            f"Pod {pod.name} does not start: "
            f"{' '.join(filter(None, (pod.waiting or pod.phase, pod.waiting_message)))}.",
            "a running container",
            _stack_image_fix(case) or case.fixer.describe("pods", deployment.selector),
        )
    elif pods:
        yield rules.STARTED.ok(
            f"Pods of the autoscaler with a node and an image: {len(pods) - len(stuck)} of {len(pods)}."
        )
        yield from _rollout(case, deployment, pods)
    killed = next((pod for pod in pods if pod.ended == "OOMKilled"), None)
    if killed:
        yield rules.MEMORY.broken(
            f"Pod {killed.name} was OOM-killed ({number(killed.restarts, 'restart')}); its memory limit is "
            f"{deployment.memory_limit or 'not set'}.",
            "a higher limit: 600Mi, more for clusters of several hundred nodes",
            case.fixer.values({"resources.limits.memory": "1Gi", "resources.requests.memory": "600Mi"}),
        )
    elif pods:
        yield rules.MEMORY.ok("No pod of the autoscaler was OOM-killed.")


def _rollout(case: Case, deployment: Deployment, pods: Sequence[Pod]) -> Iterator[Finding]:
    """A rollout that is stuck: the newest pods do not start while older ones still run."""
    failing = [pod for pod in pods if pod.waiting in WAITS_BEFORE_START]
    if failing and len(failing) < len(pods):
        pod = failing[0]
        yield rules.ROLLOUT.broken(
            f"Pod {pod.name} does not start: {' '.join(filter(None, (pod.waiting, pod.waiting_message)))}. "
            f"The Deployment still runs {number(len(pods) - len(failing), 'older pod')}.",
            "every pod of the Deployment ready",
            _stack_image_fix(case) or case.fixer.describe("pods", deployment.selector),
        )
    elif not failing:
        yield rules.ROLLOUT.ok(f"No pod of the autoscaler fails to start ({number(len(pods), 'pod')}).")


def _stack_image(case: Case, deployment: Deployment) -> Iterator[Finding]:
    """An image that was changed outside the stack."""
    if fix := _stack_image_fix(case):
        yield rules.STACK_IMAGE.broken(
            f"The Deployment runs {deployment.image}.", f"{_stack_tag(case)}, as the stack sets", fix
        )


def _stack_image_fix(case: Case) -> str:
    """The command that restores the stack's image; empty if the Deployment runs it, or if there is no stack."""
    running = image_tag(case.deployment.image) if case.deployment else ""
    if case.deployment is None or not running or _stack_tag(case) in ("", running):
        return ""
    return case.fixer.set_image(case.deployment.image, _stack_tag(case))


def _stack_tag(case: Case) -> str:
    return (case.snapshot.intent.image_tag or "") if case.snapshot.intent else ""


def _version(case: Case) -> Finding:
    cluster, minor = case.cluster_minor, case.minor
    image = case.deployment.image if case.deployment else ""
    if cluster is None:
        served = case.snapshot.kubernetes.version
        return rules.VERSION.unread(
            served if isinstance(served, Unreadable) else Unreadable("get /version", False, served)
        )
    newest = compatibility.fitting_image(cluster)
    fitting = f"v{versions.dotted(newest)}"
    if minor is None:
        return rules.VERSION.warning(
            f"The tag of the image {image} is not a version.", fitting, case.fixer.image(fitting)
        )
    seen = f"The cluster runs Cluster Autoscaler {image_tag(image)} on Kubernetes {versions.dotted(cluster)}."
    lists, serves = compatibility.DYNAMIC_RESOURCE_ALLOCATION
    served_groups = case.snapshot.kubernetes.api_groups
    if (
        minor >= lists
        and not isinstance(served_groups, Unreadable)
        and "v1" not in served_groups.get("resource.k8s.io", ())
    ):
        return rules.VERSION.broken(
            f"{seen} Since {versions.dotted(lists)} the autoscaler waits for resource.k8s.io/v1, which the cluster "
            f"does not serve (Kubernetes does from {versions.dotted(serves)} on).",
            fitting,
            case.fixer.image(fitting),
        )
    if newest[:2] <= minor < cluster:
        return rules.VERSION.warning(
            f"{seen} The version table of {compatibility.READ_ON} has no release of {versions.dotted(cluster)}.",
            f"{fitting} until Cluster Autoscaler {versions.dotted(cluster)} is published, then its newest patch",
            f"Update the doctor, or set image.tag once a release of {versions.dotted(cluster)} is published",
        )
    if minor != cluster:
        return rules.VERSION.warning(seen, fitting, case.fixer.image(fitting))
    return rules.VERSION.ok(seen)


def _support(case: Case) -> Iterator[Finding]:
    """The next end of support: as EKS reports it, otherwise by the version tables."""
    cluster, reported = case.cluster_minor, case.snapshot.aws.support
    known = reported if isinstance(reported, Support) else compatibility.KUBERNETES.get(cluster or (0, 0))
    if cluster is None or known is None:
        return
    today = case.snapshot.taken_at.date()
    periods = (("standard", known.standard_ends), ("extended", known.extended_ends))
    named = [(name, ends) for name, ends in periods if ends]
    name, ends = next((each for each in named if each[1] >= today), named[-1] if named else ("", None))
    if ends is None:
        return
    days = (ends - today).days
    when = f"ends on {ends}, in {number(days, 'day')}" if days >= 0 else f"ended on {ends}"
    by = "" if isinstance(reported, Support) else f" (by the version table of {compatibility.KUBERNETES_READ_ON})"
    seen = f"EKS {name} support of Kubernetes {versions.dotted(cluster)} {when}{by}."
    if days > SUPPORT_NOTICE.days:
        yield rules.SUPPORT.ok(seen)
    else:
        following = versions.dotted((cluster[0], cluster[1] + 1))
        yield rules.SUPPORT.warning(
            seen,
            f"an upgrade to Kubernetes {following} before that day",
            case.fixer.upgrade_cluster(following),
        )


def _rbac(case: Case) -> Finding:
    rights = case.snapshot.kubernetes.access
    if isinstance(rights, Unreadable):
        return rules.RBAC.unread(rights)
    missing = [right for right, allowed in rights.items() if not allowed]
    if not missing:
        return rules.RBAC.ok(f"The service account has all {len(rights)} Kubernetes rights that this version needs.")
    minor = case.minor or max(compatibility.NEWEST_PATCH)
    floor = compatibility.rbac_floor(minor)
    chart_is_old = case.chart_version is not None and case.chart_version < floor
    newest = versions.dotted(compatibility.newest_chart().version)
    blocks = any(right.verb in ("list", "watch") for right in missing) and minor >= compatibility.BLOCKS_SINCE
    consequence = " The autoscaler waits for these lists before its first loop, indefinitely." if blocks else ""
    return rules.RBAC.broken(
        f"The service account lacks Kubernetes rights: {', '.join(map(str, missing))}.{consequence}",
        f"chart {versions.dotted(floor)} or later for Cluster Autoscaler {versions.dotted(minor)}"
        if chart_is_old
        else "a role with these rights",
        case.fixer.values({}, chart_version=newest) if chart_is_old else case.fixer.grant(missing),
    )


def _competitors(case: Case) -> Iterator[Finding]:
    found = []
    if case.snapshot.kubernetes.karpenter:
        found.append(f"Karpenter ({', '.join(case.snapshot.kubernetes.karpenter)})")
    if case.cluster and case.cluster.auto_mode_pools:
        found.append(f"EKS Auto Mode (node pools {', '.join(case.cluster.auto_mode_pools)})")
    if found:
        yield rules.COMPETITORS.warning(
            f"{' and '.join(found)} add nodes in this cluster too.",
            "one autoscaler for each pending pod: taints, tolerations or node selectors that separate their nodes",
            "Taint the nodes of one autoscaler and add the toleration to its pods, or remove one autoscaler.",
        )
    else:
        yield rules.COMPETITORS.ok("Neither Karpenter nor EKS Auto Mode adds nodes in this cluster.")


def _safe_to_evict(case: Case, deployment: Deployment) -> Finding:
    annotation = "cluster-autoscaler.kubernetes.io/safe-to-evict"
    if deployment.pod_annotations.get(annotation) == "false":
        return rules.SAFE_TO_EVICT.ok(f"The autoscaler's pods have the annotation {annotation}: false.")
    escaped = annotation.replace(".", r"\.")
    return rules.SAFE_TO_EVICT.warning(
        f"The autoscaler's pods lack the annotation {annotation}: false.",
        "the annotation on the pod template",
        case.fixer.values({f"podAnnotations.{escaped}": "false"}),
    )
