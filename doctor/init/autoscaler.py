"""The settings of the autoscaler itself, from the Deployment that runs now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._shared import compatibility, discovery, iam, validation, versions
from ..arguments import image_tag
from ..facts import Deployment, Source
from ..readings import Unreadable
from . import command_line
from .document import Entry
from .facts import CREDENTIALS_ANNOTATION, NAME, RELEASE_ANNOTATION, Account, Found, Installed, items, texts
from .groups import has_managed_groups

_PUBLIC_REPOSITORY = "registry.k8s.io/autoscaling/cluster-autoscaler"
_FORMER_REPOSITORIES = (
    "k8s.gcr.io/autoscaling/cluster-autoscaler",
    "k8s.gcr.io/cluster-autoscaler",
    "us.gcr.io/k8s-artifacts-prod/autoscaling/cluster-autoscaler",
    "gcr.io/google_containers/cluster-autoscaler",
)
"""Where the public image was; the first of these gets no new images since April 2023."""

_SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"
_PRIORITY_CLASS = "system-cluster-critical"
_MOST_REPLICAS = 10
_TOLERATED_BY_DEFAULT = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_PROGRAMS_ENVIRONMENT = ("POD_NAMESPACE", "SERVICE_ACCOUNT")
"""Variables that the chart sets; those of AWS follow from `credentials` and the region."""
_CERTIFICATES = "/etc/ssl/certs"
_ONE_PORT = "their pods use the network of their node, where two of them cannot listen on one port"
"""Cluster Autoscaler exits if its port is taken (main.go, ListenAndServe)."""
_DNS_POLICIES = ("ClusterFirstWithHostNet", "Default")


_UNKNOWN = (
    "The doctor could not read whether an autoscaler runs. Do not deploy before you know: two autoscalers would work "
    "against each other."
)


@dataclass(frozen=True)
class Autoscaler:
    """What the autoscaler comes to.

    Attributes:
        entries: ``credentials``, ``oidcProvider``, ``podIdentity`` and ``autoscaler``.
        notes: What could not be kept or will be different.
        by_program: Flags that the program sets itself.
        apart: Why the old autoscaler and the new one must not run together; empty when they can.
    """

    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()
    by_program: tuple[str, ...] = ()
    apart: str = ""


def settings_of(found: Found) -> Autoscaler:
    """Translate the autoscaler that runs now; a cluster without one gets the program's defaults."""
    installed = found.installed
    if not isinstance(installed, Installed):
        credential_entries, notes = _credentials(found, Source.IRSA)
        unknown = (_UNKNOWN,) if isinstance(installed, Unreadable) else ()
        return Autoscaler(credential_entries, (*unknown, *notes))
    mode, mode_notes = _mode(found, installed)
    credential_entries, notes = _credentials(found, mode)
    request = compatibility.Request(found.cluster.version, found.cluster.region, str(mode))
    request, image, image_notes = _image(installed.deployment, request)
    pod, pod_notes, values = _pod(installed)
    priorities = installed.priorities
    translation = command_line.translate(
        installed.deployment.arguments,
        request=request,
        minor=_minor(installed.deployment, found.cluster.version),
        namespace=installed.deployment.namespace,
        cluster=found.cluster.name,
        priorities=None if isinstance(priorities, Unreadable) else priorities,
    )
    place, account, place_notes = _place(installed)
    if mode is Source.POD_IDENTITY:
        credential_entries = (*credential_entries, *_pod_identity(found, installed, account))
    entries = (*place, *image, *translation.settings, *pod, *([Entry("values", values)] if values else []))
    return Autoscaler(
        (*credential_entries, *([Entry("autoscaler", entries)] if entries else [])),
        (*mode_notes, *notes, *place_notes, *image_notes, *translation.notes, *pod_notes),
        translation.by_program,
        translation.apart or (_ONE_PORT if installed.pod_spec.get("hostNetwork") else ""),
    )


def _minor(deployment: Deployment, cluster_version: str) -> versions.Minor:
    """The version that runs; the cluster's own if the tag is not a version."""
    known = versions.parse_minor(image_tag(deployment.image)) or versions.parse_minor(cluster_version)
    return known or max(compatibility.NEWEST_PATCH)


# --- credentials ------------------------------------------------------------------------------------------------------


