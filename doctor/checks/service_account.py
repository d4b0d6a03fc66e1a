"""Second link: the pod's service account has one AWS role, and the pod carries the role's credentials."""

import re
from collections.abc import Iterator, Sequence

from .. import credentials
from .._shared import compatibility, iam, versions
from ..arguments import image_tag
from ..case import Case, broken
from ..facts import AgentDaemonSet, Deployment, NodeMachine, Source
from ..findings import Finding, Status
from ..readings import Unreadable
from ..rules import service_account as rules
from .wording import number

_ARN = re.compile(r"arn:[\w-]+:iam::(\d{12}):role/\S+")
_ROLE_NAME = re.compile(r"[\w+=,.@/-]+")
_ASSUMED = re.compile(r"assumed-role/([\w+=,.@-]+)/")


def check(case: Case, earlier: Sequence[Finding]) -> Iterator[Finding]:
    """Check the service account, and the credentials that its pods carry."""
    if case.deployment is None:
        missing = broken(earlier, "pod.deployment")
        found = case.snapshot.kubernetes.deployments
        yield rules.EXISTS.unread(found) if isinstance(found, Unreadable) else rules.EXISTS.after(missing)
        return
    accounts = case.snapshot.kubernetes.service_accounts
    if isinstance(accounts, Unreadable):
        yield rules.EXISTS.unread(accounts)
        return
    name = f"{case.deployment.namespace}/{case.deployment.service_account}"
    if case.service_account is None:
        yield rules.EXISTS.broken(
            f"The service account {name} does not exist.",
            "an existing service account",
            case.fixer.create_service_account(),
        )
        return
    yield rules.EXISTS.ok(f"The service account is {name}.")
    associations = case.snapshot.aws.associations
    if isinstance(associations, Unreadable):
        yield rules.SOURCE.unread(associations)
        associations = ()
    sources = credentials.declared(case.deployment, case.service_account, associations)
    winner = sources[0]
    role_arn = _role_arn(case, winner.role_arn) if winner.source is Source.IRSA else None
    if role_arn and role_arn.status is Status.BROKEN:
        # EKS passes the annotation on as it is, so every later link fails because of it.
        yield from (rules.SOURCE.after([role_arn]), role_arn, rules.INJECTED.after([role_arn]))
        yield from _node_role(case)
        return
    source = _source(case, case.deployment, sources)
    yield source
    if role_arn:
        yield role_arn
    if source.status is Status.BROKEN:
        yield rules.INJECTED.after([source])
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
        Source.STATIC_KEYS: "an AWS access key in the pod's environment",
    }
    if intent and intent.credentials and winner.source is not intent.credentials:
        return rules.SOURCE.broken(
            f"The credentials come from {named[winner.source]}.",
            f"{named[intent.credentials]}, as the stack sets",
            _restore(case, intent.credentials, intent.role_arn or "", sources),
        )
    if intent and intent.role_arn and winner.role_arn and winner.role_arn != intent.role_arn:
        return rules.SOURCE.broken(
            f"The role of the service account is {winner.role_arn}.",
            f"{intent.role_arn}, as the stack sets",
            _restore(case, winner.source, intent.role_arn, sources[1:]),
        )
    accounts = case.snapshot.kubernetes.service_accounts
    elsewhere = None if isinstance(accounts, Unreadable) else credentials.annotated_elsewhere(deployment, accounts)
    if winner.source is Source.NODE_ROLE and elsewhere:
        return rules.SOURCE.broken(
            f"The role belongs to the service account {elsewhere.name}; the pods use {deployment.service_account}.",
            "the role on the service account that the pods use",
            case.fixer.values({"rbac.serviceAccount.name": elsewhere.name}),
        )
    left = next((each for each in case.carried if each.source is not Source.NODE_ROLE), None)
    if winner.source is Source.NODE_ROLE and left:
        return rules.SOURCE.broken(
            f"The pods still carry {left.role_arn or named[left.source]}; new pods do not get it.",
            named[left.source],
            _restore(case, left.source, left.role_arn, sources),
        )
    if winner.source is Source.STATIC_KEYS:
        return rules.SOURCE.warning(
            f"The credentials come from {named[winner.source]}. They never expire, and override every role.",
            "short-lived credentials of a role",
            _forget(case, winner.source),
        )
    if len(sources) > 2:
        return rules.SOURCE.warning(
            f"The credentials come from {named[winner.source]}, which hides {named[sources[1].source]}.",
            "one source of credentials",
            _forget(case, sources[1].source),
        )
    return rules.SOURCE.ok(f"The credentials come from {named[winner.source]} {winner.role_arn}".strip())


