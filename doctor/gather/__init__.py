"""Gather the snapshot: every read once, in parallel, in rounds that build on each other."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from .. import access, arguments, credentials
from .._shared import compatibility, discovery, iam, versions
from ..case import choose_deployment
from ..clients import Aws, Kubernetes
from ..errors import CannotCheckError
from ..facts import (
    Access,
    AwsFacts,
    Caller,
    Cluster,
    Decision,
    Deployment,
    Event,
    KubernetesFacts,
    Node,
    NodeGroup,
    NodeMachine,
    Snapshot,
    Source,
)
from ..readings import Reading, Unreadable, all_found, then
from ..target import Target
from . import aws as aws_reads
from . import kubernetes as kubernetes_reads
from . import leader as leader_reads

Connect = Callable[[Reading[Cluster]], Reading[Kubernetes]]
"""Returns a client for the API server, once the cluster is known or could not be described."""

SIDE_BY_SIDE = 16
"""Parallel requests: fast, and below the rates at which EKS and IAM throttle."""


def take_snapshot(target: Target, aws: Aws, connect: Connect, now: datetime) -> Snapshot:
    """Gather all facts.

    Args:
        target: The cluster to read.
        aws: Client for its region.
        connect: Returns the client for its API server.
        now: The time of the snapshot.

    Raises:
        CannotCheckError: When there is no such cluster, or neither AWS nor Kubernetes can be read at all.
    """
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        caller = pool.submit(aws_reads.caller, aws)
        cluster = aws_reads.cluster(aws, target.cluster)
        groups = pool.submit(aws_reads.groups, aws)
        failed_launches = pool.submit(aws_reads.failed_launches, aws)
        agent_addon = pool.submit(aws_reads.agent_addon, aws, target.cluster)
        names = pool.submit(aws_reads.node_group_names, aws, target.cluster)
        provider = cluster if isinstance(cluster, Unreadable) else pool.submit(aws_reads.oidc_provider, aws, cluster)
        support = cluster if isinstance(cluster, Unreadable) else pool.submit(aws_reads.support, aws, cluster.version)
        node_groups = _node_groups(pool, aws, target.cluster, names.result())
        kubernetes_facts, deployment = _kubernetes_facts(pool, connect(cluster), target)
        aws_facts = AwsFacts(
            caller=caller.result(),
            cluster=cluster,
            support=support if isinstance(support, Unreadable) else support.result(),
            groups=groups.result(),
            node_groups=then(node_groups, all_found),
            failed_launches=failed_launches.result(),
            agent_addon=agent_addon.result(),
            oidc_provider=provider if isinstance(provider, Unreadable) else provider.result(),
        )
        if isinstance(aws_facts.caller, Unreadable) and isinstance(kubernetes_facts.version, Unreadable):
            raise CannotCheckError(
                f"The doctor can read neither AWS nor Kubernetes.\n  {aws_facts.caller.call}: "
                f"{aws_facts.caller.message}\n"
                f"  {kubernetes_facts.version.call}: {kubernetes_facts.version.message}"
            )
        snapshot = Snapshot(now, target.cluster, target.region, aws_facts, kubernetes_facts, target.intent)
        return replace(snapshot, aws=_with_role(pool, aws, snapshot, deployment)) if deployment else snapshot


# --- Kubernetes -------------------------------------------------------------------------------------------------------


def _kubernetes_facts(
    pool: ThreadPoolExecutor, kubernetes: Reading[Kubernetes], target: Target
) -> tuple[KubernetesFacts, Deployment | None]:
    if isinstance(kubernetes, Unreadable):
        return _unreachable(kubernetes), None
    version = kubernetes_reads.version(kubernetes)
    if isinstance(version, Unreadable) and not version.denied:
        return _unreachable(version), None

    api_groups = pool.submit(kubernetes_reads.api_groups, kubernetes)
    nodes = pool.submit(kubernetes_reads.nodes, kubernetes)
    pending_pods = pool.submit(kubernetes_reads.pending_pods, kubernetes)
    volumes = pool.submit(kubernetes_reads.zonal_volumes, kubernetes)
    agent = pool.submit(kubernetes_reads.agent, kubernetes)
    events = [
        pool.submit(kubernetes_reads.pod_events, kubernetes, reason)
        for reason in ("NotTriggerScaleUp", "TriggeredScaleUp")
    ]
    found = kubernetes_reads.deployments(kubernetes)
    autoscalers = found if isinstance(found, Unreadable) else kubernetes_reads.autoscalers(found)
    preferred = target.intent.release or "" if target.intent else ""
    deployment = (
        None if isinstance(autoscalers, Unreadable) else choose_deployment(autoscalers, target.cluster, preferred)
    )
    own_events = (
        [pool.submit(kubernetes_reads.config_map_events, kubernetes, deployment.namespace)] if deployment else []
    )
    facts = KubernetesFacts(
        version=version,
        api_groups=api_groups.result(),
        deployments=autoscalers,
        karpenter=() if isinstance(found, Unreadable) else kubernetes_reads.karpenter(found),
        nodes=nodes.result(),
        pending_pods=pending_pods.result(),
        zonal_volumes=volumes.result(),
        agent=agent.result(),
        events=_joined([each.result() for each in [*events, *own_events]]),
    )
    if deployment is None:
        # Its release may still exist, and can create it again.
        newest = (
            kubernetes_reads.release(kubernetes, "kube-system", preferred) if preferred else kubernetes_reads.Revision()
        )
        return replace(facts, release=newest.status, revision=newest.number, revised_at=newest.at), None
    return _with_deployment(pool, kubernetes, facts, deployment), deployment


def _unreachable(unreadable: Unreadable) -> KubernetesFacts:
    unread: dict[str, Any] = {each.name: unreadable for each in fields(KubernetesFacts) if each.name != "karpenter"}
    return KubernetesFacts(**unread)


def _joined(parts: Iterable[Reading[tuple[Event, ...]]]) -> Reading[tuple[Event, ...]]:
    events: list[Event] = []
    for part in parts:
        if isinstance(part, Unreadable):
            return part
        events += part
    return tuple(events)


def _with_deployment(
    pool: ThreadPoolExecutor, kubernetes: Kubernetes, facts: KubernetesFacts, deployment: Deployment
) -> KubernetesFacts:
    """Read what depends on the Deployment."""
    namespace, account = deployment.namespace, deployment.service_account
    given = arguments.parse_arguments(deployment.arguments)
    status_map = given.get("status-config-map-name", access.STATUS_CONFIG_MAP)
    lease = given.get("leader-elect-resource-name", access.LEASE)
    release_name = deployment.labels.get("app.kubernetes.io/instance", "")
    by_helm = deployment.labels.get("app.kubernetes.io/managed-by") == "Helm" and release_name

    accounts = pool.submit(kubernetes_reads.service_accounts, kubernetes, namespace)
    status = pool.submit(kubernetes_reads.config_map, kubernetes, given.namespace, status_map)
    priorities = pool.submit(kubernetes_reads.config_map, kubernetes, given.namespace, access.PRIORITY_CONFIG_MAP)
    lease_read = pool.submit(kubernetes_reads.lease, kubernetes, given.namespace, lease)
    release = pool.submit(kubernetes_reads.release, kubernetes, namespace, release_name) if by_helm else None
    minor = _minor(deployment)
    rights = {
        right: pool.submit(kubernetes_reads.allowed, kubernetes, namespace, account, right)
        for right in access.needs(minor, given)
    }
    pods = kubernetes_reads.pods(kubernetes, deployment)
    leader = leader_reads.leader(pods, lease_read.result())
    metrics = pool.submit(leader_reads.metrics, kubernetes, deployment, leader)
    newest = release.result() if release else kubernetes_reads.Revision()
    return replace(
        facts,
        pods=pods,
        logs=pods if isinstance(pods, Unreadable) else kubernetes_reads.logs(kubernetes, namespace, pods),
        service_accounts=accounts.result(),
        access=_rights(rights),
        status=status.result(),
        priorities=priorities.result(),
        lease=lease_read.result(),
        release=newest.status,
        revision=newest.number,
        revised_at=newest.at,
        metrics=metrics.result(),
    )


def _minor(deployment: Deployment) -> versions.Minor:
    """The minor version whose rights are checked; the newest known if the image tag is not a version."""
    patch = versions.parse_patch(arguments.image_tag(deployment.image))
    return patch[:2] if patch else max(compatibility.NEWEST_PATCH)


def _rights(asked: Mapping[Access, Future[Reading[bool]]]) -> Reading[Mapping[Access, bool]]:
    answers: dict[Access, bool] = {}
    for right, future in asked.items():
        answer = future.result()
        if isinstance(answer, Unreadable):
            return answer
        answers[right] = answer
    return answers


# --- AWS --------------------------------------------------------------------------------------------------------------


def _node_groups(
    pool: ThreadPoolExecutor, aws: Aws, cluster: str, names: Reading[list[str]]
) -> Reading[Iterator[Reading[NodeGroup | None]]]:
    """Start to describe the node groups; their descriptions arrive while Kubernetes is read."""
    if isinstance(names, Unreadable):
        return names
    return pool.map(lambda name: aws_reads.node_group(aws, cluster, name), names)


@dataclass(frozen=True)
class _Identity:
    """The autoscaler's identity in AWS."""

    source: Source | None
    role_arn: str


