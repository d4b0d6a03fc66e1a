"""Second link: the pod's service account stands for exactly one AWS role, and the pod really carries it."""

import re
from collections.abc import Iterator, Sequence

from .. import credentials
from .._shared import compatibility, iam, versions
from ..arguments import image_tag
from ..case import Case, broken
from ..facts import AgentDaemonSet, Deployment, NodeMachine, Source
from ..findings import Finding, Link, RuleBook, Status
from ..readings import Unreadable
from .wording import number

BOOK = RuleBook(Link.SERVICE_ACCOUNT)

EXISTS = BOOK.rule(
    "exists",
    "The service account exists",
    "A Deployment may name a service account that does not exist; Kubernetes then creates no pod.",
)
ROLE_ARN = BOOK.rule(
    "role-arn",
    "The annotation is the ARN of a role",
    "EKS passes the text on unchecked; AWS rejects it when the pod asks for credentials.",
)
SOURCE = BOOK.rule(
    "source",
    "The credentials come from one source, the intended one",
    "With several sources one wins silently, and it may not be the one you maintain.",
)
INJECTED = BOOK.rule(
    "injected",
    "The pods carry these credentials",
    "EKS adds credentials when a pod is created: an older pod falls back to the node's role.",
)
ROLE_IN_USE = BOOK.rule(
    "role-in-use",
    "The autoscaler calls AWS as its own role",
    "Calls as the node's role mean that the service account's role is not used at all.",
)
AGENT = BOOK.rule(
    "pod-identity-agent",
    "The EKS Pod Identity agent runs",
    "The agent on each node hands out the credentials; without it every request fails.",
)
AGENT_VERSION = BOOK.rule(
    "pod-identity-version",
    "The autoscaler's version supports Pod Identity",
    "Older AWS SDKs reject the agent's address 169.254.170.23.",
)
HOP_LIMIT = BOOK.rule(
    "hop-limit",
    "The pod can reach the node's credentials",
    "With a hop limit of 1 the instance metadata service does not answer pods.",
)
NODE_ROLE = BOOK.rule(
    "node-role",
    "The node's role has no scaling permissions",
    "Every pod on a node has the permissions of its role; they also hide a role that does not work.",
)

_ARN = re.compile(r"arn:[\w-]+:iam::(\d{12}):role/\S+")
_ASSUMED = re.compile(r"assumed-role/([\w+=,.@-]+)/")


def check(case: Case, earlier: Sequence[Finding]) -> Iterator[Finding]:
    """Look at the service account, and at what its pods carry."""
    if case.deployment is None:
        missing = broken(earlier, "pod.deployment")
        found = case.snapshot.kubernetes.deployments
        yield EXISTS.unread(found) if isinstance(found, Unreadable) else EXISTS.after(missing)
        return
    accounts = case.snapshot.kubernetes.service_accounts
    if isinstance(accounts, Unreadable):
        yield EXISTS.unread(accounts)
        return
    name = f"{case.deployment.namespace}/{case.deployment.service_account}"
    if case.service_account is None:
        yield EXISTS.broken(
            f"The service account {name} does not exist.",
            "an existing service account",
            case.mender.create_service_account(),
        )
        return
    yield EXISTS.ok(f"The service account is {name}.")
    associations = case.snapshot.aws.associations
    if isinstance(associations, Unreadable):
        yield SOURCE.unread(associations)
        associations = ()
    sources = credentials.declared(case.deployment, case.service_account, associations)
    source = _source(case, case.deployment, sources)
    yield source
    winner = sources[0]
    if winner.source is Source.IRSA:
        yield _role_arn(case, winner.role_arn)
    if source.status is Status.BROKEN:
        yield INJECTED.after([source])
    else:
        yield from _injected(case, winner)
    if winner.source is Source.POD_IDENTITY:
        yield _agent(case)
        yield from _agent_version(case)
    if winner.source is Source.NODE_ROLE and source.status is not Status.BROKEN:
        yield from _hop_limit(case)
    if winner.source in (Source.IRSA, Source.POD_IDENTITY):
        yield from _node_role(case)


