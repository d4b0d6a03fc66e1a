"""The case: a snapshot and what follows from it, computed once for every check."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from . import arguments as command_line
from . import credentials
from ._shared import discovery, iam, versions
from .arguments import Arguments, Discovery, StaticGroup
from .facts import (
    AutoScalingGroup,
    Cluster,
    Deployment,
    Event,
    LogLine,
    Metrics,
    Node,
    NodeGroup,
    PendingPod,
    Pod,
    ServiceAccount,
    Snapshot,
    Source,
)
from .findings import Finding
from .fixes import Fixer
from .readings import Unreadable
from .status import LAST_UPDATED, RUNNING, STALE_AFTER, AutoscalerStatus, StatusFormatError, parse_go_time, parse_status
from .templates import Template, template

RECENT = timedelta(minutes=15)
"""Older log lines and events are history."""


def choose_deployment(deployments: tuple[Deployment, ...], cluster: str, preferred: str = "") -> Deployment | None:
    """Return the Deployment to check: the named one, or one that runs and discovers the cluster's groups."""

    def rank(deployment: Deployment) -> tuple[bool, bool, bool]:
        named = deployment.name == preferred
        discovers_us = any(discovery.cluster_key(cluster) in argument for argument in deployment.arguments)
        return named, deployment.replicas > 0, discovers_us

    return max(deployments, key=rank, default=None)


def tagged_owners(tags: Mapping[str, str]) -> set[str]:
    """Return the clusters that the tags of a group name as its owner."""
    owners = set()
    for key in tags:
        for prefix in ("kubernetes.io/cluster/", f"{discovery.PREFIX}/"):
            name = key.removeprefix(prefix)
            if name != key and "/" not in name and key != discovery.ENABLED_KEY:
                owners.add(name)
    return owners