def _restore(case: Case, wanted: Source, role_arn: str, sources: Sequence[credentials.Credentials]) -> str:
    """How to get from the source in use to the wanted one, which the one in use may only hide."""
    if sources and wanted in {each.source for each in sources[1:]}:
        return _forget(case, sources[0].source)
    return case.fixer.give_role(wanted, role_arn)


def _forget(case: Case, source: Source) -> str:
    associations = case.snapshot.aws.associations
    if source is Source.STATIC_KEYS:
        return case.fixer.values({"awsAccessKeyID": "", "awsSecretAccessKey": ""})
    if source is Source.POD_IDENTITY and not isinstance(associations, Unreadable) and associations:
        return case.fixer.remove_association(associations[0].id)
    return case.fixer.remove_annotation()


def _role_arn(case: Case, arn: str) -> Finding:
    if _ARN.fullmatch(arn):
        return rules.ROLE_ARN.ok(f"The annotation is {arn}.")
    intended = _intended_arn(case, arn)
    return rules.ROLE_ARN.broken(
        f"The annotation {credentials.ROLE_ANNOTATION} is {arn!r}.",
        "arn:<partition>:iam::<account>:role/<name>",
        case.fixer.annotate(intended) if intended else "Set the annotation to the ARN of the role.",
    )


def _intended_arn(case: Case, text: str) -> str:
    """The ARN that an annotation means: the stack's, the one in quotes, or that of a role of the account; or none."""
    if case.snapshot.intent and case.snapshot.intent.role_arn:
        return case.snapshot.intent.role_arn
    bare = text.strip(" \"'")
    if _ARN.fullmatch(bare):
        return bare
    if case.cluster and _ROLE_NAME.fullmatch(bare):
        return f"arn:{case.cluster.partition}:iam::{case.cluster.account}:role/{bare}"
    return ""


def _injected(case: Case, wanted: credentials.Credentials) -> Iterator[Finding]:
    pods = case.snapshot.kubernetes.pods
    if isinstance(pods, Unreadable):
        yield rules.INJECTED.unread(pods)
        return
    for pod, carried in zip(pods, case.carried, strict=True):
        same_role = not carried.role_arn or not wanted.role_arn or carried.role_arn == wanted.role_arn
        if carried.source is not wanted.source or not same_role:
            has = carried.role_arn or {Source.NODE_ROLE: "no credentials and uses the node's role"}.get(
                carried.source, carried.source.value
            )
            yield rules.INJECTED.broken(
                f"Pod {pod.name} carries {has}. The pod is older than the credentials of its service account.",
                f"{wanted.source} {wanted.role_arn}".strip(),
                case.fixer.restart(),
            )
            return
    if pods:
        yield rules.INJECTED.ok(f"The credentials are in {number(len(pods), 'pod')} of the autoscaler.")
    yield from _role_in_use(case, wanted)


def _role_in_use(case: Case, wanted: credentials.Credentials) -> Iterator[Finding]:
    """The log names the role whenever AWS rejects a call."""
    if wanted.source not in (Source.IRSA, Source.POD_IDENTITY) or not case.role_name:
        return
    used = {match[1] for line in case.recent_logs for match in _ASSUMED.finditer(line.text)}
    others = sorted(used - {case.role_name})
    if others:
        yield rules.ROLE_IN_USE.broken(
            f"The autoscaler's log shows calls to AWS with the role {', '.join(others)}.",
            case.role_name,
            case.fixer.restart(),
        )


