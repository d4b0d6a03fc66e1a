"""First link: one Deployment of Cluster Autoscaler, in a version and with rights that fit the cluster."""

from collections.abc import Iterator, Sequence

from .. import access
from .._shared import compatibility, versions
from ..arguments import image_tag
from ..case import Case
from ..facts import Deployment
from ..findings import Finding, Link, RuleBook
from ..readings import Unreadable

BOOK = RuleBook(Link.POD)

DEPLOYMENT = BOOK.rule(
    "deployment",
    "A Deployment of Cluster Autoscaler",
    "Without it nothing scales. The chart renders none, and says nothing, unless autoDiscovery.clusterName is set.",
)
SINGLE = BOOK.rule(
    "single",
    "Exactly one Cluster Autoscaler",
    "Two of them undo each other's decisions: what one scales up, the other scales down.",
)
RELEASE = BOOK.rule(
    "release",
    "The Helm release is deployed",
    "After a failed upgrade the cluster runs a mixture of two releases.",
)
REPLICAS = BOOK.rule("replicas", "It is meant to run", "A Deployment with no replicas scales nothing.")
STARTED = BOOK.rule(
    "started",
    "Its pods are placed and their image is there",
    "A pod that waits for a node or an image does nothing; no node will come for it, for it is the one to ask.",
)
MEMORY = BOOK.rule(
    "memory",
    "It has memory enough",
    "Killed for memory it starts again from nothing; big clusters need 600Mi and more.",
)
VERSION = BOOK.rule(
    "version",
    "Its minor version is the cluster's",
    "Other pairs are tested by nobody; some wait for ever for an API that the cluster does not serve.",
)
RBAC = BOOK.rule(
    "rbac",
    "Kubernetes lets it list and change what it must",
    "From 1.33 on it waits for every list before its first loop, for ever, with its pod Running and its probe green.",
)
COMPETITORS = BOOK.rule(
    "competitors",
    "Nobody else makes nodes for the same pods",
    "Karpenter or EKS Auto Mode answer the same waiting pods: nodes come twice, and go at each other's whim.",
)
SAFE_TO_EVICT = BOOK.rule(
    "safe-to-evict",
    "It does not remove the node under itself",
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
            "one",
            case.mender.install(),
        )
        return
    deployment = case.deployment
    yield DEPLOYMENT.ok(f"{deployment.namespace}/{deployment.name} runs {deployment.image}.")
    yield _single(case, found, deployment)
    yield from _release(case)
    yield _replicas(case, deployment)
    yield from _pods(case, deployment)
    yield _version(case)
    yield _rbac(case)
    yield _safe_to_evict(case, deployment)


def _single(case: Case, found: tuple[Deployment, ...], deployment: Deployment) -> Finding:
    active = [each for each in found if each.replicas > 0]
    others = [each for each in active if each is not deployment]
    if not others:
        return SINGLE.ok("No other Deployment runs one.")
    return SINGLE.broken(
        f"{len(active)} Deployments run one: {', '.join(f'{each.namespace}/{each.name}' for each in active)}.",
        "one of them",
        " && ".join(case.mender.remove_deployment(each.namespace, each.name) for each in others),
    )


def _release(case: Case) -> Iterator[Finding]:
    status = case.snapshot.kubernetes.release
    if isinstance(status, Unreadable):
        yield RELEASE.unread(status)
    elif status == "deployed":
        yield RELEASE.ok("The newest revision is deployed.")
    elif status is not None and status.startswith("pending"):
        yield RELEASE.warning(
            f"The newest revision is {status}: an operation is under way, or was cut off.",
            "deployed",
            f"{case.mender.history()}   # when it stays so: helm rollback",
        )
    elif status is not None:
        yield RELEASE.broken(f"The newest revision is {status}.", "deployed", case.mender.history())


def _replicas(case: Case, deployment: Deployment) -> Finding:
    if deployment.replicas == 0:
        return REPLICAS.broken("It is scaled to no replicas.", "one replica or more", case.mender.scale(1))
    if deployment.replicas > 1 and not case.arguments.is_true("leader-elect", default=True):
        return REPLICAS.broken(
            f"{deployment.replicas} replicas work at once: --leader-elect=false.",
            "leader election, or one replica",
            case.mender.flag("leader-elect", None),
        )
    return REPLICAS.ok(f"{deployment.replicas} wanted.")