def _source(case: Case, deployment: Deployment, sources: list[credentials.Credentials]) -> Finding:
    winner, intent = sources[0], case.snapshot.intent
    named = {
        Source.IRSA: "the annotation (IRSA)",
        Source.POD_IDENTITY: "the Pod Identity association",
        Source.NODE_ROLE: "the node's role",
        Source.STATIC_KEYS: "an AWS access key in the environment",
    }
    if intent and intent.credentials and winner.source is not intent.credentials:
        return SOURCE.broken(
            f"The credentials come from {named[winner.source]}.",
            f"{named[intent.credentials]}, as the stack says",
            _restore(case, intent.credentials, intent.role_arn or "ROLE_ARN"),
        )
    if intent and intent.role_arn and winner.role_arn and winner.role_arn != intent.role_arn:
        return SOURCE.broken(
            f"The role is {winner.role_arn}.",
            f"{intent.role_arn}, as the stack says",
            _restore(case, winner.source, intent.role_arn),
        )
    accounts = case.snapshot.kubernetes.service_accounts
    elsewhere = None if isinstance(accounts, Unreadable) else credentials.annotated_elsewhere(deployment, accounts)
    if winner.source is Source.NODE_ROLE and elsewhere:
        return SOURCE.broken(
            f"The role is on the service account {elsewhere.name}, but the pods run as {deployment.service_account}.",
            "one service account for both",
            case.mender.values({"rbac.serviceAccount.name": elsewhere.name}),
        )
    left = next((each for each in case.carried if each.source is not Source.NODE_ROLE), None)
    if winner.source is Source.NODE_ROLE and left:
        return SOURCE.broken(
            f"The pods still carry {left.role_arn or named[left.source]}, but new pods do not get it.",
            named[left.source],
            _restore(case, left.source, left.role_arn or "ROLE_ARN"),
        )
    if winner.source is Source.STATIC_KEYS:
        return SOURCE.warning(
            f"The credentials come from {named[winner.source]}: they never expire, and take precedence over any role.",
            "short-lived credentials of a role",
            case.mender.values({"awsAccessKeyID": "", "awsSecretAccessKey": ""}),
        )
    if len(sources) > 2:
        return SOURCE.warning(
            f"The credentials come from {named[winner.source]}, which hides {named[sources[1].source]}.",
            "one source of credentials",
            _forget(case, sources[1].source),
        )
    return SOURCE.ok(f"The credentials come from {named[winner.source]} {winner.role_arn}".strip())


def _restore(case: Case, source: Source, role_arn: str) -> str:
    if source is Source.IRSA:
        return case.mender.annotate(role_arn)
    if source is Source.POD_IDENTITY:
        return case.mender.associate(role_arn)
    return _forget(case, Source.IRSA)


def _forget(case: Case, source: Source) -> str:
    return case.mender.remove_annotation() if source is Source.IRSA else case.mender.remove_association()


def _role_arn(case: Case, arn: str) -> Finding:
    if _ARN.fullmatch(arn):
        return ROLE_ARN.ok(arn)
    intended = case.snapshot.intent.role_arn if case.snapshot.intent else None
    partition, account = (case.cluster.partition, case.cluster.account) if case.cluster else ("aws", "ACCOUNT")
    return ROLE_ARN.broken(
        f"{credentials.ROLE_ANNOTATION}: {arn!r}.",
        "arn:<partition>:iam::<account>:role/<name>",
        case.mender.annotate(intended or f"arn:{partition}:iam::{account}:role/ROLE"),
    )


def _injected(case: Case, wanted: credentials.Credentials) -> Iterator[Finding]:
    pods = case.snapshot.kubernetes.pods
    if isinstance(pods, Unreadable):
        yield INJECTED.unread(pods)
        return
    for pod, carried in zip(pods, case.carried, strict=True):
        same_role = not carried.role_arn or not wanted.role_arn or carried.role_arn == wanted.role_arn
        if carried.source is not wanted.source or not same_role:
            has = carried.role_arn or {Source.NODE_ROLE: "nothing, so the node's role is used"}.get(
                carried.source, carried.source.value
            )
            yield INJECTED.broken(
                f"Pod {pod.name} carries {has}: it was created before this was set.",
                f"{wanted.source} {wanted.role_arn}".strip(),
                case.mender.restart(),
            )
            return
    if pods:
        yield INJECTED.ok(f"{number(len(pods), 'pod')} with these credentials.")
    yield from _role_in_use(case, wanted)