def _mode(found: Found, installed: Installed) -> tuple[Source, list[str]]:
    """The credential mode: the one that is used now, where the program has it."""
    source = installed.source
    if source is Source.STATIC_KEYS:
        return Source.IRSA, [
            "The Deployment has AWS access keys in its environment. The program does not support access keys and uses "
            "irsa. Delete the keys after the move."
        ]
    if source is Source.NODE_ROLE and not has_managed_groups(found):
        return Source.IRSA, [
            "The pods use the role of their nodes. The program supports nodeRole for managed node groups only, and the "
            "cluster has none, so it uses irsa."
        ]
    return source, []


def _credentials(found: Found, mode: Source) -> tuple[tuple[Entry, ...], list[str]]:
    notes: list[str] = []
    comments: dict[Source, str] = {
        Source.IRSA: "IRSA: only the service account of the autoscaler can assume the role.",
        Source.POD_IDENTITY: "EKS Pod Identity: an association gives the role to the service account.",
        Source.NODE_ROLE: (
            "The autoscaler's pods use the role of their nodes, and so can every other pod on these nodes. "
            "docs/credentials.md explains how to change to irsa after the move."
        ),
    }
    entries = [Entry("credentials", str(mode), (comments[mode],))]
    if mode is Source.IRSA:
        entries += _provider(found, notes)
    return tuple(entries), notes


def _provider(found: Found, notes: list[str]) -> list[Entry]:
    provider = found.oidc_provider
    if provider is None or isinstance(provider, Unreadable):
        return []  # The program creates it, or adopts one that exists.
    if iam.AUDIENCE not in provider.audiences:
        notes.append(
            f"The OIDC provider {provider.arn} does not accept the audience {iam.AUDIENCE}. The stack adopts the "
            "provider and adds the audience."
        )
        return []
    comment = (
        "The account already has an OIDC provider for this cluster, so the stack only reads it. Without this setting "
        "the stack adopts the provider. In both cases the provider stays when the stack is destroyed."
    )
    return [Entry("oidcProvider", {"create": False}, (comment,))]


def _pod_identity(found: Found, installed: Installed | None, account: str) -> list[Entry]:
    """The association to adopt, and whether the agent's add-on is another tool's."""
    value: dict[str, Any] = {}
    comments = []
    associations = installed.associations if installed else ()
    if (
        installed
        and associations
        and not isinstance(associations, Unreadable)
        and account == installed.deployment.service_account
        and not validation.pod_identity_association("", associations[0].id)
    ):
        value["associationId"] = associations[0].id
        comments.append(
            f"The stack adopts the association that gives the role {associations[0].role_arn}, and changes its role."
        )
    if found.agent_addon is not None and not isinstance(found.agent_addon, Unreadable):
        value["installAgent"] = False
        comments.append(
            f"The add-on eks-pod-identity-agent exists ({found.agent_addon}), so the stack does not install it."
        )
    return [Entry("podIdentity", value, tuple(comments))] if value else []


# --- place and image --------------------------------------------------------------------------------------------------


def _place(installed: Installed) -> tuple[list[Entry], str, list[str]]:
    """Namespace and service account: the Deployment's, unless uninstalling its release would delete the account."""
    deployment = installed.deployment
    entries, notes = [], []
    if deployment.namespace != "kube-system":
        entries.append(Entry("namespace", deployment.namespace))
    account = installed.account if isinstance(installed.account, Account) else None
    owner = account.annotations.get(RELEASE_ANNOTATION, "") if account else ""
    name = deployment.service_account
    if name == "default":
        notes.append("The pods use the service account default. The program creates cluster-autoscaler.")
        name = NAME
    elif owner and owner != NAME:
        own = NAME if name != NAME else f"{NAME}-2"
        notes.append(
            f"The service account {name} belongs to the Helm release {owner}, which deletes it when it is "
            f"uninstalled. The program creates {own}."
        )
        name = own
    if name != NAME:
        entries.append(Entry("serviceAccount", name))
    return entries, name, notes