def _pods(case: Case, deployment: Deployment) -> Iterator[Finding]:
    pods = case.snapshot.kubernetes.pods
    if isinstance(pods, Unreadable):
        yield STARTED.unread(pods)
        return
    stuck = [pod for pod in pods if pod.waiting in WAITS_BEFORE_START or (pod.phase == "Pending" and not pod.node)]
    if deployment.replicas and not pods:
        yield STARTED.broken(
            "It has no pod at all: something refuses to make one (quota, admission, missing service account).",
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
        yield STARTED.ok(f"{len(pods) - len(stuck)} of {len(pods)} pods are placed and have their image.")
    killed = next((pod for pod in pods if pod.ended == "OOMKilled"), None)
    if killed:
        limit = deployment.memory_limit or "the node's"
        yield MEMORY.broken(
            f"Pod {killed.name} was killed for memory ({killed.restarts} restarts); its limit is {limit}.",
            "a limit that it stays under: 600Mi, more for clusters of several hundred nodes",
            case.mender.values({"resources.limits.memory": "1Gi", "resources.requests.memory": "600Mi"}),
        )
    elif pods:
        yield MEMORY.ok("No pod of it was killed for memory.")


def _version(case: Case) -> Finding:
    cluster, minor = case.cluster_minor, case.minor
    image = case.deployment.image if case.deployment else ""
    if cluster is None:
        served = case.snapshot.kubernetes.version
        return VERSION.unread(served if isinstance(served, Unreadable) else Unreadable("get /version", False, served))
    newest = compatibility.NEWEST_PATCH.get(cluster)
    fitting = f"v{versions.dotted(newest)}" if newest else f"a tag of {versions.dotted(cluster)}"
    if minor is None:
        return VERSION.warning(
            f"The image is {image}: no version can be read from its tag.", fitting, case.mender.image(fitting)
        )
    seen = f"Cluster Autoscaler {image_tag(image)} on Kubernetes {versions.dotted(cluster)}."
    lists, serves = compatibility.DYNAMIC_RESOURCE_ALLOCATION
    served_groups = case.snapshot.kubernetes.api_groups
    if (
        minor >= lists
        and not isinstance(served_groups, Unreadable)
        and "v1" not in served_groups.get("resource.k8s.io", ())
    ):
        return VERSION.broken(
            f"{seen} Since {versions.dotted(lists)} it waits for resource.k8s.io/v1, which the cluster does not serve "
            f"(Kubernetes does from {versions.dotted(serves)} on).",
            fitting,
            case.mender.image(fitting),
        )
    if minor != cluster:
        return VERSION.warning(seen, fitting, case.mender.image(fitting))
    return VERSION.ok(seen)


def _rbac(case: Case) -> Finding:
    rights = case.snapshot.kubernetes.access
    if isinstance(rights, Unreadable):
        return RBAC.unread(rights)
    missing = [right for right, allowed in rights.items() if not allowed]
    if not missing:
        return RBAC.ok(f"All {len(rights)} rights that this version needs are granted to its service account.")
    minor = case.minor or max(compatibility.NEWEST_PATCH)
    floor = compatibility.rbac_floor(minor)
    chart_is_old = case.chart_version is not None and case.chart_version < floor
    newest = versions.dotted(compatibility.newest_chart().version)
    blocks = any(right.verb in ("list", "watch") for right in missing) and minor >= access.BLOCKS_SINCE
    consequence = " It waits for these lists for ever before its first loop." if blocks else ""
    return RBAC.broken(
        f"Its service account may not: {', '.join(map(str, missing))}.{consequence}",
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
            f"{' and '.join(found)} make nodes in this cluster too.",
            "one of them for each waiting pod: taints and tolerations, or node selectors, that keep their nodes apart",
            "taint the nodes of one of them and tolerate that in the pods meant for it, or remove one",
        )
    else:
        yield COMPETITORS.ok("Neither Karpenter nor EKS Auto Mode makes nodes in this cluster.")


def _safe_to_evict(case: Case, deployment: Deployment) -> Finding:
    annotation = "cluster-autoscaler.kubernetes.io/safe-to-evict"
    if deployment.pod_annotations.get(annotation) == "false":
        return SAFE_TO_EVICT.ok(f"{annotation}: false.")
    escaped = annotation.replace(".", r"\.")
    return SAFE_TO_EVICT.warning(
        f"Its pods do not carry {annotation}: false.",
        "the annotation on the pod template",
        case.mender.values({f"podAnnotations.{escaped}": "false"}),
    )