def _with_role(pool: ThreadPoolExecutor, aws: Aws, snapshot: Snapshot, deployment: Deployment) -> AwsFacts:
    """Read what depends on the source of the autoscaler's credentials."""
    facts = snapshot.aws
    associations_future = pool.submit(
        aws_reads.associations, aws, snapshot.cluster_name, deployment.namespace, deployment.service_account
    )
    machine = _machine(aws, snapshot)
    facts = replace(facts, associations=associations_future.result(), machine=machine)
    identity = _identity(replace(snapshot, aws=facts), deployment)
    facts = replace(facts, source=identity.source, role_arn=identity.role_arn)
    account = _account(facts)
    if not identity.role_arn or not account:
        return facts
    role = aws_reads.role(aws, identity.role_arn, account)
    facts = replace(facts, role=role)
    if isinstance(role, Unreadable):
        return replace(facts, policies=role, decisions=role, node_role_decisions=role)
    cluster = facts.cluster
    if role is None or isinstance(cluster, Unreadable):
        return facts
    beyond = _role_beyond(facts)
    if beyond:
        return replace(facts, policies=beyond, decisions=beyond)
    facts = replace(facts, role_arn=role.arn, policies=aws_reads.policies(pool, aws, role.name))
    return _with_decisions(pool, aws, facts, cluster, deployment)