def _role_in_use(case: Case, wanted: credentials.Credentials) -> Iterator[Finding]:
    """The log names the role whenever AWS refuses something."""
    if wanted.source not in (Source.IRSA, Source.POD_IDENTITY) or not case.role_name:
        return
    used = {match[1] for line in case.recent_logs for match in _ASSUMED.finditer(line.text)}
    strangers = sorted(used - {case.role_name})
    if strangers:
        yield ROLE_IN_USE.broken(
            f"According to its log the autoscaler called AWS as the role {', '.join(strangers)}.",
            case.role_name,
            case.mender.restart(),
        )


def _agent(case: Case) -> Finding:
    addon, daemons = case.snapshot.aws.agent_addon, case.snapshot.kubernetes.agent
    if isinstance(daemons, AgentDaemonSet):
        seen = f"{daemons.ready} of {daemons.desired} agents are ready."
        if daemons.ready < daemons.desired or not daemons.desired:
            judge = AGENT.warning if daemons.ready else AGENT.broken
            restart = "kubectl --namespace kube-system rollout restart daemonset/eks-pod-identity-agent"
            return judge(seen, "one on every node", restart)
        return AGENT.ok(seen)
    if case.cluster and case.cluster.auto_mode_pools:
        return AGENT.ok("EKS Auto Mode has the agent built in.")
    if isinstance(addon, Unreadable):
        return AGENT.unread(addon)
    if addon == "ACTIVE":
        return AGENT.ok("The add-on eks-pod-identity-agent is active.")
    if addon is None and isinstance(daemons, Unreadable):
        return AGENT.unread(daemons)
    seen = f"The add-on is {addon}." if addon else "The add-on eks-pod-identity-agent is not installed."
    return AGENT.broken(seen, "the add-on eks-pod-identity-agent, active", case.mender.agent_addon())


def _agent_version(case: Case) -> Iterator[Finding]:
    if case.image is None or case.deployment is None:
        return
    tag = image_tag(case.deployment.image)
    if compatibility.takes_pod_identity(case.image):
        yield AGENT_VERSION.ok(f"Cluster Autoscaler {tag} supports Pod Identity.")
        return
    floor = compatibility.POD_IDENTITY_FLOORS.get(case.image[:2], (1, 29, 0))
    newest = compatibility.fitting_image(case.cluster_minor) if case.cluster_minor else floor
    yield AGENT_VERSION.broken(
        f"Cluster Autoscaler {tag} rejects the agent's address.",
        f"{versions.dotted(floor)} or later of its minor, or any 1.29 or later",
        case.mender.image(f"v{versions.dotted(max(floor, newest) if newest[:2] >= floor[:2] else floor)}"),
    )


def _hop_limit(case: Case) -> Iterator[Finding]:
    machine = case.snapshot.aws.machine
    if isinstance(machine, Unreadable):
        yield HOP_LIMIT.unread(machine)
    elif machine is None or (case.deployment and case.deployment.host_network):
        return
    elif machine.hop_limit < 2:
        yield HOP_LIMIT.broken(
            f"The credentials are the node's, and node {machine.instance_id} has the metadata hop limit "
            f"{machine.hop_limit}.",
            "a hop limit of 2, or a role for the service account",
            case.mender.hop_limit(machine.instance_id),
        )
    else:
        yield HOP_LIMIT.ok(f"Node {machine.instance_id} has the metadata hop limit {machine.hop_limit}.")


def _node_role(case: Case) -> Iterator[Finding]:
    decisions, machine = case.snapshot.aws.node_role_decisions, case.snapshot.aws.machine
    if isinstance(decisions, Unreadable):
        yield NODE_ROLE.unread(decisions)
    elif isinstance(machine, NodeMachine) and machine.role_arn:
        name = iam.role_name(machine.role_arn)
        allowed = sorted({decision.action for decision in decisions if decision.allowed})
        if allowed:
            yield NODE_ROLE.warning(
                f"The node's role {name} allows {', '.join(allowed)} too, for every pod on the node.",
                "these permissions on the service account's role only",
                f"aws iam list-attached-role-policies --role-name {name}   # then detach the one that allows it",
            )
        else:
            yield NODE_ROLE.ok(f"The node's role {name} allows no scaling.")
