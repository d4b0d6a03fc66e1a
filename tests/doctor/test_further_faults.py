"""Every other fault that the doctor knows, planted: named by its own rule, as gravely as it is."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from components.pure import compatibility, discovery, iam
from doctor.checks import all_rules, examine
from doctor.facts import (
    AgentDaemonSet,
    Association,
    ConfigMap,
    Decision,
    Event,
    FailedLaunch,
    Instance,
    Intent,
    Launch,
    Lease,
    LogLine,
    Metrics,
    OidcProvider,
    Policy,
    ServiceAccount,
    Snapshot,
    Source,
    Support,
    Taint,
)
from doctor.findings import ExitCode, Link, Status
from doctor.readings import Unreadable
from doctor.rendering.text import markdown, plain
from tests.versions import NEWER_MINOR, NEWEST_MINOR, newer_image, newest_image

from . import snapshots as given
from .planting import Plant, assert_named
from .test_known_misconfigurations import PLANTS as KNOWN_PLANTS

WARNING, BROKEN = Status.WARNING, Status.BROKEN
POD_IDENTITY, NODE_ROLE = Source.POD_IDENTITY, Source.NODE_ROLE
FULL_ACCESS = Policy(
    "AutoScalingFullAccess",
    {"Statement": [{"Effect": "Allow", "Action": "autoscaling:*", "Resource": "*"}]},
    "arn:aws:iam::aws:policy/AutoScalingFullAccess",
)


def kubernetes(**changes) -> Callable[[Snapshot], Snapshot]:
    return lambda it: given.with_kubernetes(it, **changes)


def aws(**changes) -> Callable[[Snapshot], Snapshot]:
    return lambda it: given.with_aws(it, **changes)


def deployed(**changes) -> Callable[[Snapshot], Snapshot]:
    return lambda it: given.with_deployment(it, **changes)


def group(**changes) -> Callable[[Snapshot], Snapshot]:
    groups = (given.asg(**changes), given.other_group())
    return aws(groups=groups, decisions=given.decisions(groups, (given.node_group(),)))


def logged(line: str, *, running: bool = False) -> Callable[[Snapshot], Snapshot]:
    return lambda it: given.logging(it, line) if running else given.crashed(it, line)


def with_group(another, **facts) -> Callable[[Snapshot], Snapshot]:
    def spoil(it: Snapshot) -> Snapshot:
        groups = (given.asg(), another, given.other_group())
        spoilt = given.with_aws(it, groups=groups, decisions=given.decisions(groups, (given.node_group(),)), **facts)
        return given.with_kubernetes(spoilt, status=given.status_map(groups={given.GROUP: "", another.name: ""}))

    return spoil


def second_deployment(it: Snapshot) -> Snapshot:
    second = given.deployment(namespace="autoscaling", name="ca-old")
    return given.with_kubernetes(it, deployments=(given.deployment(), second))


def trusting(document) -> Callable[[Snapshot], Snapshot]:
    return lambda it: given.with_aws(it, role=given.role(it.aws.source or Source.IRSA, trust=document))


def crashed_trusting(document) -> Callable[[Snapshot], Snapshot]:
    return lambda it: given.crashed(trusting(document)(it), "Not authorized to perform sts:AssumeRoleWithWebIdentity")


def audience(name: str) -> dict:
    document: dict = iam.irsa_trust(given.PROVIDER_ARN, given.ISSUER, given.NAMESPACE, given.NAME)
    pinned = document["Statement"][0]["Condition"]["StringEquals"]
    pinned[next(key for key in pinned if key.endswith(":aud"))] = name
    return document


def without_subject() -> dict:
    document = audience("sts.amazonaws.com")
    pinned = document["Statement"][0]["Condition"]["StringEquals"]
    del pinned[next(key for key in pinned if key.endswith(":sub"))]
    return document


def tainted(key: str, *, hours: float) -> Callable[[Snapshot], Snapshot]:
    """A node that the autoscaler tainted some hours ago; the value of the taint is the time."""
    value = str(int(given.ago(60 * hours).timestamp()))
    return kubernetes(nodes=(given.node(taints=(Taint(key, value, "NoSchedule"),)),))


def with_a_new_pod(**changes) -> Callable[[Snapshot], Snapshot]:
    return lambda it: given.with_kubernetes(
        it, pods=(*given.pods_of(it), given.pod(name="cluster-autoscaler-new", **changes))
    )


def denied_writes(reason: str) -> Callable[[Snapshot], Snapshot]:
    groups = (given.asg(), given.other_group())
    return aws(decisions=given.decisions(groups, (given.node_group(),), iam.WRITE_ACTIONS, reason))


def discovering_everything(it: Snapshot) -> Snapshot:
    every = given.flags(node_group_auto_discovery=f"asg:tag={discovery.ENABLED_KEY}")
    alone = given.with_aws(it, groups=(given.asg(),), decisions=given.decisions((given.asg(),), (given.node_group(),)))
    return given.with_deployment(alone, arguments=every)


def intended(**intent) -> Callable[[Snapshot], Snapshot]:
    return lambda it: replace(it, intent=Intent(**intent))


def other_group_discovered(it: Snapshot) -> Snapshot:
    stolen = given.other_group(tags={**given.other_group().tags, **discovery.discovery_tags(given.CLUSTER)})
    groups = (given.asg(), stolen)
    spoilt = given.with_aws(it, groups=groups, decisions=given.decisions(groups, (given.node_group(),)))
    return given.with_kubernetes(spoilt, status=given.status_map(groups={given.GROUP: "", given.OTHER_GROUP: ""}))


def unhealthy(scope: str) -> Callable[[Snapshot], Snapshot]:
    """The status calls the cluster, or its group, unhealthy."""

    def spoil(it: Snapshot) -> Snapshot:
        written = given.status_map()
        before, of_cluster, after = written.data["status"].partition("clusterWide")
        of_cluster, groups, rest = (of_cluster + after).partition("nodeGroups")
        worse = {
            "cluster": (of_cluster.replace("Healthy", "Unhealthy"), rest),
            "group": (of_cluster, rest.replace("Healthy", "Unhealthy")),
        }
        text = before + worse[scope][0] + groups + worse[scope][1]
        return given.with_kubernetes(it, status=ConfigMap({"status": text}, written.annotations))

    return spoil


def other_group_allowed(it: Snapshot) -> Snapshot:
    allowed = tuple(replace(each, allowed=True) for each in given.decisions((given.asg(), given.other_group()), ()))
    return given.with_aws(it, decisions=allowed)


def waiting(*reasons: str, **pod) -> Callable[[Snapshot], Snapshot]:
    events = tuple(given.refused(reason) for reason in reasons)
    return kubernetes(pending_pods=(given.pending_pod(**pod),), events=events)


def stuck_in_backoff(it: Snapshot) -> Snapshot:
    backoff = "  scaleUp: {status: Backoff, backoffInfo: {errorCode: OTHER, errorMessage: something}}"
    return given.with_kubernetes(it, status=given.status_map(groups={given.GROUP: backoff}))


def lost_and_scaled(it: Snapshot) -> Snapshot:
    event = Event(
        "ScaleUpTimedOut", "Nodes added to group gone failed to register", "ConfigMap", "kube-system", "x", given.ago(3)
    )
    return given.with_kubernetes(it, events=(event,))


_SERVED = {"apps": ("v1",), "storage.k8s.io": ("v1",), "resource.k8s.io": ("v1",)}


def _newer_cluster(snapshot: Snapshot) -> Snapshot:
    tag = newest_image(NEWEST_MINOR)
    newer = given.with_aws(
        given.with_deployment(snapshot, image=f"x/y:{tag}"), cluster=given.cluster(version=NEWER_MINOR)
    )
    return given.with_kubernetes(
        newer, version=f"v{NEWER_MINOR}.1-eks-1", api_groups=_SERVED, access=given.rights(image=tag)
    )


_NOT_SERVED = (
    'E0901 1 reflector.go:227] "Failed to watch" err="failed to list *v1beta1.CapacityBuffer: the server could not '
    'find the requested resource (get capacitybuffers.autoscaling.x-k8s.io)" logger="UnhandledError"'
)


def _with_buffers(api_groups: Mapping[str, tuple[str, ...]], missing: str = "") -> Callable[[Snapshot], Snapshot]:
    """Capacity buffers in a version that reads them in JSON with any flags."""
    command = given.flags(capacity_buffer_controller_enabled="true")

    def change(snapshot: Snapshot) -> Snapshot:
        buffered = given.with_aws(
            given.with_deployment(snapshot, image=f"x/y:{newest_image('1.36')}", arguments=command),
            cluster=given.cluster(version="1.36"),
        )
        access = given.rights(missing, image=newest_image("1.36"), given=command)
        return given.with_kubernetes(buffered, version="v1.36.2-eks-1", api_groups=api_groups, access=access)

    return change


PLANTS = (
    # pod
    Plant(
        0,
        "nothing installed",
        kubernetes(deployments=(), pods=()),
        "pod.deployment",
        "autoDiscovery.clusterName=series-api",
    ),
    Plant(0, "two autoscalers", second_deployment, "pod.single", "--namespace autoscaling delete deployment ca-old"),
    Plant(0, "release under way", kubernetes(release="pending-upgrade"), "pod.release", "helm history", WARNING),
    Plant(
        0,
        "no replicas",
        lambda it: given.with_kubernetes(deployed(replicas=0)(it), pods=(), status=given.status_map(minutes_old=60)),
        "pod.replicas",
        "scale deployment/cluster-autoscaler --replicas=1",
    ),
    Plant(
        0,
        "two leaders",
        deployed(replicas=2, arguments=given.flags(leader_elect="false")),
        "pod.replicas",
        "extraArgs.leader-elect=null",
    ),
    Plant(
        0,
        "no image",
        lambda it: given.with_kubernetes(
            given.crashed(it), pods=(given.pod(ready=False, waiting="ImagePullBackOff", phase="Pending"),)
        ),
        "pod.started",
        "describe pods --selector",
    ),
    Plant(
        0,
        "no pod at all",
        lambda it: given.with_kubernetes(given.crashed(it), pods=()),
        "pod.started",
        "describe replicasets",
    ),
    Plant(
        0,
        "another minor",
        deployed(image=f"x/cluster-autoscaler:{newest_image('1.32')}"),
        "pod.version",
        f"image.tag={newest_image('1.33')}",
        WARNING,
    ),
    Plant(
        0,
        "a tag that is no version",
        deployed(image="x/cluster-autoscaler:latest"),
        "pod.version",
        f"image.tag={newest_image('1.33')}",
        WARNING,
    ),
    Plant(
        0,
        "a cluster newer than every known autoscaler",
        _newer_cluster,
        "pod.version",
        f"set image.tag once a release of {NEWER_MINOR} is published",
        WARNING,
    ),
    Plant(
        0,
        "a flag that a newer image may have",
        deployed(
            image=f"x/cluster-autoscaler:{newer_image('1.33')}", arguments=given.flags(invented_by_a_newer_release="1")
        ),
        "pod.flags",
        "extraArgs.invented-by-a-newer-release=null",
        WARNING,
    ),
    Plant(
        0,
        "capacity buffers without their definition",
        _with_buffers(api_groups=_SERVED),
        "pod.flags",
        "extraArgs.capacity-buffer-controller-enabled=null",
    ),
    Plant(
        0,
        "capacity buffers without a right of theirs",
        _with_buffers(api_groups=_SERVED | {"autoscaling.x-k8s.io": ("v1",)}, missing="resourcequotas"),
        "pod.rbac",
        "--resource=resourcequotas",
    ),
    Plant(
        0,
        "standard support that ends soon",
        aws(support=Support(given.NOW.date() + timedelta(days=3), None)),
        "pod.kubernetes-support",
        "update-cluster-version --name series-api --kubernetes-version 1.34",
        WARNING,
    ),
    Plant(
        0,
        "extended support that has ended",
        aws(support=Support(given.NOW.date() - timedelta(days=400), given.NOW.date() - timedelta(days=35))),
        "pod.kubernetes-support",
        "update-cluster-version",
        WARNING,
    ),
    Plant(
        0,
        "an API that is not served",
        lambda it: given.with_kubernetes(
            deployed(image=f"x/cluster-autoscaler:{newest_image('1.35')}")(it),
            access=given.rights(image=newest_image("1.35")),
        ),
        "pod.version",
        f"image.tag={newest_image('1.33')}",
    ),
    Plant(
        0,
        "rights of a manifest",
        lambda it: given.with_kubernetes(deployed(labels={})(it), access=given.rights("volumeattachments")),
        "pod.rbac",
        "--resource=volumeattachments.storage.k8s.io",
    ),
    Plant(0, "Karpenter", kubernetes(karpenter=("kube-system/karpenter",)), "pod.competitors", "Taint", WARNING),
    Plant(
        0,
        "Auto Mode",
        aws(cluster=given.cluster(auto_mode_pools=("general-purpose",))),
        "pod.competitors",
        "Taint",
        WARNING,
    ),
    Plant(
        0,
        "may evict itself",
        deployed(pod_annotations={}),
        "pod.safe-to-evict",
        r"podAnnotations.cluster-autoscaler\.kubernetes\.io/safe-to-evict=false",
        WARNING,
    ),
    Plant(
        0,
        "flag of another type",
        lambda it: given.crashed(deployed(arguments=given.flags(max_nodes_total="many"))(it)),
        "pod.flags",
        "extraArgs.max-nodes-total",
    ),
    Plant(
        0,
        "locked flag",
        lambda it: given.with_kubernetes(
            deployed(
                image=f"x/cluster-autoscaler:{newest_image('1.35')}",
                arguments=given.flags(enable_dynamic_resource_allocation="false"),
            )(aws(cluster=given.cluster(version="1.35"))(it)),
            version="v1.35.0",
            api_groups={"resource.k8s.io": ("v1",)},
            access=given.rights(image=newest_image("1.35")),
        ),
        "pod.flags",
        "extraArgs.enable-dynamic-resource-allocation=null",
    ),
    Plant(
        0,
        "both kinds of balancing",
        deployed(arguments=given.flags(balancing_label="a", balancing_ignore_label="b")),
        "pod.flags",
        "extraArgs.balancing-ignore-label=null",
    ),
    Plant(
        0,
        "a time without its unit",
        deployed(arguments=given.flags(scale_down_unneeded_time="2")),
        "pod.flags",
        "extraArgs.scale-down-unneeded-time",
    ),
    Plant(0, "malformed --nodes", deployed(arguments=given.flags(nodes="1:a")), "pod.flags", "extraArgs.nodes"),
    Plant(0, "price", deployed(arguments=given.flags(expander="price")), "pod.flags", "extraArgs.expander=least-waste"),
    Plant(
        0,
        "no scale-down",
        deployed(arguments=given.flags(scale_down_enabled="false")),
        "pod.flags",
        "extraArgs.scale-down-enabled=null",
        WARNING,
    ),
    Plant(
        0,
        "no status",
        deployed(arguments=given.flags(write_status_configmap="false")),
        "pod.flags",
        "extraArgs.write-status-configmap=null",
        WARNING,
    ),
    Plant(
        0,
        "--nodes next to discovery",
        deployed(arguments=given.flags(nodes=f"1:10:{given.GROUP}")),
        "pod.flags",
        "autoscalingGroups=null",
        WARNING,
    ),
    Plant(
        0,
        "no discovery at all",
        lambda it: given.with_kubernetes(
            deployed(arguments=given.flags(node_group_auto_discovery=None))(it), status=given.status_map(groups={})
        ),
        "pod.discovery-flag",
        "autoDiscovery.clusterName",
    ),
    Plant(
        0,
        "node asked for the region",
        lambda it: given.with_kubernetes(deployed(environment={})(it), pods=(given.pod(NODE_ROLE, environment={}),)),
        "pod.region",
        "awsRegion=us-east-1",
        WARNING,
        NODE_ROLE,
    ),
    Plant(
        0,
        "region missing by the log",
        logged("MissingRegion: could not find region configuration"),
        "pod.region",
        "awsRegion",
    ),
    Plant(
        0,
        "forbidden by the log",
        logged('configmaps is forbidden: User "x" cannot list resource "configmaps"'),
        "pod.rbac",
        "--version",
    ),
    Plant(
        0,
        "a group that is served without the resource that a flag needs",
        lambda it: given.logging(
            _with_buffers(api_groups=_SERVED | {"autoscaling.x-k8s.io": ("v1beta1",)})(it), _NOT_SERVED
        ),
        "pod.flags",
        "extraArgs.capacity-buffer-controller-enabled=null",
    ),
    Plant(
        0,
        "a resource that is not served and that no flag asks for",
        logged(_NOT_SERVED, running=True),
        "pod.flags",
        "Install the CustomResourceDefinition capacitybuffers.autoscaling.x-k8s.io.",
    ),
    Plant(
        0,
        "not similar by the log",
        logged("a and b are not similar, labels do not match", running=True),
        "pod.balancing",
        "balancing-ignore-label",
        WARNING,
    ),
    Plant(0, "flag refused by the log", logged("unknown flag: --gone"), "pod.flags", "extraArgs.gone=null"),
    Plant(0, "every cluster's groups", discovering_everything, "pod.discovery-flag", "clusterName", WARNING),
    # service account
    Plant(
        0,
        "no service account",
        lambda it: given.with_kubernetes(given.crashed(it), service_accounts=()),
        "service-account.exists",
        "create serviceaccount cluster-autoscaler",
    ),
    Plant(
        0,
        "no ARN",
        lambda it: given.with_kubernetes(
            it,
            service_accounts=(ServiceAccount(given.NAME, {"eks.amazonaws.com/role-arn": "my-role"}),),
            pods=(given.pod(environment=given.environment(Source.IRSA, "my-role")),),
        ),
        "service-account.role-arn",
        "annotate --overwrite serviceaccount/cluster-autoscaler",
    ),
    Plant(
        0,
        "association over annotation",
        lambda it: given.with_kubernetes(
            it, service_accounts=(ServiceAccount(given.NAME, {"eks.amazonaws.com/role-arn": given.ROLE_ARN}),)
        ),
        "service-account.source",
        "eks.amazonaws.com/role-arn-",
        WARNING,
        POD_IDENTITY,
    ),
    Plant(
        0,
        "keys",
        lambda it: given.with_aws(
            given.with_kubernetes(deployed(static_keys=True)(it), pods=(given.pod(static_keys=True),)),
            source=Source.STATIC_KEYS,
            role_arn="",
        ),
        "service-account.source",
        "awsAccessKeyID",
        WARNING,
    ),
    Plant(
        0,
        "annotation gone",
        lambda it: given.with_aws(
            given.with_kubernetes(
                intended(credentials=Source.IRSA, role_arn=given.ROLE_ARN)(it),
                service_accounts=(ServiceAccount(given.NAME),),
            ),
            source=NODE_ROLE,
            role_arn=given.NODE_ROLE_ARN,
            role=given.role(NODE_ROLE),
        ),
        "service-account.source",
        "pulumi up --refresh && kubectl --namespace kube-system rollout restart deployment/cluster-autoscaler"
        "   # or at once: kubectl --namespace kube-system annotate --overwrite",
    ),
    Plant(
        0,
        "association gone",
        lambda it: given.with_aws(
            given.with_kubernetes(
                intended(credentials=POD_IDENTITY, role_arn=given.ROLE_ARN)(it), pods=(given.pod(NODE_ROLE),)
            ),
            associations=(),
            source=NODE_ROLE,
            role_arn=given.NODE_ROLE_ARN,
            role=given.role(NODE_ROLE),
        ),
        "service-account.source",
        "create-pod-identity-association",
        mode=POD_IDENTITY,
    ),
    Plant(
        0,
        "another role than the stack's",
        intended(credentials=Source.IRSA, role_arn=given.ROLE_ARN + "-new"),
        "service-account.source",
        "-new",
    ),
    Plant(
        0,
        "called as the node",
        logged("AccessDenied: arn:aws:sts::1:assumed-role/series-api-node/i-0aa1 may not"),
        "service-account.role-in-use",
        "rollout restart",
    ),
    Plant(
        0,
        "no agent",
        lambda it: given.with_kubernetes(given.with_aws(given.crashed(it), agent_addon=None), agent=None),
        "service-account.pod-identity-agent",
        "create-addon --cluster-name series-api --addon-name eks-pod-identity-agent",
        mode=POD_IDENTITY,
    ),
    Plant(
        0,
        "agents that are not ready",
        lambda it: given.with_kubernetes(given.crashed(it), agent=AgentDaemonSet(3, 0)),
        "service-account.pod-identity-agent",
        "rollout restart daemonset/eks-pod-identity-agent",
        mode=POD_IDENTITY,
    ),
    Plant(
        0,
        "the node may scale too",
        aws(node_role_decisions=tuple(Decision(action, "x", True) for action in iam.WRITE_ACTIONS)),
        "service-account.node-role",
        "list-attached-role-policies --role-name series-api-node",
        WARNING,
    ),
    Plant(
        0,
        "no credentials by the log",
        logged("NoCredentialProviders: no valid providers in chain"),
        "service-account.no-credentials",
        "annotate",
    ),
    Plant(
        0,
        "agent refused by the log",
        logged("only loopback hosts are allowed"),
        "service-account.pod-identity-version",
        f"image.tag={newest_image('1.33')}",
    ),
    # role
    Plant(
        0,
        "no such role",
        lambda it: given.crashed(given.with_aws(it, role=None, decisions=(), policies=())),
        "role.exists",
        "Create the role",
    ),
    Plant(
        0,
        "provider without the audience",
        lambda it: given.crashed(given.with_aws(it, oidc_provider=OidcProvider(given.PROVIDER_ARN, ("sigstore",)))),
        "role.oidc-audience",
        f"add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn {given.PROVIDER_ARN}",
    ),
    Plant(
        0,
        "audience of China",
        crashed_trusting(audience("sts.amazonaws.com.cn")),
        "role.trust-audience",
        "update-assume-role-policy",
    ),
    Plant(0, "no subject", trusting(without_subject()), "role.trust-narrow", "update-assume-role-policy", WARNING),
    Plant(
        0,
        "trust denies",
        crashed_trusting(
            {
                "Statement": [
                    *audience("sts.amazonaws.com")["Statement"],
                    {"Effect": "Deny", "Principal": "*", "Action": "*"},
                ]
            }
        ),
        "role.trust-subject",
        "update-assume-role-policy",
    ),
    Plant(
        0,
        "trust of EC2",
        lambda it: given.crashed(trusting(iam.node_trust("aws"))(it)),
        "role.trust-pod-identity",
        "pods.eks.amazonaws.com",
        mode=POD_IDENTITY,
    ),
    Plant(
        0,
        "trust of another cluster",
        lambda it: given.crashed(
            trusting(iam.pod_identity_trust(given.CLUSTER_ARN + "-old", given.NAMESPACE, given.NAME))(it)
        ),
        "role.trust-pod-identity",
        given.CLUSTER_ARN,
        mode=POD_IDENTITY,
    ),
    Plant(
        0,
        "no TagSession",
        lambda it: given.crashed(
            trusting(
                {
                    "Statement": {
                        "Effect": "Allow",
                        "Principal": {"Service": "pods.eks.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    }
                }
            )(it)
        ),
        "role.trust-pod-identity",
        "sts:TagSession",
        mode=POD_IDENTITY,
    ),
    Plant(
        0,
        "session tags switched off",
        lambda it: given.crashed(
            given.with_aws(it, associations=(Association("a-1", given.ROLE_ARN, sends_session_tags=False),))
        ),
        "role.trust-pod-identity",
        "update-assume-role-policy",
        mode=POD_IDENTITY,
    ),
    Plant(
        0,
        "trust of everybody's pods",
        trusting(
            {
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"Service": "pods.eks.amazonaws.com"},
                    "Action": ["sts:AssumeRole", "sts:TagSession"],
                }
            }
        ),
        "role.trust-narrow",
        "kubernetes-service-account",
        WARNING,
        POD_IDENTITY,
    ),
    Plant(
        0,
        "token refused by the log",
        logged("Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        "role.trust-subject",
        "rollout restart",
    ),
    # permissions
    Plant(0, "boundary", denied_writes("permissions boundary"), "permissions.writes", "permissions boundary of role"),
    Plant(0, "organization", denied_writes("organization"), "permissions.writes", "service control policies"),
    Plant(
        0,
        "value of the tag",
        lambda it: group(tags={**given.asg().tags, discovery.cluster_key(given.CLUSTER): "shared"})(it),
        "permissions.writes",
        f"Key={discovery.cluster_key(given.CLUSTER)},Value=owned",
    ),
    Plant(
        0,
        "groups of other clusters allowed",
        other_group_allowed,
        "permissions.foreign-groups",
        "Restrict both writes",
        WARNING,
    ),
    Plant(
        0,
        "full access",
        aws(policies=(*given.policies(), FULL_ACCESS)),
        "permissions.narrow",
        f"detach-role-policy --role-name series-api-cluster-autoscaler --policy-arn {FULL_ACCESS.arn}",
        WARNING,
    ),
    Plant(
        0,
        "requirements denied",
        lambda it: given.with_aws(
            group(launch=Launch.REQUIREMENTS)(it),
            decisions=given.decisions(
                (given.asg(), given.other_group()),
                (given.node_group(),),
                ("ec2:GetInstanceTypesFromInstanceRequirements",),
            ),
        ),
        "permissions.reads",
        "ec2:GetInstanceTypesFromInstanceRequirements",
    ),
    Plant(
        0,
        "listing denied by the log",
        logged("Failed to regenerate ASG cache: AccessDenied"),
        "permissions.reads",
        "put-role-policy",
    ),
    Plant(
        0,
        "types denied by the log",
        logged("Failed to generate AWS EC2 Instance Types: UnauthorizedOperation", running=True),
        "permissions.reads",
        "put-role-policy",
        WARNING,
    ),
    Plant(
        0,
        "templates denied by the log",
        logged("Failed to query launch template lt-1: UnauthorizedOperation", running=True),
        "permissions.reads",
        "put-role-policy",
    ),
    Plant(
        0,
        "node groups denied by the log",
        logged("Failed to query the managed nodegroup x for: AccessDeniedException", running=True),
        "permissions.node-groups",
        "put-role-policy",
        WARNING,
    ),
    Plant(
        0,
        "scaling denied by the log",
        logged("x is not authorized to perform: autoscaling:SetDesiredCapacity", running=True),
        "permissions.writes",
        "put-role-policy",
    ),
    # groups
    Plant(
        0,
        "group of another cluster",
        other_group_discovered,
        "groups.foreign",
        f"delete-tags --tags ResourceId={given.OTHER_GROUP}",
    ),
    Plant(0, "fixed sizes", group(min=1, max=1), "groups.sizes", "--scaling-config maxSize=2", WARNING),
    Plant(
        0, "group of the stack gone", intended(groups=(given.GROUP, "eks-gone-1")), "groups.tags", "pulumi up --refresh"
    ),
    Plant(
        0,
        "no group at all",
        lambda it: given.with_kubernetes(
            given.with_aws(
                it,
                groups=(given.other_group(),),
                node_groups=(),
                decisions=given.decisions((given.other_group(),), ()),
            ),
            status=given.status_map(groups={}),
            nodes=(),
        ),
        "groups.tags",
        "Create a node group",
    ),
    Plant(
        0,
        "suspended",
        group(suspended=frozenset({"Launch", "AZRebalance"})),
        "groups.processes",
        f"resume-processes --auto-scaling-group-name {given.GROUP} --scaling-processes Launch",
    ),
    Plant(
        0,
        "rebalanced",
        with_group(given.self_managed("asg-two", zones=("a", "b"), instances=(), desired=0)),
        "groups.rebalance",
        "suspend-processes --auto-scaling-group-name asg-two --scaling-processes AZRebalance",
        WARNING,
    ),
    Plant(
        0,
        "degraded",
        aws(node_groups=(given.node_group(status="DEGRADED", health_issues=("AccessDenied: no",)),)),
        "groups.health",
        "describe-nodegroup",
    ),
    Plant(
        0,
        "fifty tags",
        lambda it: given.with_aws(
            group(tags={**given.asg().tags, **{f"t{n}": "" for n in range(45)}})(it),
            node_groups=(given.node_group(labels={"a": "1", "b": "2"}),),
        ),
        "groups.tag-limit",
        "Declare fewer labels",
        WARNING,
    ),
    Plant(
        0,
        "tag misspelled",
        group(tags={**given.asg().tags, f"{discovery.NODE_TEMPLATE_PREFIX}/taints/spot": "yes:NoSchedule"}),
        "groups.template-tags",
        "delete-tags",
        WARNING,
    ),
    Plant(
        0,
        "taint without effect",
        group(tags={**given.asg().tags, discovery.taint_key("spot"): "yes"}),
        "groups.template-tags",
        "delete-tags",
        WARNING,
    ),
    Plant(
        0,
        "option unknown on AWS",
        group(tags={**given.asg().tags, discovery.option_key("maxnodeprovisiontime"): "5m"}),
        "groups.template-tags",
        "delete-tags",
        WARNING,
    ),
    Plant(
        0,
        "label that EKS overrides",
        lambda it: given.with_aws(
            group(tags={**given.asg().tags, discovery.label_key("tier"): "old"})(it),
            node_groups=(given.node_group(labels={"tier": "new"}),),
        ),
        "groups.labels",
        "label/tier,Value=new",
        WARNING,
    ),
    Plant(
        0,
        "label of live nodes not advertised",
        lambda it: given.with_kubernetes(
            with_group(given.self_managed("asg-two", min=0, instances=(Instance("i-0bb2", "a"),)))(it),
            nodes=(given.node(), given.node("two", "i-0bb2", labels={"tier": "batch"})),
        ),
        "groups.labels",
        "label/tier,Value=batch",
        WARNING,
    ),
    Plant(
        0,
        "taint of a group that can be empty",
        lambda it: given.with_aws(
            group(min=0)(it), node_groups=(given.node_group(taints=(Taint("spot", "", "NoExecute"),)),)
        ),
        "groups.taints",
        "taint/spot,Value=:NoExecute",
        WARNING,
    ),
    Plant(0, "never joined by an event", lost_and_scaled, "groups.joining", "describe-scaling-activities"),
    # autoscaler
    Plant(
        0,
        "crashing for no known reason",
        lambda it: given.crashed(it),
        "autoscaler.process",
        "logs deployment/cluster-autoscaler --previous",
    ),
    Plant(0, "no status", kubernetes(status=None), "autoscaler.status", "logs deployment/cluster-autoscaler"),
    Plant(
        0,
        "a status of another kind",
        kubernetes(status=ConfigMap({"status": "?"})),
        "autoscaler.status",
        "rollout restart",
        WARNING,
    ),
    Plant(
        0,
        "stuck at its start",
        kubernetes(status=given.status_map("Initializing", {}, 30)),
        "autoscaler.initializing",
        "is forbidden",
    ),
    Plant(
        0, "standing still", kubernetes(status=given.status_map(minutes_old=10)), "autoscaler.fresh", "rollout restart"
    ),
    Plant(
        0,
        "another pod leads",
        kubernetes(lease=Lease("old-release-77", given.ago(0))),
        "autoscaler.leader",
        "grep autoscaler",
    ),
    Plant(0, "no pod leads", kubernetes(lease=None), "autoscaler.leader", "rollout restart"),
    Plant(
        0,
        "a lease that ran out",
        kubernetes(lease=Lease(given.pod().name, given.ago(5))),
        "autoscaler.leader",
        "rollout restart",
    ),
    Plant(
        0,
        "no groups for no known reason",
        kubernetes(status=given.status_map(groups={})),
        "autoscaler.node-groups",
        "rollout restart",
    ),
    Plant(
        0,
        "a group not listed",
        lambda it: given.with_kubernetes(
            with_group(given.self_managed("asg-two", instances=(), min=0, desired=0))(it), status=given.status_map()
        ),
        "autoscaler.node-groups",
        "rollout restart",
        WARNING,
    ),
    Plant(0, "backoff for no known reason", stuck_in_backoff, "autoscaler.backoff", "describe-scaling-activities"),
    Plant(
        0,
        "priorities by an event",
        kubernetes(
            events=(
                Event("PriorityConfigMapInvalid", "Wrong configuration", "ConfigMap", "kube-system", "x", given.ago(1)),
            )
        ),
        "autoscaler.priorities",
        "edit configmap",
        WARNING,
    ),
    Plant(0, "unhealthy cluster", unhealthy("cluster"), "autoscaler.health", "kubectl get nodes"),
    Plant(0, "unhealthy group", unhealthy("group"), "autoscaler.health", "kubectl get nodes", WARNING),
    Plant(
        0,
        "one of two pods keeps ending",
        kubernetes(pods=(given.pod(), given.crashing(name="cluster-autoscaler-2"))),
        "autoscaler.process",
        "--previous",
    ),
    # pending pods
    Plant(0, "a pod without an event", waiting(), "pending-pods.considered", "describe pod api-1", WARNING),
    Plant(0, "a pod too large", waiting("1 Insufficient cpu"), "pending-pods.fits", "larger instances"),
    Plant(
        0,
        "a pod with a node selector",
        waiting("1 node(s) didn't match Pod's node affinity/selector", labels_wanted={"gpu": "yes"}),
        "pending-pods.fits",
        "labels gpu=yes",
    ),
    Plant(
        0,
        "as many nodes as allowed",
        waiting("max total nodes in cluster reached"),
        "pending-pods.fits",
        "extraArgs.max-nodes-total=0",
    ),
    *(
        Plant(0, "by the log", logged(f"caused by: {line}"), rule, fix)
        for rule, line, fix in (
            (
                "role.oidc-provider",
                "InvalidIdentityToken: No OpenIDConnect provider found in your account for https://oidc.eks",
                "create-open-id-connect-provider",
            ),
            (
                "role.oidc-audience",
                "InvalidIdentityToken: Incorrect token audience",
                "add-client-id-to-open-id-connect-provider",
            ),
            # alphagov/gsp#889, kubernetes-sigs/cluster-api-provider-aws#5827
            (
                "role.thumbprint-refused",
                "InvalidIdentityToken: OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
                "update-open-id-connect-provider-thumbprint",
            ),
            (
                "role.keys-unreachable",
                "InvalidIdentityToken: Couldn't retrieve verification key from your identity provider,  please refer",
                "curl",
            ),
            ("role.token-refused", "ExpiredTokenException: Token expired: current date/time", "rollout restart"),
            ("service-account.clock-skew", "RequestExpired: Request has expired.", "time service"),
            (
                "service-account.key-refused",
                "InvalidClientTokenId: The security token included in the request is invalid.",
                "Remove the access key",
            ),
            # zalando-incubator/kubernetes-on-aws#619
            (
                "autoscaler.dns",
                'Post "https://sts.us-east-1.amazonaws.com/": dial tcp: lookup sts.us-east-1.amazonaws.com on '
                "172.20.0.10:53: read udp 10.0.1.7:42100->172.20.0.10:53: i/o timeout",
                "dnsPolicy=Default",
            ),
            (
                "autoscaler.tls-intercepted",
                'Post "https://sts.us-east-1.amazonaws.com/": tls: failed to verify certificate: x509: certificate '
                "signed by unknown authority",
                "TLS inspection",
            ),
            (
                "autoscaler.proxy",
                'Post "https://sts.us-east-1.amazonaws.com/": proxyconnect tcp: dial tcp 10.1.1.1:3128: i/o timeout',
                "NO_PROXY",
            ),
        )
    ),
    Plant(
        0,
        "a loop that ends early at every turn, with a fresh status",
        lambda it: given.logging(
            it, *["E1129 11:59:50.1       1 static_autoscaler.go:368] Failed to refresh cloud provider config: x"] * 4
        ),
        "autoscaler.recurring-error",
        "kubectl --namespace kube-system logs",
    ),
    # Public reports: kubernetes/autoscaler#4851 (weights), #5657 and #3949 (taints that stay).
    Plant(
        0,
        "weights, one of which is 2",
        group(desired=4, unit="weights", instances=(Instance("i-0aa1", "us-east-1a", "InService"),)),
        "groups.weights",
        "WeightedCapacity",
        WARNING,
    ),
    Plant(
        0,
        "more instances than maxSize",
        group(
            max=1, desired=1, min=0, instances=tuple(Instance("i-0aa1", "us-east-1a", "InService") for _ in range(2))
        ),
        "groups.above-max",
        "--scaling-config maxSize=2",
        WARNING,
    ),
    Plant(
        0,
        "a node that was to be deleted hours ago",
        tainted("ToBeDeletedByClusterAutoscaler", hours=3),
        "autoscaler.leftover-taints",
        "kubectl taint node ip-10-0-0-1.ec2.internal ToBeDeletedByClusterAutoscaler-",
        WARNING,
    ),
    Plant(
        0,
        "a managed group whose launch template is gone",
        aws(
            node_groups=(
                given.node_group(
                    status="DEGRADED", health_issues=("Ec2LaunchTemplateNotFound: The launch template does not exist",)
                ),
            )
        ),
        "groups.health",
        "describe-nodegroup",
    ),
    Plant(
        0,
        "a self-managed group whose launch template is gone",
        lambda it: given.with_aws(
            with_group(given.self_managed("asg-two", instances=(), min=0))(it),
            failed_launches=(
                FailedLaunch("asg-two", given.ago(3), "The specified launch template, lt-0abc, does not exist."),
            ),
        ),
        "groups.launching",
        "describe-scaling-activities --auto-scaling-group-name asg-two",
    ),
    Plant(
        0,
        "a launch template that cannot be queried in any iteration",
        # `getInstanceTypesForAsgs` (`cloudprovider/aws/aws_wrapper.go`) logs it and skips the group.
        lambda it: given.logging(
            it, *["E1129 11:59:50.1       1 aws_wrapper.go:790] Failed to query launch template lt-0abc: not found"] * 4
        ),
        "autoscaler.recurring-error",
        "Read the log",
    ),
    Plant(
        0,
        "a pending pod, because the sizes of its group count weights",
        lambda it: waiting(message="0/1 nodes are available: 1 Insufficient cpu.")(
            group(desired=4, unit="weights", instances=(Instance("i-0aa1", "us-east-1a", "InService"),))(it)
        ),
        "groups.weights",
        "WeightedCapacity",
        WARNING,
    ),
    Plant(
        0,
        "a pending pod, because its node keeps the taint of an old scale-down",
        lambda it: waiting(message="1 node(s) had untolerated taint {ToBeDeletedByClusterAutoscaler: 1}")(
            tainted("ToBeDeletedByClusterAutoscaler", hours=3)(it)
        ),
        "autoscaler.leftover-taints",
        "kubectl taint node",
        WARNING,
    ),
    Plant(
        0,
        "a rollout whose newest pod has no image",
        with_a_new_pod(waiting="ErrImagePull", ready=False),
        "pod.rollout",
        "describe pods",
    ),
    Plant(
        0,
        "an image changed outside the stack",
        lambda it: replace(it, intent=Intent(image_tag=newer_image("1.33"))),
        "pod.stack-image",
        "set image deployment/cluster-autoscaler "
        f"'*=registry.k8s.io/autoscaling/cluster-autoscaler:{newer_image('1.33')}'",
    ),
    Plant(
        0,
        "most iterations fail by the counters",
        kubernetes(metrics=Metrics("ca-1", loops=9, errors={"cloudProviderError": 8})),
        "autoscaler.counters",
        "Read the log",
        WARNING,
    ),
)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.rule} {plant.name}")
def test_the_fault_is_named_with_its_fix_and_no_other_link(plant: Plant):
    assert_named(plant)


def test_a_candidate_for_deletion_keeps_its_taint_for_long_only_without_a_running_autoscaler():
    stopped = given.with_kubernetes(
        tainted("DeletionCandidateOfClusterAutoscaler", hours=3)(given.healthy()),
        status=given.status_map(minutes_old=10),
    )
    found = {each.rule.id: each.fix for each in examine(stopped).findings if each.status in (WARNING, BROKEN)}
    assert found.keys() == {"autoscaler.fresh", "autoscaler.leftover-taints"}
    assert found["autoscaler.leftover-taints"].endswith("DeletionCandidateOfClusterAutoscaler-")


def test_every_rule_is_broken_by_some_plant():
    broken = {
        finding.rule.id
        for plant in (*KNOWN_PLANTS, *PLANTS)
        for finding in examine(plant.spoil(given.healthy(plant.mode))).findings
        if finding.status in (WARNING, BROKEN)
    }
    # A pod that is placed, or waits behind a broken link, is never a separate fault.
    assert {rule.id for rule in all_rules()} - broken == {"pending-pods.placed"}


def test_a_fault_behind_a_broken_link_is_not_judged():
    report = examine(given.crashed(given.with_aws(given.healthy(), oidc_provider=None)))
    assert report.verdict(Link.AUTOSCALER) is Status.NOT_REACHED
    (process,) = report.of(Link.AUTOSCALER)
    assert "role.oidc-provider" in process.seen
    assert process.yours is False


@pytest.mark.parametrize(
    ("facts", "cause"),
    [
        ({"oidc_provider": None}, "role.oidc-provider"),
        ({"groups": (given.asg(tags={}), given.other_group())}, "groups.tags"),
    ],
)
def test_pending_pods_behind_a_broken_link_are_reported(facts, cause):
    snapshot = given.with_aws(given.healthy(), **facts)
    waits = given.with_kubernetes(snapshot, pending_pods=(given.pending_pod(),), status=given.status_map(groups={}))
    (pod,) = examine(waits).of(Link.PENDING_PODS)
    assert pod.status is Status.NOT_REACHED
    assert cause in pod.seen


def test_a_pod_that_is_pending_for_a_moment_or_was_scaled_up_for_is_in_order():
    young = given.pending_pod(since=given.ago(0.5))
    assert (
        examine(given.with_kubernetes(given.healthy(), pending_pods=(young,))).verdict(Link.PENDING_PODS) is Status.OK
    )
    coming = Event("TriggeredScaleUp", "pod triggered scale-up", "Pod", "shop", "api-1", given.ago(1))
    snapshot = given.with_kubernetes(given.healthy(), pending_pods=(given.pending_pod(),), events=(coming,))
    assert examine(snapshot).verdict(Link.PENDING_PODS) is Status.OK


def test_the_reasons_of_every_group_are_given_for_a_pod_that_fits_none():
    groups = (given.asg(), given.asg("eks-spot-1", max=0, desired=0, instances=()))
    tainted = given.node_group("spot", groups=("eks-spot-1",), taints=(Taint("spot", "yes", "NoSchedule"),))
    snapshot = given.with_aws(given.healthy(), groups=groups, node_groups=(given.node_group(), tainted))
    snapshot = given.with_kubernetes(
        snapshot,
        pending_pods=(given.pending_pod(message="0/1 nodes are available: 1 Insufficient cpu."),),
        events=(given.refused("1 Insufficient cpu, 1 node(s) had untolerated taint {spot: yes}"),),
    )
    (pod,) = examine(snapshot).of(Link.PENDING_PODS)
    assert "0/1 nodes are available" in pod.seen
    assert "eks-workers-0ac1: an instance of its type is too small" in pod.seen
    assert "eks-spot-1: taint spot=yes:NoSchedule, at its maxSize 0" in pod.seen


def test_old_lines_and_lines_from_before_the_loop_turned_are_history():
    line = "Failed to create AWS Manager: MissingRegion"
    old = given.with_kubernetes(given.healthy(), logs=(LogLine("x", line, given.ago(40)),))
    fixed = given.logging(given.healthy(), line)
    for snapshot in (old, fixed):
        assert examine(snapshot).exit_code is ExitCode.HEALTHY


def test_what_a_stack_deployed_is_fixed_by_the_stack():
    snapshot = replace(given.with_aws(given.healthy(), oidc_provider=None), intent=Intent(credentials=Source.IRSA))
    (finding,) = [each for each in examine(snapshot).findings if each.status is BROKEN]
    assert finding.fix.startswith("pulumi up --refresh   # or at once: aws iam create-open-id-connect-provider")


@pytest.mark.parametrize(
    ("spoil", "fix"),
    [
        (
            deployed(image=f"x/cluster-autoscaler:{newest_image('1.32')}"),
            f"pulumi config set --path autoscaler.image.tag {newest_image('1.33')} && pulumi up",
        ),
        (
            deployed(arguments=given.flags(max_empty_bulk_delete="1")),
            "pulumi config rm --path autoscaler.flags.max-empty-bulk-delete && pulumi up",
        ),
        (
            deployed(arguments=given.flags(expander="price")),
            "pulumi config set --path autoscaler.expander least-waste && pulumi up",
        ),
        # `pulumi up --refresh` does not see what was changed on an object of the release.
        (deployed(pod_annotations={}), "helm rollback cluster-autoscaler 2 --namespace kube-system --wait"),
        (deployed(replicas=0), "helm rollback cluster-autoscaler 2 --namespace kube-system --wait"),
        (
            deployed(image=f"x/cluster-autoscaler:{newest_image('1.32')}", edited_at=given.NOW),
            "helm rollback cluster-autoscaler 2 --namespace kube-system --wait",
        ),
        (
            deployed(arguments=given.flags(expander="price"), edited_at=given.NOW),
            "helm rollback cluster-autoscaler 2 --namespace kube-system --wait",
        ),
        (group(min=1, max=1), "Set maxSize: 2 of node group workers in Pulumi.<stack>.yaml, then run: pulumi up"),
    ],
)
def test_the_fix_of_a_stack_is_a_change_of_its_settings(spoil, fix):
    snapshot = replace(spoil(given.healthy()), intent=Intent(credentials=Source.IRSA))
    (finding,) = [each for each in examine(snapshot).findings if each.status in (WARNING, BROKEN)]
    assert finding.fix.startswith(fix)


def test_an_edited_deployment_of_a_release_is_rolled_back_before_its_values_change():
    # `extraArgs.X=null` for a flag that the release does not set renders `--X`.
    edited = deployed(arguments=given.flags(max_empty_bulk_delete="1"), edited_at=given.NOW)(given.healthy())
    (finding,) = [each for each in examine(edited).findings if each.status is BROKEN]
    assert finding.fix == "helm rollback cluster-autoscaler 2 --namespace kube-system --wait"


def test_an_edit_before_the_newest_revision_leaves_the_values_to_be_changed():
    # A rollback keeps a field that only the edit set, and its manager: after one, another would change nothing.
    old = deployed(arguments=given.flags(max_empty_bulk_delete="1"), edited_at=given.ago(61))(given.healthy())
    (finding,) = [each for each in examine(old).findings if each.status is BROKEN]
    assert finding.fix.startswith("helm upgrade cluster-autoscaler ")


def test_the_doctor_reports_when_standard_support_ends_and_uses_its_table_where_it_may_not_ask():
    ends = given.NOW.date() + timedelta(days=200)
    asked = given.with_aws(given.healthy(), support=Support(ends, None))
    denied = given.with_aws(given.healthy(), support=Unreadable("eks:DescribeClusterVersions", True, "denied"))
    (by_eks,) = (each for each in examine(asked).findings if each.rule.id == "pod.kubernetes-support")
    (by_table,) = (each for each in examine(denied).findings if each.rule.id == "pod.kubernetes-support")
    assert (by_eks.status, by_eks.seen) == (
        Status.OK,
        f"EKS standard support of Kubernetes 1.33 ends on {ends}, in 200 days.",
    )
    assert by_table.status is Status.OK
    assert f"by the version table of {compatibility.KUBERNETES_READ_ON}" in by_table.seen


def test_the_report_shows_the_age_of_version_tables_that_are_older_than_sixty_days():
    read_on = datetime(*compatibility.READ_ON.timetuple()[:3], tzinfo=UTC)
    young = examine(replace(given.healthy(), taken_at=read_on + timedelta(days=60)))
    old = examine(replace(given.healthy(), taken_at=read_on + timedelta(days=61)))
    assert young.notice == ""
    assert f"61 days old (read {compatibility.READ_ON})" in old.notice
    assert old.notice in plain(old)
    assert old.notice in markdown(old)


def test_capacity_buffers_need_json_before_the_version_that_asks_for_it_itself():
    command = given.flags(capacity_buffer_controller_enabled="true")
    snapshot = given.with_deployment(given.healthy(), image=f"x/y:{newest_image('1.35')}", arguments=command)
    found = [each for each in examine(snapshot).findings if each.rule.id == "pod.flags" and each.status is BROKEN]
    assert any("kube-api-content-type=application/json" in each.fix for each in found), found


@pytest.mark.parametrize("intent", [None, Intent(Source.IRSA, given.ROLE_ARN)], ids=["no stack", "stack"])
@pytest.mark.parametrize("annotation", [f'"{given.ROLE_ARN}"', "series-api-cluster-autoscaler"])
def test_a_malformed_annotation_is_named_alone(annotation, intent):
    # EKS puts the text into the pod as it is: the pod carries no role that exists, and STS rejects it.
    account = ServiceAccount(given.NAME, {"eks.amazonaws.com/role-arn": annotation})
    broken = given.with_kubernetes(given.healthy(), service_accounts=(account,))
    broken = replace(given.with_aws(broken, role_arn=annotation, role=None), intent=intent)
    assert {each.rule.id for each in examine(broken).findings if each.status is Status.BROKEN} == {
        "service-account.role-arn"
    }
