"""Read from AWS, each fact by one call or one paged list."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Any

from .._shared import discovery, iam
from ..clients import Aws
from ..documents import as_document, condition_keys
from ..errors import CannotCheckError
from ..facts import (
    Association,
    AutoScalingGroup,
    Caller,
    Cluster,
    Decision,
    FailedLaunch,
    Instance,
    Launch,
    NodeGroup,
    NodeMachine,
    OidcProvider,
    Policy,
    Role,
    Support,
    Taint,
)
from ..readings import Reading, Unreadable, all_found, then

AGENT_ADDON = "eks-pod-identity-agent"
_ABSENT = ("ResourceNotFoundException", "NoSuchEntity", "NoSuchEntityException")
_ARNS_PER_SIMULATION = 100
_RESOURCE_TAG = "resourcetag/"


def caller(aws: Aws) -> Reading[Caller]:
    """Your own AWS identity."""
    return then(aws.read("sts", "get_caller_identity"), lambda it: Caller(arn=it["Arn"], account=it["Account"]))


def cluster(aws: Aws, name: str) -> Reading[Cluster]:
    """The cluster.

    Raises:
        CannotCheckError: When there is none of that name in the region.
    """
    answer = aws.read("eks", "describe_cluster", name=name, absent=_ABSENT)
    if answer is None:
        raise CannotCheckError(
            f"Your account has no EKS cluster {name} in {aws.region}. To list clusters: aws eks list-clusters --region "
            f"{aws.region}, and: aws sts get-caller-identity"
        )
    return then(answer, lambda it: _cluster(it["cluster"], aws.region))


def _cluster(it: Mapping[str, Any], region: str) -> Cluster:
    identity = iam.ClusterIdentity.from_arn(it["arn"])
    compute = it.get("computeConfig") or {}
    return Cluster(
        name=it["name"],
        arn=it["arn"],
        region=region,
        account=identity.account,
        partition=identity.partition,
        version=it.get("version", ""),
        issuer=(it.get("identity") or {}).get("oidc", {}).get("issuer", ""),
        status=it.get("status", ""),
        endpoint=it.get("endpoint", ""),
        certificate_authority=(it.get("certificateAuthority") or {}).get("data", ""),
        auto_mode_pools=tuple(compute.get("nodePools") or ()) if compute.get("enabled") else (),
    )


def support(aws: Aws, version: str) -> Reading[Support | None]:
    """How long EKS supports a Kubernetes version; None when it does not list the version."""
    answer = aws.read("eks", "describe_cluster_versions", clusterVersions=[version])
    return then(answer, lambda it: next(map(_support, it.get("clusterVersions") or ()), None))


def _support(it: Mapping[str, Any]) -> Support:
    standard, extended = it.get("endOfStandardSupportDate"), it.get("endOfExtendedSupportDate")
    return Support(standard.date() if standard else None, extended.date() if extended else None)


def node_group_names(aws: Aws, cluster_name: str) -> Reading[list[str]]:
    """Names of the managed node groups."""
    return aws.read_all("eks", "list_nodegroups", "nodegroups", clusterName=cluster_name)


def node_group(aws: Aws, cluster_name: str, name: str) -> Reading[NodeGroup | None]:
    """One managed node group; None if it was deleted since it was listed."""
    answer = aws.read("eks", "describe_nodegroup", clusterName=cluster_name, nodegroupName=name, absent=_ABSENT)
    return answer if answer is None else then(answer, lambda it: _node_group(it["nodegroup"]))


def _node_group(it: Mapping[str, Any]) -> NodeGroup:
    effects = {eks: kubernetes for kubernetes, eks in discovery.TAINT_EFFECTS.items()}
    groups = (it.get("resources") or {}).get("autoScalingGroups") or ()
    issues = (it.get("health") or {}).get("issues") or ()
    return NodeGroup(
        name=it["nodegroupName"],
        arn=it.get("nodegroupArn", ""),
        groups=tuple(group["name"] for group in groups),
        status=it.get("status", ""),
        labels=it.get("labels") or {},
        taints=tuple(
            Taint(taint.get("key", ""), taint.get("value") or "", effects.get(taint["effect"], taint["effect"]))
            for taint in it.get("taints") or ()
        ),
        role_arn=it.get("nodeRole", ""),
        ami_type=it.get("amiType", ""),
        tags=it.get("tags") or {},
        instance_types=tuple(it.get("instanceTypes") or ()),
        disk_gib=it.get("diskSize"),
        health_issues=tuple(f"{issue.get('code', '')}: {issue.get('message', '')}" for issue in issues),
    )


def groups(aws: Aws) -> Reading[tuple[AutoScalingGroup, ...]]:
    """Every Auto Scaling Group of the region: a hundred on a page."""
    found = aws.read_all(
        "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", PaginationConfig={"PageSize": 100}
    )
    return then(found, lambda groups: tuple(map(_group, groups)))


def _group(it: Mapping[str, Any]) -> AutoScalingGroup:
    return AutoScalingGroup(
        name=it["AutoScalingGroupName"],
        arn=it["AutoScalingGroupARN"],
        min=it["MinSize"],
        max=it["MaxSize"],
        desired=it["DesiredCapacity"],
        zones=tuple(it.get("AvailabilityZones") or ()),
        tags={tag["Key"]: tag.get("Value", "") for tag in it.get("Tags") or ()},
        instances=tuple(
            Instance(each["InstanceId"], each.get("AvailabilityZone", ""), each.get("LifecycleState", ""))
            for each in it.get("Instances") or ()
        ),
        suspended=frozenset(each["ProcessName"] for each in it.get("SuspendedProcesses") or ()),
        launch=_launch(it),
        unit=_unit(it),
        instance_types=_instance_types(it),
    )


def _instance_types(it: Mapping[str, Any]) -> tuple[str, ...]:
    overrides = ((it.get("MixedInstancesPolicy") or {}).get("LaunchTemplate") or {}).get("Overrides") or ()
    named = [each.get("InstanceType") for each in (*overrides, *(it.get("Instances") or ()))]
    return tuple(dict.fromkeys(name for name in named if name))


def _unit(it: Mapping[str, Any]) -> str:
    """What the sizes of a group count (`DesiredCapacityType` and `WeightedCapacity` of the Auto Scaling API)."""
    if (kind := it.get("DesiredCapacityType") or "units") != "units":
        return str(kind)
    overrides = ((it.get("MixedInstancesPolicy") or {}).get("LaunchTemplate") or {}).get("Overrides") or ()
    weights = {each.get("WeightedCapacity") or "1" for each in (*overrides, *(it.get("Instances") or ()))}
    return "weights" if weights - {"1"} else "instances"


def _launch(it: Mapping[str, Any]) -> Launch:
    mixed = it.get("MixedInstancesPolicy")
    if not mixed:
        return Launch.CONFIGURATION if it.get("LaunchConfigurationName") else Launch.TEMPLATE
    overrides = mixed.get("LaunchTemplate", {}).get("Overrides") or ()
    return Launch.REQUIREMENTS if any("InstanceRequirements" in each for each in overrides) else Launch.MIXED


def failed_launches(aws: Aws) -> Reading[tuple[FailedLaunch, ...]]:
    """The failures among the newest hundred scaling activities of the region: one call for all groups."""
    answer = aws.read("autoscaling", "describe_scaling_activities", MaxRecords=100)
    return then(answer, lambda it: tuple(_failures(it.get("Activities") or ())))


def _failures(activities: Sequence[Mapping[str, Any]]) -> Iterator[FailedLaunch]:
    for activity in activities:
        if activity.get("StatusCode") in ("Failed", "Cancelled"):
            at = activity.get("EndTime") or activity.get("StartTime") or datetime.fromtimestamp(0, UTC)
            message = activity.get("StatusMessage") or activity.get("Description") or ""
            yield FailedLaunch(activity["AutoScalingGroupName"], at, " ".join(message.split()))


def associations(aws: Aws, cluster_name: str, namespace: str, name: str) -> Reading[tuple[Association, ...]]:
    """The Pod Identity associations of a service account: one list, and one description of each (there is one)."""
    listed = aws.read_all(
        "eks",
        "list_pod_identity_associations",
        "associations",
        clusterName=cluster_name,
        namespace=namespace,
        serviceAccount=name,
    )
    if isinstance(listed, Unreadable):
        return listed
    found = []
    for each in listed:
        answer = aws.read(
            "eks",
            "describe_pod_identity_association",
            clusterName=cluster_name,
            associationId=each["associationId"],
            absent=_ABSENT,
        )
        if isinstance(answer, Unreadable):
            return answer
        if answer:
            it = answer["association"]
            found.append(
                Association(
                    id=it["associationId"],
                    role_arn=it.get("roleArn", ""),
                    target_role_arn=it.get("targetRoleArn") or "",
                    sends_session_tags=not it.get("disableSessionTags"),
                )
            )
    return tuple(found)


def agent_addon(aws: Aws, cluster_name: str) -> Reading[str | None]:
    """Status of the add-on of the Pod Identity agent; None when it is not installed."""
    answer = aws.read("eks", "describe_addon", clusterName=cluster_name, addonName=AGENT_ADDON, absent=_ABSENT)
    return answer if answer is None else then(answer, lambda it: str(it["addon"].get("status", "")))


def oidc_provider(aws: Aws, cluster: Cluster) -> Reading[OidcProvider | None]:
    """The OIDC provider of the cluster's issuer."""
    path = iam.issuer_path(cluster.issuer)
    arn = f"arn:{cluster.partition}:iam::{cluster.account}:oidc-provider/{path}"
    answer = aws.read("iam", "get_open_id_connect_provider", OpenIDConnectProviderArn=arn, absent=_ABSENT)
    return answer if answer is None else then(answer, lambda it: OidcProvider(arn, tuple(it.get("ClientIDList") or ())))