def _role_beyond(facts: AwsFacts) -> Unreadable | None:
    """A target role that Pod Identity assumes for the pod: it may belong to any account, and is not checked."""
    associations = () if isinstance(facts.associations, Unreadable) else facts.associations
    target = associations[0].target_role_arn if associations and facts.source is Source.POD_IDENTITY else ""
    why = f"the association uses the target role {target}, which the doctor does not check"
    return Unreadable("iam:SimulatePrincipalPolicy", False, why) if target else None


def _account(facts: AwsFacts) -> str:
    known: Reading[Cluster] | Reading[Caller]
    for known in (facts.cluster, facts.caller):
        if not isinstance(known, Unreadable):
            return known.account
    return ""


def _machine(aws: Aws, snapshot: Snapshot) -> Reading[NodeMachine | None]:
    pods, nodes = snapshot.kubernetes.pods, snapshot.kubernetes.nodes
    if isinstance(pods, Unreadable):
        return pods
    if isinstance(nodes, Unreadable):
        return nodes
    hosts = {pod.node for pod in pods if pod.node}
    node: Node | None = next((node for node in nodes if node.name in hosts and node.instance_id.startswith("i-")), None)
    if node is None:
        return None
    label = node.labels.get("eks.amazonaws.com/nodegroup", "")
    return aws_reads.machine(aws, node.instance_id, snapshot.aws.node_groups, label)


