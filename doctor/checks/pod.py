"""First link: one Deployment of Cluster Autoscaler, in a version and with rights that fit the cluster."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from .._shared import compatibility, versions
from ..arguments import DISCOVERY_FLAG, image_tag, parse_arguments, parse_discovery, parse_static_groups
from ..case import Case
from ..facts import Deployment, Pod, Support
from ..findings import Finding, Link, RuleBook
from ..readings import Unreadable
from .wording import number

BOOK = RuleBook(Link.POD)

SUPPORT_NOTICE = timedelta(days=60)
"""How long before the end of a support period the finding is a warning."""

DEPLOYMENT = BOOK.rule(
    "deployment",
    "Cluster Autoscaler has a Deployment",
    "Without a Deployment nothing scales. The chart renders none unless autoDiscovery.clusterName is set.",
)
SINGLE = BOOK.rule(
    "single",
    "Only one Cluster Autoscaler manages each group",
    "Two autoscalers undo each other's decisions: what one scales up, the other scales down.",
)
RELEASE = BOOK.rule(
    "release",
    "The Helm release is deployed",
    "After a failed upgrade the cluster runs a mixture of two releases.",
)
REPLICAS = BOOK.rule("replicas", "The Deployment asks for replicas", "A Deployment with no replicas scales nothing.")
STARTED = BOOK.rule(
    "started",
    "The autoscaler's pods are scheduled and their image is pulled",
    "A pod that waits for a node or an image scales nothing, and no autoscaler adds a node for it.",
)
ROLLOUT = BOOK.rule(
    "rollout",
    "Every pod of the newest version starts",
    "When the pods of a new version do not start, Kubernetes keeps the old ones running, and the change has no effect.",
)
STACK_IMAGE = BOOK.rule(
    "stack-image",
    "The Deployment runs the image of the stack",
    "An image that was changed by hand stays until the Helm release itself changes.",
)
MEMORY = BOOK.rule(
    "memory",
    "The memory limit is high enough",
    "After an OOM kill the autoscaler loses its state. Large clusters need 600Mi or more.",
)
VERSION = BOOK.rule(
    "version",
    "The autoscaler's minor version is the cluster's",
    "Upstream tests no other pairs; some hang because the cluster does not serve an API they wait for.",
)
SUPPORT = BOOK.rule(
    "kubernetes-support",
    "EKS supports the cluster's Kubernetes version",
    "At the end of a support period EKS upgrades the cluster, and then the autoscaler's minor version must follow.",
)
RBAC = BOOK.rule(
    "rbac",
    "Kubernetes grants the autoscaler the rights it needs",
    "From 1.33 on the autoscaler waits for every list before its first loop; the pod is Running and idle.",
)
COMPETITORS = BOOK.rule(
    "competitors",
    "No other autoscaler adds nodes for the same pods",
    "Karpenter and EKS Auto Mode react to the same pending pods: nodes are added twice.",
)
SAFE_TO_EVICT = BOOK.rule(
    "safe-to-evict",
    "The autoscaler does not remove its own node",
    "Without the annotation its own pod can be evicted in the middle of a scale-down.",
)

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
    """Look at the Deployment, its pods and its rights."""
    found = case.snapshot.kubernetes.deployments
    if isinstance(found, Unreadable):
        yield DEPLOYMENT.unread(found)
        return
    yield from _competitors(case)
    if case.deployment is None:
        yield DEPLOYMENT.broken(
            "No Deployment in the cluster runs an image of cluster-autoscaler.",
            "a Deployment of Cluster Autoscaler",
            case.mender.install(),
        )
        return
    deployment = case.deployment
    yield DEPLOYMENT.ok(f"{deployment.namespace}/{deployment.name} runs {deployment.image}.")
    yield _single(case, found, deployment)
    yield from _release(case)
    yield _replicas(case, deployment)
    yield from _pods(case, deployment)
    strayed = list(_stack_image(case, deployment))
    yield from strayed
    yield VERSION.after(strayed) if any(each.status == "broken" for each in strayed) else _version(case)
    yield from _support(case)
    yield _rbac(case)
    yield _safe_to_evict(case, deployment)


def _single(case: Case, found: tuple[Deployment, ...], deployment: Deployment) -> Finding:
    others = [each for each in found if each.replicas > 0 and each is not deployment]
    shards = [each for each in others if _is_shard(case, each)]
    others = [each for each in others if each not in shards]
    if not others:
        beside = f" {_names(shards)} manages other groups." if shards else ""
        return SINGLE.ok(f"No other Deployment manages the groups of {_names([deployment])}.{beside}")
    return SINGLE.broken(
        f"{len(others) + 1} Deployments manage the same groups: {_names([deployment, *others])}.",
        "one Deployment for each group",
        " && ".join(case.mender.remove_deployment(each.namespace, each.name) for each in others),
    )


def _is_shard(case: Case, other: Deployment) -> bool:
    """Whether another autoscaler manages none of the groups that this one manages, as in a sharded set-up.

    Where one of the two manages no group that can be seen, nothing shows that they are apart.
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
        yield RELEASE.unread(status)
    elif status == "deployed":
        yield RELEASE.ok("The newest revision is deployed.")
    elif status is not None and status.startswith("pending"):
        yield RELEASE.warning(
            f"The newest revision is {status}: an operation is running, or was interrupted.",
            "deployed",
            f"{case.mender.history()}   # if it does not finish: helm rollback",
        )
    elif status is not None:
        yield RELEASE.broken(f"The newest revision is {status}.", "deployed", case.mender.history())