def _image(
    deployment: Deployment, request: compatibility.Request
) -> tuple[compatibility.Request, list[Entry], list[str]]:
    """The image that runs now, where the program can run it; and the request for what it will run."""
    repository = deployment.image.partition("@")[0].removesuffix(f":{image_tag(deployment.image)}")
    tag = image_tag(deployment.image)
    image: dict[str, str] = {}
    notes, comments = [], []
    if repository in _FORMER_REPOSITORIES:
        notes.append(f"The image comes from {repository}, which is frozen. The program uses {_PUBLIC_REPOSITORY}.")
    elif repository != _PUBLIC_REPOSITORY:
        if faults := validation.image_repository("", repository):
            notes.append(f"The image's repository is not kept: got {faults[0].got}; expected {faults[0].expected}.")
        else:
            image["repository"] = repository
            comments.append("The running Deployment uses this repository.")
    pinned = request._replace(image_tag=tag)
    _, refused = compatibility.solve(pinned)
    wrong = refused[0].expected if refused else _too_old(tag)
    solution, unpinned = compatibility.solve(request)
    newest = solution.image_tag if solution else ""
    if not wrong and tag != newest:
        image["tag"] = tag
        comments.append(
            f"The running version. Without tag the program installs {newest}, the newest known version that fits "
            f"Kubernetes {request.kubernetes_version}."
        )
        request = pinned
    elif wrong and not unpinned:
        notes.append(f"The image's tag {tag or '(none)'} is not kept; the program installs {newest}. Expected {wrong}.")
    notes += [f"{fault.got}; expected {fault.expected}." for fault in unpinned]
    return request, [Entry("image", image, tuple(comments))] if image else [], notes


def _too_old(tag: str) -> str:
    """Why a version that the tables no longer cover is not kept; empty if they cover it."""
    oldest = min(compatibility.NEWEST_PATCH)
    if (versions.parse_minor(tag) or oldest) >= oldest:
        return ""
    return f"{versions.dotted(oldest)} or later, whose flags the chart uses"


# --- pods -------------------------------------------------------------------------------------------------------------


def _pod(installed: Installed) -> tuple[list[Entry], list[str], dict[str, Any]]:
    """Settings of the pods, what is not kept of them, and values of the chart for what has no setting."""
    spec, container = installed.pod_spec, installed.container
    entries: list[Entry] = []
    notes: list[str] = []
    replicas = installed.deployment.replicas
    if not isinstance(replicas, int) or not 1 <= replicas <= _MOST_REPLICAS:
        notes.append(f"The Deployment has {replicas} replicas; the program runs 2. To change that, set replicas.")
    elif replicas != 2:
        entries.append(
            Entry("replicas", replicas, ("One replica leads, the others wait. The program's default is 2.",))
        )
    entries += _resources(container, notes)
    priority = spec.get("priorityClassName")
    if priority and priority != _PRIORITY_CLASS:
        entries.append(Entry("priorityClassName", str(priority)))
    elif not priority:
        notes.append(f"The pods have no priority class; the program's have {_PRIORITY_CLASS}.")
    entries += _placement(spec, notes)
    entries += _annotations(installed.deployment, notes)
    values: dict[str, Any] = {}
    if isinstance(spec.get("affinity"), Mapping) and spec["affinity"]:
        values["affinity"] = dict(spec["affinity"])
    # The chart's values have the names of the fields. Without the node's network, pods may not reach the node's role.
    if spec.get("hostNetwork") is True:
        values["hostNetwork"] = True
    if spec.get("dnsPolicy") in _DNS_POLICIES:
        values["dnsPolicy"] = spec["dnsPolicy"]
    secrets = [str(each["name"]) for each in items(spec.get("imagePullSecrets")) if each.get("name")]
    if secrets:
        values["image"] = {"pullSecrets": secrets}
    notes += _left_out(installed)
    return entries, notes, values


def _resources(container: Mapping[str, Any], notes: list[str]) -> list[Entry]:
    given = container.get("resources")
    resources: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    requests, limits = texts(resources.get("requests")), texts(resources.get("limits"))
    wanted = {"cpu": requests.get("cpu", ""), "memory": limits.get("memory") or requests.get("memory", "")}
    kept = {}
    for kind, quantity in wanted.items():
        if not quantity:
            continue
        if faults := validation.quantity("", quantity):
            notes.append(f"The {kind} of the pods is not kept: got {faults[0].got}; expected {faults[0].expected}.")
        else:
            kept[kind] = quantity
    if "cpu" in limits:
        notes.append(f"The CPU limit of {limits['cpu']} is not kept: the program limits memory only.")
    if requests.get("memory") and limits.get("memory") and requests["memory"] != limits["memory"]:
        notes.append(
            f"The memory request of {requests['memory']} becomes {limits['memory']}: the program requests what it "
            "limits."
        )
    programs = {"cpu": "100m", "memory": "600Mi"}
    return [Entry("resources", kept)] if any(programs[kind] != each for kind, each in kept.items()) else []