@dataclass(frozen=True)
class Case:
    """One snapshot under check."""

    snapshot: Snapshot

    # --- the autoscaler ---

    @cached_property
    def deployment(self) -> Deployment | None:
        """The Deployment to check; None if there is none, or none could be read."""
        found = self.snapshot.kubernetes.deployments
        intent = self.snapshot.intent
        preferred = intent.release or "" if intent else ""
        return (
            None if isinstance(found, Unreadable) else choose_deployment(found, self.snapshot.cluster_name, preferred)
        )

    @cached_property
    def pods(self) -> tuple[Pod, ...]:
        """Its pods; empty when they could not be read."""
        found = self.snapshot.kubernetes.pods
        return () if isinstance(found, Unreadable) else found

    @cached_property
    def arguments(self) -> Arguments:
        """Its command line."""
        return command_line.parse_arguments(self.deployment.arguments if self.deployment else ())

    @cached_property
    def image(self) -> versions.Patch | None:
        """Version of its image; None when the tag is not a version."""
        return versions.parse_patch(command_line.image_tag(self.deployment.image)) if self.deployment else None

    @property
    def minor(self) -> versions.Minor | None:
        """Minor version of its image."""
        return self.image[:2] if self.image else None

    @cached_property
    def cluster_minor(self) -> versions.Minor | None:
        """Minor version of Kubernetes, as the API server or else EKS reports it."""
        served = self.snapshot.kubernetes.version
        cluster = self.cluster
        text = cluster.version if isinstance(served, Unreadable) and cluster else served
        return versions.parse_minor(text) if isinstance(text, str) else None

    @cached_property
    def discovery(self) -> Discovery:
        """The tags by which it discovers groups."""
        return command_line.parse_discovery(self.arguments.values.get(command_line.DISCOVERY_FLAG, ()))

    @cached_property
    def static_groups(self) -> tuple[StaticGroup, ...]:
        """The groups of ``--nodes``."""
        return command_line.parse_static_groups(self.arguments.values.get("nodes", ()))[0]

    @cached_property
    def status(self) -> AutoscalerStatus | None:
        """Its own status; None if there is none that can be parsed."""
        found = self.snapshot.kubernetes.status
        if found is None or isinstance(found, Unreadable):
            return None
        try:
            status = parse_status(found.data.get("status", ""))
        except StatusFormatError:
            return None
        annotated = parse_go_time(found.annotations.get(LAST_UPDATED, ""))
        return status if annotated is None else AutoscalerStatus(status.phase, annotated, status.cluster, status.groups)

    @cached_property
    def is_running(self) -> bool:
        """Whether a fresh status shows that its main loop runs."""
        status = self.status
        fresh = status and status.written_at and self.snapshot.taken_at - status.written_at <= STALE_AFTER
        return bool(status and status.phase == RUNNING and fresh)

    @cached_property
    def recent_logs(self) -> tuple[LogLine, ...]:
        """The recent lines of its log."""
        lines = self.snapshot.kubernetes.logs
        if isinstance(lines, Unreadable):
            return ()
        return tuple(line for line in lines if line.at is None or self.snapshot.taken_at - line.at <= RECENT)

    @property
    def counted(self) -> Metrics:
        """What the leader has counted; nothing if its metrics could not be read."""
        metrics = self.snapshot.kubernetes.metrics
        return Metrics("") if metrics is None or isinstance(metrics, Unreadable) else metrics

    # --- credentials ---

    @cached_property
    def service_account(self) -> ServiceAccount | None:
        """Its service account; None when it does not exist or could not be read."""
        accounts = self.snapshot.kubernetes.service_accounts
        if self.deployment is None or isinstance(accounts, Unreadable):
            return None
        return next((account for account in accounts if account.name == self.deployment.service_account), None)

    @property
    def account_of_role(self) -> str:
        """The service account that the role is for: the Deployment's, or another one that carries the annotation."""
        accounts = self.snapshot.kubernetes.service_accounts
        if self.deployment is None or isinstance(accounts, Unreadable):
            return ""
        own = self.service_account
        if own is None or credentials.ROLE_ANNOTATION in own.annotations or self.source is not Source.IRSA:
            return self.deployment.service_account
        elsewhere = credentials.annotated_elsewhere(self.deployment, accounts)
        return elsewhere.name if elsewhere else own.name

    @property
    def source(self) -> Source | None:
        """The declared source of its credentials."""
        return self.snapshot.aws.source

    @property
    def role_name(self) -> str:
        """Name of its role; empty when it has none."""
        return iam.role_name(self.snapshot.aws.role_arn)

    @cached_property
    def carried(self) -> tuple[credentials.Credentials, ...]:
        """The credentials that each of its pods carries."""
        return tuple(credentials.carried(pod) for pod in self.pods)

    # --- the cluster and its groups ---

    @property
    def cluster(self) -> Cluster | None:
        """The EKS cluster; None when it could not be described."""
        found = self.snapshot.aws.cluster
        return None if isinstance(found, Unreadable) else found

    @cached_property
    def managed(self) -> Mapping[str, NodeGroup]:
        """The managed node group of each Auto Scaling Group, by the latter's name."""
        found = self.snapshot.aws.node_groups
        if isinstance(found, Unreadable):
            return {}
        return {group: node_group for node_group in found for group in node_group.groups}

    @cached_property
    def groups(self) -> tuple[AutoScalingGroup, ...]:
        """Every Auto Scaling Group of the region; empty when they could not be read."""
        found = self.snapshot.aws.groups
        return () if isinstance(found, Unreadable) else found

    @cached_property
    def wanted_tags(self) -> Discovery:
        """The tags that a group needs: those of the discovery flag, or the usual ones if the flag is wrong."""
        name = self.snapshot.cluster_name
        by_flag = self.discovery.tags and not command_line.discovery_fault(self.discovery, name)
        return self.discovery if by_flag else Discovery(dict.fromkeys(discovery.discovery_tags(name)))

    @cached_property
    def discovered(self) -> tuple[AutoScalingGroup, ...]:
        """The groups that ``--nodes`` names, or that have the tags of discovery."""
        static = {group.name for group in self.static_groups}
        if static and not self.discovery.tags:
            return tuple(group for group in self.groups if group.name in static)
        return tuple(group for group in self.groups if group.name in static or self.wanted_tags.finds(group.tags))

    @cached_property
    def node_instances(self) -> frozenset[str]:
        """The EC2 instances that are nodes of this cluster."""
        return frozenset(node.instance_id for node in self.nodes)

    def owner(self, group: AutoScalingGroup) -> str:
        """Return the cluster that a group belongs to: by its nodes, else by its tags; empty if neither shows it."""
        ours = self.snapshot.cluster_name
        if group.name in self.managed or any(instance.id in self.node_instances for instance in group.instances):
            return ours
        owners = {group.tags["eks:cluster-name"]} if "eks:cluster-name" in group.tags else tagged_owners(group.tags)
        return ours if ours in owners else min(owners, default="")

    @cached_property
    def own_groups(self) -> tuple[AutoScalingGroup, ...]:
        """The groups of this cluster."""
        return tuple(group for group in self.groups if self.owner(group) == self.snapshot.cluster_name)

    @cached_property
    def discovered_own(self) -> tuple[AutoScalingGroup, ...]:
        """The discovered groups that no other cluster owns."""
        return tuple(group for group in self.discovered if self.owner(group) in ("", self.snapshot.cluster_name))

    @cached_property
    def templates(self) -> Mapping[str, Template]:
        """The node template of each discovered group of the cluster, by the group's name."""
        by_instance = {node.instance_id: node for node in self.nodes}
        return {
            group.name: template(
                group,
                self.managed.get(group.name),
                tuple(by_instance[each.id] for each in group.instances if each.id in by_instance),
            )
            for group in self.discovered_own
        }

    # --- what happens in the cluster ---

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes; empty when they could not be read."""
        found = self.snapshot.kubernetes.nodes
        return () if isinstance(found, Unreadable) else found

    @property
    def pending(self) -> tuple[PendingPod, ...]:
        """The pods that need a node; empty when they could not be read."""
        found = self.snapshot.kubernetes.pending_pods
        return () if isinstance(found, Unreadable) else found

    @cached_property
    def recent_events(self) -> tuple[Event, ...]:
        """The recent events."""
        events = self.snapshot.kubernetes.events
        if isinstance(events, Unreadable):
            return ()
        return tuple(event for event in events if event.at is None or self.snapshot.taken_at - event.at <= RECENT)

    def events_of(self, pod: PendingPod) -> list[Event]:
        """Return the events about one pod."""
        about = (pod.namespace, pod.name)
        return [event for event in self.recent_events if event.kind == "Pod" and (event.namespace, event.name) == about]

    def reports(self, pod: PendingPod, words: str) -> bool:
        """Return whether a message about a pod contains certain words."""
        return any(words in message for message in [pod.message, *(event.message for event in self.events_of(pod))])

    # --- fixes ---

    @cached_property
    def chart_version(self) -> versions.Patch | None:
        """Version of the chart that made the Deployment, by its label."""
        label = self.deployment.labels.get("helm.sh/chart", "") if self.deployment else ""
        return versions.parse_patch(label.rpartition("-")[2])

    def _is_edited(self, deployment: Deployment) -> bool:
        """Whether its release does not describe it: an edit before the newest revision is undone, or Helm keeps it."""
        edited, revised = deployment.edited_at, self.snapshot.kubernetes.revised_at
        return edited is not None and (revised is None or edited > revised)

    @cached_property
    def fixer(self) -> Fixer:
        """The names that fixes need."""
        deployment = self.deployment
        cluster, region = self.snapshot.cluster_name, self.snapshot.region
        intent, revision = self.snapshot.intent, self.snapshot.kubernetes.revision
        stack = intent.stack if intent else ""
        if deployment is None:
            release = intent.release or "" if intent else ""
            return Fixer(
                cluster, region, release=release, revision=revision, from_stack=intent is not None, stack=stack
            )
        helm = deployment.labels.get("app.kubernetes.io/managed-by") == "Helm"
        return Fixer(
            cluster,
            region,
            namespace=deployment.namespace,
            deployment=deployment.name,
            service_account=deployment.service_account,
            release=deployment.labels.get("app.kubernetes.io/instance", deployment.name) if helm else "",
            chart_version=versions.dotted(self.chart_version) if self.chart_version else "",
            revision=revision,
            edited=self._is_edited(deployment),
            from_stack=intent is not None,
            stack=stack,
        )


def broken(findings: Iterable[Finding], *ids: str) -> list[Finding]:
    """Return the broken ones among findings: all, or those whose rule or link is named."""
    return [
        finding
        for finding in findings
        if finding.status == "broken" and (not ids or finding.rule.id in ids or finding.rule.link in ids)
    ]