def _agent(case: Case) -> Finding:
    addon, daemons = case.snapshot.aws.agent_addon, case.snapshot.kubernetes.agent
    if isinstance(daemons, AgentDaemonSet):
        seen = f"Ready EKS Pod Identity agents: {daemons.ready} of {daemons.desired}."
        if daemons.ready < daemons.desired or not daemons.desired:
            judge = rules.AGENT.warning if daemons.ready else rules.AGENT.broken
            return judge(seen, "a ready agent on every node", case.fixer.restart_agents())
        return rules.AGENT.ok(seen)
    if case.cluster and case.cluster.auto_mode_pools:
        return rules.AGENT.ok("EKS Auto Mode includes the agent.")
    if isinstance(addon, Unreadable):
        return rules.AGENT.unread(addon)
    if addon == "ACTIVE":
        return rules.AGENT.ok("The add-on eks-pod-identity-agent is active.")
    if addon is None and isinstance(daemons, Unreadable):
        return rules.AGENT.unread(daemons)
    seen = (
        f"The add-on eks-pod-identity-agent is {addon}."
        if addon
        else "The add-on eks-pod-identity-agent is not installed."
    )
    return rules.AGENT.broken(seen, "an active add-on eks-pod-identity-agent", case.fixer.agent_addon())


def _agent_version(case: Case) -> Iterator[Finding]:
    if case.image is None or case.deployment is None:
        return
    tag = image_tag(case.deployment.image)
    if compatibility.supports_pod_identity(case.image):
        yield rules.AGENT_VERSION.ok(f"Cluster Autoscaler {tag} supports Pod Identity.")
        return
    floor = compatibility.POD_IDENTITY_FLOORS.get(case.image[:2], (1, 29, 0))
    newest = compatibility.fitting_image(case.cluster_minor) if case.cluster_minor else floor
    yield rules.AGENT_VERSION.broken(
        f"Cluster Autoscaler {tag} rejects the address of the EKS Pod Identity agent.",
        f"Cluster Autoscaler {versions.dotted(floor)} or a later patch, or 1.29 or later",
        case.fixer.image(f"v{versions.dotted(max(floor, newest) if newest[:2] >= floor[:2] else floor)}"),
    )


def _hop_limit(case: Case) -> Iterator[Finding]:
    machine = case.snapshot.aws.machine
    if isinstance(machine, Unreadable):
        yield rules.HOP_LIMIT.unread(machine)
    elif machine is None or (case.deployment and case.deployment.host_network):
        return
    elif machine.hop_limit < 2:
        yield rules.HOP_LIMIT.broken(
            f"The pod uses the node's credentials, and the metadata hop limit of node {machine.instance_id} is "
            f"{machine.hop_limit}.",
            "a hop limit of 2, or a role for the service account",
            case.fixer.hop_limit(machine.instance_id),
        )
    else:
        yield rules.HOP_LIMIT.ok(f"The metadata hop limit of node {machine.instance_id} is {machine.hop_limit}.")


def _node_role(case: Case) -> Iterator[Finding]:
    decisions, machine = case.snapshot.aws.node_role_decisions, case.snapshot.aws.machine
    if isinstance(decisions, Unreadable):
        yield rules.NODE_ROLE.unread(decisions)
    elif isinstance(machine, NodeMachine) and machine.role_arn:
        name = iam.role_name(machine.role_arn)
        allowed = sorted({decision.action for decision in decisions if decision.allowed})
        if allowed:
            yield rules.NODE_ROLE.warning(
                f"The node's role {name} allows {', '.join(allowed)} for every pod on the node.",
                "these permissions on the service account's role only",
                f"Detach the policy that allows it: aws iam list-attached-role-policies --role-name {name}",
            )
        else:
            yield rules.NODE_ROLE.ok(f"The node's role {name} allows no scaling.")