def _placement(spec: Mapping[str, Any], notes: list[str]) -> list[Entry]:
    selector = texts(spec.get("nodeSelector"))
    kept: dict[str, str] = {}
    for key, value in selector.items():
        if (key, value) == ("kubernetes.io/os", "linux"):
            continue
        if faults := validation.labels("", {key: value}):
            notes.append(f"The node selector {key}={value} is not kept: expected {faults[0].expected}.")
        else:
            kept[key] = value
    tolerations = []
    for each in items(spec.get("tolerations")):
        if each.get("key") in _TOLERATED_BY_DEFAULT:
            continue
        toleration = {key: str(each[key]) for key in ("key", "operator", "value", "effect") if each.get(key)}
        if why := _toleration_fault(toleration):
            notes.append(f"The toleration {dict(each)} is not kept: {why}.")
            continue
        tolerations.append(toleration)
        if "tolerationSeconds" in each:
            notes.append(
                f"The tolerationSeconds of the toleration {toleration} are not kept: the program has no setting."
            )
    return [
        *([Entry("nodeSelector", kept)] if kept else []),
        *([Entry("tolerations", tolerations)] if tolerations else []),
    ]


def _toleration_fault(toleration: Mapping[str, str]) -> str:
    if toleration.get("operator", "Equal") not in ("Equal", "Exists"):
        return "expected the operator Equal or Exists"
    if "effect" in toleration and toleration["effect"] not in discovery.TAINT_EFFECTS:
        return f"expected one of the effects {', '.join(discovery.TAINT_EFFECTS)}"
    if "key" not in toleration and toleration.get("operator") != "Exists":
        return "expected a key, or the operator Exists"
    return ""


def _annotations(deployment: Deployment, notes: list[str]) -> list[Entry]:
    kept: dict[str, str] = {}
    for key, value in deployment.pod_annotations.items():
        if key == _SAFE_TO_EVICT and value != "false":
            notes.append(f"The annotation {key}={value} is not kept: the program sets it to false.")
        if key in (_SAFE_TO_EVICT, CREDENTIALS_ANNOTATION) or key.startswith("kubectl.kubernetes.io/"):
            continue
        if faults := validation.qualified_name("", key):
            notes.append(f"The annotation {key} is not kept: expected {faults[0].expected}.")
        else:
            kept[key] = value
    return [Entry("podAnnotations", kept)] if kept else []


def _left_out(installed: Installed) -> list[str]:
    """What the pods have that neither a setting nor the above keeps. Values of variables may be secrets: names only."""
    spec, container = installed.pod_spec, installed.container
    notes = []
    variables = [str(each.get("name")) for each in items(container.get("env"))]
    further = [name for name in variables if name not in _PROGRAMS_ENVIRONMENT and not name.startswith("AWS_")]
    if further:
        notes.append(
            f"The environment variables {', '.join(further)} are not kept. To keep them, set "
            "autoscaler.values.extraEnv or extraEnvSecrets."
        )
    if container.get("envFrom"):
        notes.append("envFrom is not kept. To keep it, set autoscaler.values.envFromSecret or envFromConfigMap.")
    volumes = _further_volumes(spec, container)
    if volumes:
        notes.append(
            f"The volumes {', '.join(volumes)} are not kept. To keep them, set autoscaler.values.extraVolumes and "
            "extraVolumeMounts."
        )
    others = [str(each.get("name")) for each in items(spec.get("containers")) if each is not container]
    if others or spec.get("initContainers"):
        first = [str(each.get("name")) for each in items(spec.get("initContainers"))]
        notes.append(f"The further containers {', '.join([*others, *first])} are not kept.")
    if spec.get("dnsPolicy") not in (None, "ClusterFirst", *_DNS_POLICIES):
        notes.append(f"The DNS policy {spec['dnsPolicy']} is not kept.")
    return notes


def _further_volumes(spec: Mapping[str, Any], container: Mapping[str, Any]) -> Sequence[str]:
    """Volumes of the container, without the certificates of the node, which the public example mounts needlessly."""
    mounts = {str(each.get("name")): str(each.get("mountPath", "")) for each in items(container.get("volumeMounts"))}
    names = [str(each.get("name")) for each in items(spec.get("volumes"))]
    return [name for name in names if not mounts.get(name, _CERTIFICATES).startswith(_CERTIFICATES)]