def _identity(snapshot: Snapshot, deployment: Deployment) -> _Identity:
    """The intended identity of the autoscaler: by the stack, else as declared, else by its pods."""
    accounts, associations = snapshot.kubernetes.service_accounts, snapshot.aws.associations
    if isinstance(accounts, Unreadable):
        return _Identity(None, "")
    known = () if isinstance(associations, Unreadable) else associations
    pods = () if isinstance(snapshot.kubernetes.pods, Unreadable) else snapshot.kubernetes.pods
    intended = credentials.intended(snapshot.intent, deployment, accounts, known, pods)
    if intended.source is Source.NODE_ROLE:
        machine = snapshot.aws.machine
        return _Identity(Source.NODE_ROLE, "" if isinstance(machine, Unreadable) or not machine else machine.role_arn)
    return _Identity(intended.source, intended.role_arn)


def _with_decisions(
    pool: ThreadPoolExecutor, aws: Aws, facts: AwsFacts, cluster: Cluster, deployment: Deployment
) -> AwsFacts:
    context = {"aws:RequestedRegion": cluster.region}
    if facts.source is Source.POD_IDENTITY:
        context |= aws_reads.session_context(cluster, deployment.namespace, deployment.service_account)
    groups = () if isinstance(facts.groups, Unreadable) else facts.groups
    node_groups = () if isinstance(facts.node_groups, Unreadable) else facts.node_groups
    group_tags = {group.arn: group.tags for group in groups}
    node_group_tags = {group.arn: group.tags for group in node_groups}
    parts = [
        pool.submit(aws_reads.read_decisions, aws, facts.role_arn, context),
        pool.submit(
            aws_reads.decisions_on,
            aws,
            facts.role_arn,
            (iam.NODE_GROUP_ACTION,),
            node_group_tags,
            facts.policies,
            context,
        ),
        pool.submit(
            aws_reads.decisions_on, aws, facts.role_arn, iam.WRITE_ACTIONS, group_tags, facts.policies, context
        ),
    ]
    node_role = pool.submit(_node_role_decisions, aws, facts, cluster)
    decisions: list[Decision] = []
    for part in parts:
        answer = part.result()
        if isinstance(answer, Unreadable):
            return replace(facts, decisions=answer, node_role_decisions=node_role.result())
        decisions += answer
    return replace(facts, decisions=tuple(decisions), node_role_decisions=node_role.result())


def _node_role_decisions(aws: Aws, facts: AwsFacts, cluster: Cluster) -> Reading[tuple[Decision, ...]]:
    """Whether the node's role allows scaling: simulated for one group of the cluster, which is enough."""
    machine = facts.machine
    if isinstance(machine, Unreadable):
        return machine
    if facts.source is Source.NODE_ROLE or machine is None or not machine.role_arn:
        return ()
    groups = () if isinstance(facts.groups, Unreadable) else facts.groups
    own = next((group for group in groups if discovery.cluster_key(cluster.name) in group.tags), None)
    if own is None:
        return ()
    context = {"aws:RequestedRegion": cluster.region}
    unknown = Unreadable("iam:GetPolicy", False, "the policies of the node's role are not checked")
    return aws_reads.decisions_on(aws, machine.role_arn, iam.WRITE_ACTIONS, {own.arn: own.tags}, unknown, context)