def _replicas(case: Case, deployment: Deployment) -> Finding:
    if deployment.replicas == 0:
        return REPLICAS.broken("The Deployment is scaled to 0 replicas.", "one replica or more", case.mender.scale(1))
    if deployment.replicas > 1 and not case.arguments.is_true("leader-elect", default=True):
        return REPLICAS.broken(
            f"{deployment.replicas} replicas work at the same time: --leader-elect=false.",
            "leader election, or one replica",
            case.mender.flag("leader-elect", None),
        )
    return REPLICAS.ok(f"The Deployment asks for {number(deployment.replicas, 'replica')}.")


def _pods(case: Case, deployment: Deployment) -> Iterator[Finding]:
    pods = case.snapshot.kubernetes.pods
    if isinstance(pods, Unreadable):
        yield STARTED.unread(pods)
        return
    stuck = [pod for pod in pods if pod.waiting in WAITS_BEFORE_START or (pod.phase == "Pending" and not pod.node)]
    if deployment.replicas and not pods:
        yield STARTED.broken(
            "The Deployment has no pod: Kubernetes rejects it (quota, admission, missing service account).",
            f"{deployment.replicas} pods",
            case.mender.describe_pods(deployment.selector).replace(" pods ", " replicasets "),
        )
    elif pods and len(stuck) == len(pods):
        pod = stuck[0]
        yield STARTED.broken(
            f"Pod {pod.name}: {' '.join(filter(None, (pod.waiting or pod.phase, pod.waiting_message)))}.",
            "a running container",
            case.mender.describe_pods(deployment.selector),
        )
    elif pods:
        yield STARTED.ok(f"{len(pods) - len(stuck)} of {len(pods)} pods are scheduled and have their image.")
        yield from _rollout(case, deployment, pods)
    killed = next((pod for pod in pods if pod.ended == "OOMKilled"), None)
    if killed:
        limit = deployment.memory_limit or "the node's"
        yield MEMORY.broken(
            f"Pod {killed.name} was OOM-killed ({killed.restarts} restarts); its limit is {limit}.",
            "a higher limit: 600Mi, more for clusters of several hundred nodes",
            case.mender.values({"resources.limits.memory": "1Gi", "resources.requests.memory": "600Mi"}),
        )
    elif pods:
        yield MEMORY.ok("No pod of the autoscaler was OOM-killed.")


def _rollout(case: Case, deployment: Deployment, pods: Sequence[Pod]) -> Iterator[Finding]:
    """A rollout that is stuck: the newest pods do not start while old ones still serve."""
    failing = [pod for pod in pods if pod.waiting in WAITS_BEFORE_START]
    if failing and len(failing) < len(pods):
        pod = failing[0]
        yield ROLLOUT.broken(
            f"Pod {pod.name} does not start: {' '.join(filter(None, (pod.waiting, pod.waiting_message)))}. "
            f"{len(pods) - len(failing)} older pods still run.",
            "every pod of the Deployment ready",
            _stack_image_fix(case) or case.mender.describe_pods(deployment.selector),
        )
    elif not failing:
        yield ROLLOUT.ok(f"{number(len(pods), 'pod')}, none of which fails to start.")


def _stack_image(case: Case, deployment: Deployment) -> Iterator[Finding]:
    """An image that somebody changed by hand, under a stack of this project."""
    if fix := _stack_image_fix(case):
        yield STACK_IMAGE.broken(
            f"The Deployment runs {deployment.image}.", f"{_stack_tag(case)}, as the stack says", fix
        )


def _stack_image_fix(case: Case) -> str:
    """The command that puts the stack's image back; empty where the Deployment runs it, or no stack says."""
    running = image_tag(case.deployment.image) if case.deployment else ""
    if case.deployment is None or not running or _stack_tag(case) in ("", running):
        return ""
    return case.mender.set_image(case.deployment.image, _stack_tag(case))


def _stack_tag(case: Case) -> str:
    return (case.snapshot.intent.image_tag or "") if case.snapshot.intent else ""


