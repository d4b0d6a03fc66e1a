"""Each of the 29 known misconfigurations, planted with all its traces: the right link is named, and no other."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from components.pure import discovery, iam
from doctor.facts import (
    ConfigMap,
    Event,
    FailedLaunch,
    Instance,
    LogLine,
    NodeMachine,
    ServiceAccount,
    Snapshot,
    Source,
    Taint,
    ZonalVolume,
)
from doctor.findings import Status
from tests.versions import NEWEST_CHART, newest_image

from . import snapshots as given
from .misconfigurations import KNOWN
from .planting import Plant, assert_named

DENIED_LIST = (
    "E0901 11:58:00.1 1 aws_manager.go:128] Failed to regenerate ASG cache: AccessDenied: User: "
    "arn:aws:sts::123456789012:assumed-role/{role}/1756728000 is not authorized to perform: "
    "autoscaling:DescribeAutoScalingGroups because no identity-based policy allows the action",
    "F0901 11:58:00.1 1 aws_cloud_provider.go:468] Failed to create AWS Manager: AccessDenied: User: ...",
)
WEB_IDENTITY_REFUSED = (
    "F0901 11:58:00.1 1 aws_cloud_provider.go:468] Failed to create AWS Manager: cannot autodiscover ASGs: "
    "WebIdentityErr: failed to retrieve credentials caused by: AccessDenied: Not authorized to perform "
    "sts:AssumeRoleWithWebIdentity status code: 403",
)
EMPTY = "eks-batch-7c21"
EMPTY_GROUP = {"min": 0, "desired": 0, "instances": ()}
OWN_ROLE = iam.role_name(given.ROLE_ARN)


def _denied(*actions: str) -> Callable[[Snapshot], Snapshot]:
    def spoil(it: Snapshot) -> Snapshot:
        groups = (given.asg(), given.other_group())
        return given.with_aws(it, decisions=given.decisions(groups, (given.node_group(),), actions))

    return spoil


def _trust(**parts: str) -> Callable[[Snapshot], Snapshot]:
    wrong = {"provider_arn": given.PROVIDER_ARN, "issuer": given.ISSUER} | {
        "namespace": given.NAMESPACE,
        "service_account": given.NAME,
    }
    role = given.role(trust=iam.irsa_trust(**{**wrong, **parts}))
    return lambda it: given.crashed(given.with_aws(it, role=role), *WEB_IDENTITY_REFUSED)


def _with_group(it: Snapshot, group=None, node_group=None, **changes) -> Snapshot:
    """The cluster has an empty group too, which the autoscaler lists."""
    group = group or given.asg(EMPTY, **{**EMPTY_GROUP, **changes})
    groups = (given.asg(), group, given.other_group())
    node_groups = (given.node_group(), *([node_group] if node_group else []))
    listed = given.with_kubernetes(it, status=given.status_map(groups={given.GROUP: "", group.name: ""}))
    return given.with_aws(
        listed, groups=groups, node_groups=node_groups, decisions=given.decisions(groups, node_groups)
    )


def _waiting(it: Snapshot, reasons: str, **pod) -> Snapshot:
    return given.with_kubernetes(it, pending_pods=(given.pending_pod(**pod),), events=(given.refused(reasons),))


def _one_group(it: Snapshot, **changes) -> Snapshot:
    groups = (given.asg(**changes), given.other_group())
    return given.with_aws(it, groups=groups, decisions=given.decisions(groups, (given.node_group(),)))


def _missing_policy(it: Snapshot) -> Snapshot:
    reads = (*iam.READ_ACTIONS, *iam.WRITE_ACTIONS, iam.NODE_GROUP_ACTION)
    role_name = OWN_ROLE
    return given.crashed(_denied(*reads)(it), *(line.format(role=role_name) for line in DENIED_LIST))


def _pod_older_than_annotation(it: Snapshot) -> Snapshot:
    old = given.with_kubernetes(it, pods=(given.pod(Source.NODE_ROLE),))
    return given.crashed(old, *(line.format(role="series-api-node") for line in DENIED_LIST))


def _annotation_on_another_account(it: Snapshot) -> Snapshot:
    annotated = {"eks.amazonaws.com/role-arn": given.ROLE_ARN}
    accounts = (ServiceAccount("cluster-autoscaler-aws", annotated), ServiceAccount(given.NAME))
    spoilt = given.with_kubernetes(it, service_accounts=accounts, pods=(given.pod(Source.NODE_ROLE),))
    spoilt = given.with_aws(
        spoilt, source=Source.NODE_ROLE, role_arn=given.NODE_ROLE_ARN, role=given.role(Source.NODE_ROLE)
    )
    return given.crashed(spoilt, *(line.format(role="series-api-node") for line in DENIED_LIST))


def _hop_limit_of_one(it: Snapshot) -> Snapshot:
    machine = NodeMachine("i-0aa1", 1, given.NODE_ROLE_ARN)
    line = "F1 aws_manager.go:468] Failed to create AWS Manager: NoCredentialProviders: no valid providers in chain"
    return given.crashed(given.with_aws(it, machine=machine), line)


def _old_image_with_pod_identity(it: Snapshot) -> Snapshot:
    image = "registry.k8s.io/autoscaling/cluster-autoscaler:v1.28.2"
    old = given.with_deployment(it, image=image)
    old = given.with_aws(old, cluster=given.cluster(version="1.28"))
    old = given.with_kubernetes(old, version="v1.28.15-eks-1", access=given.rights(image="v1.28.2"))
    line = 'F1 CredentialsEndpointError: invalid endpoint host, "169.254.170.23", only loopback hosts are allowed.'
    return given.crashed(old, line)


def _no_region(it: Snapshot) -> Snapshot:
    image = f"registry.k8s.io/autoscaling/cluster-autoscaler:{newest_image('1.35')}"
    served = {"resource.k8s.io": ("v1",)}
    bare = given.with_deployment(it, image=image, environment={})
    bare = given.with_aws(bare, cluster=given.cluster(version="1.35"))
    bare = given.with_kubernetes(
        bare,
        version="v1.35.1-eks-1",
        api_groups=served,
        access=given.rights(image=newest_image("1.35")),
        pods=(given.pod(Source.NODE_ROLE, environment={}),),
    )
    return given.crashed(
        bare, "F0901 1 aws_manager.go] Failed to create AWS Manager: MissingRegion: could not find region configuration"
    )


def _region_of_another_cluster(it: Snapshot) -> Snapshot:
    elsewhere = {**given.environment(Source.IRSA), "AWS_REGION": "eu-west-1"}
    return given.with_kubernetes(it, pods=(given.pod(environment=elsewhere),), status=given.status_map(groups={}))


def _untagged(*keys: str, **tags: str) -> Callable[[Snapshot], Snapshot]:
    def spoil(it: Snapshot) -> Snapshot:
        kept = {key: value for key, value in given.asg().tags.items() if key not in keys}
        return given.with_kubernetes(_one_group(it, tags={**kept, **tags}), status=given.status_map(groups={}))

    return spoil


def _discovering(specification: str) -> Callable[[Snapshot], Snapshot]:
    def spoil(it: Snapshot) -> Snapshot:
        blind = given.with_deployment(it, arguments=given.flags(node_group_auto_discovery=specification))
        return given.with_kubernetes(blind, status=given.status_map(groups={}))

    return spoil


def _label_from_zero(it: Snapshot) -> Snapshot:
    spoilt = _with_group(it, given.self_managed(EMPTY, **EMPTY_GROUP))
    return _waiting(spoilt, "2 node(s) didn't match Pod's node affinity/selector", labels_wanted={"tier": "batch"})


def _node_groups_denied(it: Snapshot) -> Snapshot:
    empty = given.node_group("batch", groups=(EMPTY,), labels={"tier": "batch"})
    spoilt = _with_group(it, node_group=empty)
    decided = given.decisions((given.asg(), given.other_group()), (given.node_group(), empty), (iam.NODE_GROUP_ACTION,))
    line = (
        "E1 cache.go:136] Failed to query the managed nodegroup batch for the cluster series-api "
        "while looking for labels/taints/tags: AccessDeniedException: User is not authorized"
    )
    waits = _waiting(spoilt, "2 node(s) didn't match Pod's node affinity/selector", labels_wanted={"tier": "batch"})
    return given.logging(given.with_aws(waits, decisions=decided), line)


def _tainted_from_zero(value: str, cluster: str) -> Callable[[Snapshot], Snapshot]:
    def spoil(it: Snapshot) -> Snapshot:
        image = newest_image(cluster)
        tainted = given.node_group("batch", groups=(EMPTY,), taints=(Taint("dedicated", value, "NoSchedule"),))
        spoilt = given.with_deployment(_with_group(it, node_group=tainted), image=f"x/cluster-autoscaler:{image}")
        spoilt = given.with_aws(spoilt, cluster=given.cluster(version=cluster))
        return given.with_kubernetes(spoilt, version=f"v{cluster}.1-eks-1", access=given.rights(image=image))

    return spoil


def _cached_template(it: Snapshot) -> Snapshot:
    relabelled = given.node_group("batch", groups=(EMPTY,), labels={"tier": "batch"})
    spoilt = _with_group(it, node_group=relabelled)
    return _waiting(spoilt, "2 node(s) didn't match Pod's node affinity/selector", labels_wanted={"tier": "batch"})


def _at_max(it: Snapshot) -> Snapshot:
    return _waiting(_one_group(it, desired=1, max=1, min=0), "1 max node group size reached")


def _stale_nodes_flag(it: Snapshot) -> Snapshot:
    arguments = given.flags(node_group_auto_discovery=None, nodes=f"1:1:{given.GROUP}")
    return _waiting(given.with_deployment(it, arguments=arguments), "1 max node group size reached")


def _writes_denied(it: Snapshot) -> Snapshot:
    message = (
        f"Scale-up failed for group {given.GROUP}: AccessDenied: User: arn:aws:sts::1:assumed-role/{OWN_ROLE}/1 "
        "is not authorized to perform: autoscaling:SetDesiredCapacity on resource"
    )
    backoff = "  scaleUp: {status: Backoff, backoffInfo: {errorCode: cloudProviderError, errorMessage: AccessDenied}}"
    spoilt = _denied(*iam.WRITE_ACTIONS)(_waiting(it, "1 in backoff after failed scale-up"))
    events = (
        given.refused("1 in backoff after failed scale-up"),
        Event("FailedToScaleUpGroup", message, "ConfigMap", "kube-system", "x", given.ago(1)),
    )
    return given.with_kubernetes(spoilt, events=events, status=given.status_map(groups={given.GROUP: backoff}))


def _old_chart(missing: str, chart: str, cluster: str) -> Callable[[Snapshot], Snapshot]:
    def spoil(it: Snapshot) -> Snapshot:
        image = newest_image(cluster)
        labels = {**given.deployment().labels, "helm.sh/chart": f"cluster-autoscaler-{chart}"}
        old = given.with_deployment(it, labels=labels, image=f"x/cluster-autoscaler:{image}")
        old = given.with_aws(old, cluster=given.cluster(version=cluster))
        old = given.with_kubernetes(
            old,
            version=f"v{cluster}.1-eks-1",
            api_groups={"resource.k8s.io": ("v1",)},
            access=given.rights(missing, image),
            status=given.status_map("Initializing", {}, minutes_old=600),
        )
        group = "storage.k8s.io" if missing == "volumeattachments" else "resource.k8s.io"
        line = (
            f'E0901 1 reflector.go:158] "Unhandled Error" err="failed to list: {missing}.{group} is forbidden: User '
            f'\\"system:serviceaccount:kube-system:cluster-autoscaler\\" cannot list resource \\"{missing}\\""'
        )
        return given.logging(old, line)

    return spoil


def _volume_zone(it: Snapshot) -> Snapshot:
    wide = _one_group(it, zones=("us-east-1a", "us-east-1b"))
    message = "0/1 nodes are available: 1 node(s) had volume node affinity conflict."
    volumes = (ZonalVolume("pvc-1", frozenset({"us-east-1b"}), "shop/data-0"),)
    waits = _waiting(wide, "1 node(s) had volume node affinity conflict", message=message)
    return given.with_kubernetes(waits, zonal_volumes=volumes)


def _dissimilar(it: Snapshot) -> Snapshot:
    template = "eks.amazonaws.com/sourceLaunchTemplateId"
    first = given.node()
    second = given.node("ip-10-0-1-1.ec2.internal", "i-0bb2")
    nodes = (
        replace(first, labels={**first.labels, template: "lt-1"}),
        replace(second, labels={**second.labels, template: "lt-2", "eks.amazonaws.com/nodegroup": "other"}),
    )
    line = "I0901 1 compare.go] nodes template-node-for-a and template-node-for-b are not similar, labels do not match"
    return given.with_kubernetes(given.logging(it, line), nodes=nodes)


def _kept(reason: str) -> Callable[[Snapshot], Snapshot]:
    def spoil(it: Snapshot) -> Snapshot:
        line = f"I0901 1 cluster.go:170] Node ip-10-0-0-1.ec2.internal cannot be removed: {reason}"
        logs = tuple(LogLine("x", line, given.ago(minutes)) for minutes in (12, 6, 1))
        return given.with_kubernetes(it, logs=logs)

    return spoil


def _never_joined(it: Snapshot) -> Snapshot:
    instances = (Instance("i-0aa1", "us-east-1a"), Instance("i-0lost", "us-east-1a"))
    spoilt = _one_group(it, desired=2, instances=instances)
    message = f"Nodes added to group {given.GROUP} failed to register within 15m5s"
    return given.with_kubernetes(
        spoilt, events=(Event("ScaleUpTimedOut", message, "ConfigMap", "kube-system", "x", given.ago(2)),)
    )


def _no_capacity(it: Snapshot) -> Snapshot:
    message = "Could not launch Spot Instances. InsufficientInstanceCapacity - There is no Spot capacity available."
    backoff = (
        "  scaleUp: {status: Backoff, backoffInfo: {errorCode: placeholder-cannot-be-fulfilled, errorMessage: AWS}}"
    )
    spoilt = given.with_aws(
        _one_group(it, desired=2), failed_launches=(FailedLaunch(given.GROUP, given.ago(3), message),)
    )
    return given.with_kubernetes(spoilt, status=given.status_map(groups={given.GROUP: backoff}))


def _priorities(config_map: ConfigMap | None) -> Callable[[Snapshot], Snapshot]:
    def spoil(it: Snapshot) -> Snapshot:
        arguments = given.flags(expander="priority")
        chosen = given.with_deployment(it, arguments=arguments)
        line = "W1 priority expander: Wrong configuration for priority expander: doesn't contain priorities key"
        return given.with_kubernetes(
            given.logging(chosen, line), priorities=config_map, access=given.rights(given=arguments)
        )

    return spoil


def _flag(**flags: str) -> Callable[[Snapshot], Snapshot]:
    def spoil(it: Snapshot) -> Snapshot:
        name = next(iter(flags)).replace("_", "-")
        wrong = given.with_deployment(it, arguments=given.flags(**flags))
        return given.crashed(wrong, f"unknown flag: --{name}")

    return spoil


def _out_of_memory(it: Snapshot) -> Snapshot:
    spoilt = given.crashed(it)
    killed = tuple(replace(pod, ended="OOMKilled") for pod in given.pods_of(spoilt))
    return given.with_kubernetes(spoilt, pods=killed)


PLANTS = (
    Plant(
        1,
        "no policy on the role",
        _missing_policy,
        "permissions.reads",
        "aws iam put-role-policy --role-name " + OWN_ROLE,
    ),
    Plant(
        1, "pod older than the annotation", _pod_older_than_annotation, "service-account.injected", "rollout restart"
    ),
    Plant(
        1,
        "role on another service account",
        _annotation_on_another_account,
        "service-account.source",
        "rbac.serviceAccount.name=cluster-autoscaler-aws",
    ),
    Plant(
        2,
        "trust names another service account",
        _trust(service_account="cluster-autoscaler-aws-cluster-autoscaler"),
        "role.trust-subject",
        "aws iam update-assume-role-policy --role-name " + OWN_ROLE,
    ),
    Plant(
        2,
        "trust names another namespace",
        _trust(namespace="autoscaling"),
        "role.trust-subject",
        ":kube-system:cluster-autoscaler",
    ),
    Plant(
        3,
        "no OIDC provider",
        lambda it: given.crashed(
            given.with_aws(it, oidc_provider=None),
            "F1 Failed to create AWS Manager: InvalidIdentityToken: No OpenIDConnect provider found for "
            + given.ISSUER,
        ),
        "role.oidc-provider",
        f"aws iam create-open-id-connect-provider --url {given.ISSUER} --client-id-list sts.amazonaws.com",
    ),
    Plant(
        3,
        "trust names the issuer of another cluster",
        _trust(provider_arn=given.PROVIDER_ARN.replace("D539", "A000"), issuer=given.ISSUER.replace("D539", "A000")),
        "role.trust-issuer",
        "aws iam update-assume-role-policy",
    ),
    Plant(
        4,
        "hop limit of 1",
        _hop_limit_of_one,
        "service-account.hop-limit",
        "--http-put-response-hop-limit 2",
        mode=Source.NODE_ROLE,
    ),
    Plant(
        5,
        "Pod Identity with an old image",
        _old_image_with_pod_identity,
        "service-account.pod-identity-version",
        f"image.tag={newest_image('1.28')}",
        mode=Source.POD_IDENTITY,
    ),
    Plant(6, "no region", _no_region, "pod.region", "awsRegion=us-east-1", mode=Source.NODE_ROLE),
    Plant(6, "another region", _region_of_another_cluster, "pod.region", "awsRegion=us-east-1"),
    Plant(
        7,
        "instance types denied",
        lambda it: given.logging(
            _denied("ec2:DescribeInstanceTypes")(it),
            "E1 Failed to generate AWS EC2 Instance Types: UnauthorizedOperation: You are not authorized, falling back",
        ),
        "permissions.reads",
        "ec2:DescribeInstanceTypes",
        Status.WARNING,
    ),
    Plant(
        8,
        "no way to STS",
        lambda it: given.crashed(
            it,
            "F1 Failed to create AWS Manager: RequestError: send request failed caused by: Post "
            '"https://sts.us-east-1.amazonaws.com/": dial tcp 52.1.2.3:443: i/o timeout',
        ),
        "autoscaler.aws-unreachable",
        "an interface endpoint for sts",
    ),
    Plant(
        9,
        "launch templates denied",
        lambda it: given.logging(
            _denied("ec2:DescribeLaunchTemplateVersions")(it),
            "E1 Unable to build proper template node for eks-workers-0ac1: UnauthorizedOperation: ...",
        ),
        "permissions.reads",
        "ec2:DescribeLaunchTemplateVersions",
    ),
    Plant(
        10,
        "unknown instance type",
        lambda it: given.logging(
            given.with_deployment(it, arguments=given.flags(aws_use_static_instance_list="true")),
            'E1 ASG "eks-workers-0ac1" uses the unknown EC2 instance type "m9g.large"',
        ),
        "groups.instance-type-unknown",
        "extraArgs.aws-use-static-instance-list=null",
    ),
    Plant(
        11,
        "group lacks the cluster's tag",
        _untagged(discovery.cluster_key(given.CLUSTER)),
        "groups.tags",
        f"Key={discovery.cluster_key(given.CLUSTER)},Value=owned",
    ),
    Plant(
        11,
        "group has the tags of a tutorial",
        _untagged(*discovery.discovery_tags(given.CLUSTER), **{"eks:cluster-autoscaler/enabled": "true"}),
        "groups.tags",
        f"Key={discovery.ENABLED_KEY},Value=true",
    ),
    Plant(
        11,
        "a space in the flag",
        _discovering("asg:tag=k8s.io/cluster-autoscaler/enabled, k8s.io/cluster-autoscaler/series-api"),
        "pod.discovery-flag",
        "autoDiscovery.clusterName=series-api",
    ),
    Plant(
        11,
        "another cluster's name in the flag",
        _discovering("asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/series"),
        "pod.discovery-flag",
        "autoDiscovery.clusterName=series-api",
    ),
    Plant(
        12,
        "label of an empty group not advertised",
        _label_from_zero,
        "groups.labels",
        "Key=k8s.io/cluster-autoscaler/node-template/label/tier,Value=batch",
    ),
    Plant(
        12,
        "Windows group from zero",
        lambda it: _with_group(
            it, node_group=given.node_group("batch", groups=(EMPTY,), ami_type="WINDOWS_CORE_2022_x86_64")
        ),
        "groups.windows",
        "node-template/label/kubernetes.io/os,Value=windows",
    ),
    Plant(13, "node groups denied", _node_groups_denied, "permissions.node-groups", "eks:DescribeNodegroup"),
    Plant(
        14,
        "managed taints before 1.31",
        _tainted_from_zero("batch", "1.30"),
        "groups.taints",
        "Key=k8s.io/cluster-autoscaler/node-template/taint/dedicated,Value=batch:NoSchedule",
    ),
    Plant(
        14,
        "taint without a value",
        _tainted_from_zero("", "1.33"),
        "groups.taints",
        "Key=k8s.io/cluster-autoscaler/node-template/taint/dedicated,Value=:NoSchedule",
    ),
    Plant(
        15,
        "template of old",
        _cached_template,
        "autoscaler.cached-template",
        "rollout restart deployment/cluster-autoscaler",
    ),
    Plant(
        16,
        "group at its maxSize",
        _at_max,
        "groups.headroom",
        "update-nodegroup-config --cluster-name series-api --nodegroup-name workers --scaling-config maxSize=2",
    ),
    Plant(16, "stale --nodes", _stale_nodes_flag, "groups.headroom", "extraArgs.nodes=1:10:eks-workers-0ac1"),
    Plant(17, "writes denied", _writes_denied, "permissions.writes", "aws iam put-role-policy"),
    Plant(
        18,
        "volumeattachments forbidden",
        _old_chart("volumeattachments", "9.35.0", "1.33"),
        "pod.rbac",
        f"--version {NEWEST_CHART}",
    ),
    Plant(
        19,
        "resource claims forbidden",
        _old_chart("resourceclaims", "9.53.0", "1.35"),
        "pod.rbac",
        f"--version {NEWEST_CHART}",
    ),
    Plant(20, "volume in another zone", _volume_zone, "groups.zones", "one node group per zone"),
    Plant(
        21,
        "groups not similar",
        _dissimilar,
        "pod.balancing",
        "extraArgs.balancing-ignore-label_1=eks.amazonaws.com/sourceLaunchTemplateId",
        Status.WARNING,
    ),
    Plant(
        22,
        "local storage keeps a node",
        _kept("pod with local storage present: cache-0"),
        "autoscaler.scale-down",
        "extraArgs.skip-nodes-with-local-storage=false",
        Status.WARNING,
    ),
    Plant(
        22,
        "a system pod keeps a node",
        _kept("non-daemonset, non-mirrored, non-pdb-assigned kube-system pod present: metrics-server-1"),
        "autoscaler.scale-down",
        "extraArgs.skip-nodes-with-system-pods=false",
        Status.WARNING,
    ),
    Plant(
        23, "instances never join", _never_joined, "groups.joining", "get-console-output --latest --instance-id i-0lost"
    ),
    Plant(
        23,
        "no Spot capacity",
        _no_capacity,
        "groups.launching",
        "describe-scaling-activities --auto-scaling-group-name eks-workers-0ac1",
    ),
    Plant(
        24,
        "wrong key in the priority map",
        _priorities(ConfigMap({"priority": "10: [.*]"})),
        "autoscaler.priorities",
        "edit configmap cluster-autoscaler-priority-expander",
    ),
    Plant(
        24,
        "no priority map",
        _priorities(None),
        "autoscaler.priorities",
        "create configmap cluster-autoscaler-priority-expander",
    ),
    Plant(
        24,
        "a space after the comma",
        lambda it: given.crashed(
            given.with_deployment(it, arguments=given.flags(expander="least-waste, priority")),
            "F1 Failed to create autoscaler: expander  priority not supported",
        ),
        "pod.flags",
        "extraArgs.expander=least-waste\\,priority",
    ),
    Plant(25, "removed flag", _flag(max_empty_bulk_delete="10"), "pod.flags", "extraArgs.max-empty-bulk-delete=null"),
    Plant(
        25,
        "misspelled flag",
        _flag(scale_down_uneeded_time="2m"),
        "pod.flags",
        "extraArgs.scale-down-uneeded-time=null",
    ),
    Plant(
        26,
        "no way to the API server",
        lambda it: given.crashed(
            it, "F1 main.go:384] Failed to get nodes from apiserver: Get https://10.100.0.1: i/o timeout"
        ),
        "autoscaler.api-server-unreachable",
        "security group",
    ),
    Plant(27, "out of memory", _out_of_memory, "pod.memory", "resources.limits.memory=1Gi"),
    Plant(
        28,
        "failed release",
        lambda it: given.with_kubernetes(it, release="failed"),
        "pod.release",
        "helm history cluster-autoscaler --namespace kube-system",
    ),
    Plant(
        28,
        "disruption budget with both fields",
        lambda it: given.with_kubernetes(
            it, logs=(LogLine("up.log", "Error: execution error: Only one of podDisruptionBudget.minAvailable"),)
        ),
        "pod.release",
        "podDisruptionBudget.maxUnavailable=null",
    ),
    Plant(
        28,
        "changed pod labels",
        lambda it: given.with_kubernetes(
            it, logs=(LogLine("up.log", "cannot patch: spec.selector: Invalid value: {}: field is immutable"),)
        ),
        "pod.release",
        "delete deployment cluster-autoscaler",
    ),
    Plant(
        29,
        "throttled",
        lambda it: given.logging(it, "E1 Failed to regenerate ASG cache: Throttling: Rate exceeded"),
        "autoscaler.throttled",
        "extraArgs.scan-interval=30s",
        Status.WARNING,
    ),
)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.number} {plant.name}")
def test_the_right_link_is_named_with_its_fix_and_no_other_link(plant: Plant):
    assert_named(plant)


def test_every_known_misconfiguration_is_planted():
    assert {plant.number for plant in PLANTS} == set(KNOWN) == set(range(1, 30))


@pytest.mark.parametrize("number", KNOWN)
def test_the_list_names_the_rules_that_the_plants_break(number: int):
    planted = {plant.rule for plant in PLANTS if plant.number == number}
    assert planted <= set(KNOWN[number].rules)