def role(aws: Aws, arn: str, account: str) -> Reading[Role | None]:
    """A role; None when IAM does not know it."""
    owner = arn.split(":")[4] if arn.count(":") >= 5 else account
    if owner != account:
        return Unreadable(
            "iam:GetRole", False, f"the role {arn} belongs to the account {owner}; your credentials belong to {account}"
        )
    answer = aws.read("iam", "get_role", RoleName=iam.role_name(arn), absent=(*_ABSENT, "ValidationError"))
    return answer if answer is None else then(answer, lambda it: _role(it["Role"]))


def _role(it: Mapping[str, Any]) -> Role:
    return Role(
        name=it["RoleName"],
        arn=it["Arn"],
        trust=as_document(it.get("AssumeRolePolicyDocument")),
        boundary_arn=(it.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", ""),
    )


def policies(pool: Executor, aws: Aws, role_name: str) -> Reading[tuple[Policy, ...]]:
    """The policies of a role, attached and inline; those deleted since they were listed are left out."""
    inline_future = pool.submit(aws.read_all, "iam", "list_role_policies", "PolicyNames", RoleName=role_name)
    attached = aws.read_all("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=role_name)
    inline = inline_future.result()
    if isinstance(attached, Unreadable):
        return attached
    if isinstance(inline, Unreadable):
        return inline
    return all_found(
        [
            *pool.map(lambda each: _attached_policy(aws, each["PolicyName"], each["PolicyArn"]), attached),
            *pool.map(lambda name: _inline_policy(aws, role_name, name), inline),
        ]
    )


def _attached_policy(aws: Aws, name: str, arn: str) -> Reading[Policy | None]:
    policy = aws.read("iam", "get_policy", PolicyArn=arn, absent=_ABSENT)
    if policy is None or isinstance(policy, Unreadable):
        return policy
    version_id = policy["Policy"]["DefaultVersionId"]
    version = aws.read("iam", "get_policy_version", PolicyArn=arn, VersionId=version_id, absent=_ABSENT)
    if version is None or isinstance(version, Unreadable):
        return version
    return Policy(name, as_document(version["PolicyVersion"].get("Document")), arn)


def _inline_policy(aws: Aws, role_name: str, name: str) -> Reading[Policy | None]:
    answer = aws.read("iam", "get_role_policy", RoleName=role_name, PolicyName=name, absent=_ABSENT)
    if answer is None or isinstance(answer, Unreadable):
        return answer
    return Policy(name, as_document(answer.get("PolicyDocument")))


def machine(
    aws: Aws, instance_id: str, node_groups: Reading[tuple[NodeGroup, ...]], label: str
) -> Reading[NodeMachine | None]:
    """The instance of a node; ``label`` is the node group in the node's labels, empty if it has none."""
    answer = aws.read(
        "ec2",
        "describe_instances",
        InstanceIds=[instance_id],
        absent=("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"),
    )
    if answer is None or isinstance(answer, Unreadable):
        return answer
    found = [each for reservation in answer.get("Reservations") or () for each in reservation.get("Instances") or ()]
    if not found:
        return None
    hop_limit = (found[0].get("MetadataOptions") or {}).get("HttpPutResponseHopLimit", 1)
    groups = () if isinstance(node_groups, Unreadable) else node_groups
    managed = next((group for group in groups if group.name == label), None)
    if managed and managed.role_arn:
        return NodeMachine(instance_id, hop_limit, managed.role_arn)
    profile = (found[0].get("IamInstanceProfile") or {}).get("Arn", "")
    if not profile:
        return NodeMachine(instance_id, hop_limit)
    roles = aws.read("iam", "get_instance_profile", InstanceProfileName=iam.role_name(profile), absent=_ABSENT)
    if isinstance(roles, Unreadable):
        return roles
    arns = [each["Arn"] for each in (roles or {}).get("InstanceProfile", {}).get("Roles") or ()]
    return NodeMachine(instance_id, hop_limit, arns[0] if arns else "")


# --- the simulator ----------------------------------------------------------------------------------------------------


def read_decisions(aws: Aws, role_arn: str, context: Mapping[str, str]) -> Reading[tuple[Decision, ...]]:
    """Decisions on the reads without a resource: one call."""
    return _simulate(aws, role_arn, iam.READ_ACTIONS, (), context)


def decisions_on(
    aws: Aws,
    role_arn: str,
    actions: Sequence[str],
    tags_by_arn: Mapping[str, Mapping[str, str]],
    policies: Reading[tuple[Policy, ...]],
    context: Mapping[str, str],
) -> Reading[tuple[Decision, ...]]:
    """Decisions on each resource with its own tags as context.

    Resources with the same tags in the conditions of the policies share a call, so that the number of calls depends on
    the kinds of resources, not on their number.
    """
    kinds: dict[frozenset[tuple[str, str]], list[str]] = {}
    for arn, tags in tags_by_arn.items():
        kinds.setdefault(frozenset(_tag_context(tags, policies).items()), []).append(arn)
    found: list[Decision] = []
    for kind, arns in kinds.items():
        for start in range(0, len(arns), _ARNS_PER_SIMULATION):
            some = arns[start : start + _ARNS_PER_SIMULATION]
            decisions = _simulate(aws, role_arn, actions, some, {**context, **dict(kind)})
            if isinstance(decisions, Unreadable):
                return decisions
            found += decisions
    return tuple(found)


def _tag_context(tags: Mapping[str, str], policies: Reading[tuple[Policy, ...]]) -> dict[str, str]:
    """The tags in conditions of the policies, by condition key; all discovery tags if the policies are unknown."""
    if isinstance(policies, Unreadable):
        return {
            f"{service}:ResourceTag/{key}": value
            for service in ("aws", "autoscaling")
            for key, value in tags.items()
            if key.startswith((f"{discovery.PREFIX}/", "kubernetes.io/cluster/", "eks:"))
            and not key.startswith(discovery.NODE_TEMPLATE_PREFIX)
        }
    keys = [key for key in condition_keys(policies) if _RESOURCE_TAG in key.lower()]
    named = {key: key[key.lower().index(_RESOURCE_TAG) + len(_RESOURCE_TAG) :] for key in keys}
    return {key: tags[name] for key, name in named.items() if name in tags}


def session_context(cluster: Cluster, namespace: str, service_account: str) -> dict[str, str]:
    """The session tags that EKS Pod Identity sends, as condition keys."""
    return {
        "aws:PrincipalTag/eks-cluster-arn": cluster.arn,
        "aws:PrincipalTag/eks-cluster-name": cluster.name,
        "aws:PrincipalTag/kubernetes-namespace": namespace,
        "aws:PrincipalTag/kubernetes-service-account": service_account,
    }


def _simulate(
    aws: Aws, role_arn: str, actions: Sequence[str], arns: Sequence[str], context: Mapping[str, str]
) -> Reading[tuple[Decision, ...]]:
    resources = {"ResourceArns": list(arns)} if arns else {}
    results = aws.read_all(
        "iam",
        "simulate_principal_policy",
        "EvaluationResults",
        PolicySourceArn=role_arn,
        ActionNames=list(actions),
        ContextEntries=[
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in sorted(context.items())
        ],
        PaginationConfig={"PageSize": 1000},
        **resources,
    )
    return then(results, lambda found: tuple(decision for result in found for decision in _decisions(result)))


def _decisions(result: Mapping[str, Any]) -> Iterator[Decision]:
    action = result["EvalActionName"]
    specific = result.get("ResourceSpecificResults") or ()
    if not specific:
        yield Decision(action, result.get("EvalResourceName", "*"), *_verdict(result, result["EvalDecision"]))
    for each in specific:
        yield Decision(action, each["EvalResourceName"], *_verdict({**result, **each}, each["EvalResourceDecision"]))


def _verdict(result: Mapping[str, Any], decision: str) -> tuple[bool, str, tuple[str, ...]]:
    """Whether it is allowed; if not, why, and which condition keys the simulation could not know."""
    if decision == "allowed":
        return True, "", ()
    return (
        False,
        _reason(result, decision),
        tuple(sorted(filter(_only_aws_knows, result.get("MissingContextValues", ())))),
    )


def _only_aws_knows(key: str) -> bool:
    """Whether a condition key is a global one that AWS fills in at each call; tags are read and given above."""
    folded = key.lower()
    return folded.startswith("aws:") and not folded.startswith(("aws:resourcetag/", "aws:requesttag/", "aws:tagkeys"))


def _reason(result: Mapping[str, Any], decision: str) -> str:
    if (result.get("OrganizationsDecisionDetail") or {}).get("AllowedByOrganizations") is False:
        return "organization"
    if (result.get("PermissionsBoundaryDecisionDetail") or {}).get("AllowedByPermissionsBoundary") is False:
        return "permissions boundary"
    return decision