def _version(case: Case) -> Finding:
    cluster, minor = case.cluster_minor, case.minor
    image = case.deployment.image if case.deployment else ""
    if cluster is None:
        served = case.snapshot.kubernetes.version
        return VERSION.unread(served if isinstance(served, Unreadable) else Unreadable("get /version", False, served))
    newest = compatibility.fitting_image(cluster)
    fitting = f"v{versions.dotted(newest)}"
    if minor is None:
        return VERSION.warning(f"The image is {image}: its tag is not a version.", fitting, case.mender.image(fitting))
    seen = f"Cluster Autoscaler {image_tag(image)} on Kubernetes {versions.dotted(cluster)}."
    lists, serves = compatibility.DYNAMIC_RESOURCE_ALLOCATION
    served_groups = case.snapshot.kubernetes.api_groups
    if (
        minor >= lists
        and not isinstance(served_groups, Unreadable)
        and "v1" not in served_groups.get("resource.k8s.io", ())
    ):
        return VERSION.broken(
            f"{seen} Since {versions.dotted(lists)} the autoscaler waits for resource.k8s.io/v1, which the cluster "
            f"does not serve (Kubernetes does from {versions.dotted(serves)} on).",
            fitting,
            case.mender.image(fitting),
        )
    if newest[:2] <= minor < cluster:
        return VERSION.warning(
            f"{seen} The version table of {compatibility.READ_ON} has no release of {versions.dotted(cluster)}.",
            f"{fitting} until Cluster Autoscaler {versions.dotted(cluster)} is published, then its newest patch",
            f"update the doctor, or set image.tag once a release of {versions.dotted(cluster)} is published",
        )
    if minor != cluster:
        return VERSION.warning(seen, fitting, case.mender.image(fitting))
    return VERSION.ok(seen)


def _support(case: Case) -> Iterator[Finding]:
    """The next end of support: as EKS reports it, else by the version tables."""
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
        yield SUPPORT.ok(seen)
    else:
        following = versions.dotted((cluster[0], cluster[1] + 1))
        yield SUPPORT.warning(
            seen,
            f"an upgrade to Kubernetes {following} before that day",
            f"aws eks update-cluster-version --region {case.snapshot.region} --name {case.snapshot.cluster_name} "
            f"--kubernetes-version {following}   # or kubernetesVersion of the stack that made the cluster",
        )


def _rbac(case: Case) -> Finding:
    rights = case.snapshot.kubernetes.access
    if isinstance(rights, Unreadable):
        return RBAC.unread(rights)
    missing = [right for right, allowed in rights.items() if not allowed]
    if not missing:
        return RBAC.ok(f"The service account has all {len(rights)} rights that this version needs.")
    minor = case.minor or max(compatibility.NEWEST_PATCH)
    floor = compatibility.rbac_floor(minor)
    chart_is_old = case.chart_version is not None and case.chart_version < floor
    newest = versions.dotted(compatibility.newest_chart().version)
    blocks = any(right.verb in ("list", "watch") for right in missing) and minor >= compatibility.BLOCKS_SINCE
    consequence = " The autoscaler waits for these lists before its first loop, indefinitely." if blocks else ""
    return RBAC.broken(
        f"The service account cannot: {', '.join(map(str, missing))}.{consequence}",
        f"chart {versions.dotted(floor)} or later for Cluster Autoscaler {versions.dotted(minor)}"
        if chart_is_old
        else "these rights",
        case.mender.values({}, chart_version=newest) if chart_is_old else case.mender.grant(missing),
    )


def _competitors(case: Case) -> Iterator[Finding]:
    found = []
    if case.snapshot.kubernetes.karpenter:
        found.append(f"Karpenter ({', '.join(case.snapshot.kubernetes.karpenter)})")
    if case.cluster and case.cluster.auto_mode_pools:
        found.append(f"EKS Auto Mode (node pools {', '.join(case.cluster.auto_mode_pools)})")
    if found:
        yield COMPETITORS.warning(
            f"{' and '.join(found)} add nodes in this cluster too.",
            "one of them for each pending pod: taints and tolerations, or node selectors, that separate their nodes",
            "taint the nodes of one of them and add the toleration to its pods, or remove one",
        )
    else:
        yield COMPETITORS.ok("Neither Karpenter nor EKS Auto Mode adds nodes in this cluster.")


def _safe_to_evict(case: Case, deployment: Deployment) -> Finding:
    annotation = "cluster-autoscaler.kubernetes.io/safe-to-evict"
    if deployment.pod_annotations.get(annotation) == "false":
        return SAFE_TO_EVICT.ok(f"The pods have the annotation {annotation}: false.")
    escaped = annotation.replace(".", r"\.")
    return SAFE_TO_EVICT.warning(
        f"The pods lack the annotation {annotation}: false.",
        "the annotation on the pod template",
        case.mender.values({f"podAnnotations.{escaped}": "false"}),
    )
