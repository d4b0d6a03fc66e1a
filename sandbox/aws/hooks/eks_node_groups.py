"""Managed node groups with what EKS really makes for one: launch template, instance profile, Auto Scaling group."""

from __future__ import annotations

from collections.abc import Iterable

from ministack.core.iam_evaluator import validate_role_arn
from ministack.services import autoscaling, ec2, eks, iam

from sandbox.aws import instance_types
from sandbox.aws.errors import ApiError
from sandbox.aws.hooks import autoscaling_groups, capacity, launch_templates
from sandbox.aws.hooks.eks_access import ensure_node_entry
from sandbox.aws.hooks.eks_api import Call, Json, Route, find_cluster, find_node_group, invalid
from sandbox.aws.hooks.eks_clusters import require_active
from sandbox.aws.hooks.eks_updates import record
from sandbox.aws.kubernetes_versions import IMAGE_FAMILIES, MINORS, check_minor, release_version

_TAINT_EFFECTS = ("NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE")

_DEFAULT_INSTANCE_TYPE = "t3.medium"


def create_node_group(call: Call) -> Json:
    """CreateNodegroup: checks everything first, then makes its parts and launches its instances."""
    cluster, body = find_cluster(call.path["cluster"]), call.body
    name = body["nodegroupName"]
    if f"{cluster['name']}/{name}" in eks._nodegroups:
        raise ApiError(
            "ResourceInUseException",
            f"NodeGroup already exists with name {name} and cluster name {cluster['name']}",
            409,
        )
    require_active(cluster)
    group = _new_record(cluster, body)
    _check(cluster, group)
    template_data = _template_data(cluster, group)
    eks._nodegroups[f"{cluster['name']}/{name}"] = group
    eks._tags[group["nodegroupArn"]] = dict(group.pop("tags"))
    _make_parts(cluster, group, template_data)
    ensure_node_entry(cluster, group["nodeRole"])
    if _scaling_group(group)["Instances"] == [] and group["scalingConfig"]["desiredSize"] > 0:
        group["status"] = "CREATE_FAILED"
    return {"nodegroup": shown(group) | {"status": "CREATING"}}


def _new_record(cluster: Json, body: Json) -> Json:
    now = eks._now()
    version = check_minor(body.get("version") or cluster["version"])
    template = body.get("launchTemplate")
    types = body.get("instanceTypes")
    if not types and not (template and "InstanceType" in _user_template(template).data):
        types = [_DEFAULT_INSTANCE_TYPE]
    ami_type = body.get("amiType") or _default_ami_type(types, template)
    group = {
        "nodegroupName": body["nodegroupName"],
        "nodegroupArn": eks._nodegroup_arn(cluster["name"], body["nodegroupName"]),
        "clusterName": cluster["name"],
        "version": version,
        "releaseVersion": body.get("releaseVersion", release_version(version)),
        "createdAt": now,
        "modifiedAt": now,
        "status": "ACTIVE",
        "capacityType": body.get("capacityType", "ON_DEMAND"),
        "scalingConfig": {"minSize": 1, "maxSize": 2, "desiredSize": 2} | body.get("scalingConfig", {}),
        "instanceTypes": types,
        "subnets": body["subnets"],
        "amiType": ami_type,
        "nodeRole": body["nodeRole"],
        "labels": body.get("labels", {}),
        "taints": body.get("taints", []),
        "diskSize": None if template else body.get("diskSize", 20),
        "remoteAccess": body.get("remoteAccess"),
        "updateConfig": body.get("updateConfig", {"maxUnavailable": 1}),
        "nodeRepairConfig": body.get("nodeRepairConfig"),
        "launchTemplate": _reference(template) if template else None,
        "tags": body.get("tags", {}),
    }
    return {member: value for member, value in group.items() if value is not None}


def _default_ami_type(types: list[str] | None, template: Json | None) -> str:
    if template and "ImageId" in _user_template(template).data:
        return "CUSTOM"
    architecture = _known_types(types)[0].architecture if types else "x86_64"
    return "AL2023_ARM_64_STANDARD" if architecture == "arm64" else "AL2023_x86_64_STANDARD"


def _known_types(names: list[str]) -> list[instance_types.InstanceType]:
    try:
        return instance_types.find(names)
    except ApiError as error:
        raise invalid(error.message) from error


def _user_template(wanted: Json) -> launch_templates.LaunchTemplate:
    """The launch template that a request names by id or name.

    Raises:
        ApiError: It does not exist.
    """
    specification = {
        "LaunchTemplateId": wanted.get("id"),
        "LaunchTemplateName": wanted.get("name"),
        "Version": wanted.get("version"),
    }
    try:
        return launch_templates.resolve({key: value for key, value in specification.items() if value})
    except ApiError as error:
        raise invalid(error.message) from error


def _reference(wanted: Json) -> Json:
    template = _user_template(wanted)
    return {"id": template.id, "name": template.name, "version": str(template.version)}


def _check(cluster: Json, group: Json) -> None:
    """Raises :class:`ApiError` for the first thing about a node group that EKS would not take."""
    if problem := validate_role_arn(group["nodeRole"]):
        raise invalid(problem)
    if group["amiType"] not in (*IMAGE_FAMILIES, "CUSTOM"):
        raise invalid(
            f"Unknown amiType {group['amiType']}: the sandbox's EKS knows {', '.join(IMAGE_FAMILIES)}, CUSTOM"
        )
    if MINORS.index(group["version"]) > MINORS.index(cluster["version"]):
        raise invalid(
            f"Nodegroup Kubernetes version {group['version']} must not be above the cluster's, {cluster['version']}"
        )
    for subnet in group["subnets"]:
        if ec2._subnets.get(subnet, {}).get("VpcId") != cluster["resourcesVpcConfig"]["vpcId"]:
            raise invalid(f"The subnet ID '{subnet}' does not exist in the cluster's VPC")
    if group["amiType"] != "CUSTOM":
        family = IMAGE_FAMILIES[group["amiType"]]
        if not family.offers(group["version"]):
            raise invalid(f"Requested amiType {family.ami_type} is not available for Kubernetes {group['version']}")
        for kind in _known_types(group.get("instanceTypes", [])):
            if kind.architecture != family.architecture:
                raise invalid(f"[{kind.name}] is not a valid instance type for requested amiType {family.ami_type}")
    _check_scaling(group["scalingConfig"])
    _check_taints(group["taints"])


def _check_scaling(scaling: Json) -> None:
    least, most, desired = (scaling[name] for name in ("minSize", "maxSize", "desiredSize"))
    if most < 1 or least > most:
        raise invalid(f"Minimum capacity {least} can't be greater than maximum size {most}, which must be at least 1")
    if desired < least:
        raise invalid(f"Minimum capacity {least} can't be greater than desired size {desired}")
    if desired > most:
        raise invalid(f"desired capacity {desired} can't be greater than max size {most}")


def _check_taints(taints: Iterable[Json]) -> None:
    for taint in taints:
        if taint.get("effect") not in _TAINT_EFFECTS:
            raise invalid(f"Invalid taint effect {taint.get('effect')}: expected one of {', '.join(_TAINT_EFFECTS)}")


def _template_data(cluster: Json, group: Json) -> Json:
    """The data of the launch template that EKS itself makes: the user's, completed."""
    named = group.get("launchTemplate")
    data = _user_template(named).data if named else {}
    family = IMAGE_FAMILIES.get(group["amiType"])
    if family:
        data.setdefault("ImageId", family.image_id(group["version"]))
    if not capacity.security_groups(data):
        data["SecurityGroupIds"] = [cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]]
    # AL2023 images demand IMDSv2, and keep pods from the node's role by a hop limit of 1; older ones do neither.
    modern = group["amiType"].startswith("AL2023")
    default = {"HttpTokens": "required" if modern else "optional", "HttpPutResponseHopLimit": 1 if modern else 2}
    data["MetadataOptions"] = default | data.get("MetadataOptions", {})
    own = {"eks:cluster-name": cluster["name"], "eks:nodegroup-name": group["nodegroupName"]}
    tags = [{"Key": key, "Value": value} for key, value in own.items()]
    kept = [one for one in data.get("TagSpecifications", []) if one["ResourceType"] != "instance"]
    users = [
        tag for one in data.get("TagSpecifications", []) if one["ResourceType"] == "instance" for tag in one["Tags"]
    ]
    data["TagSpecifications"] = [*kept, {"ResourceType": "instance", "Tags": [*users, *tags]}]
    return data


def _make_parts(cluster: Json, group: Json, template_data: Json) -> None:
    """Makes instance profile, launch template and Auto Scaling group, and launches the instances."""
    unique = eks.new_uuid()
    name = f"eks-{group['nodegroupName']}-{unique}"
    own_tags = {"eks:cluster-name": cluster["name"], "eks:nodegroup-name": group["nodegroupName"]}
    profile = f"eks-{unique}"
    iam._create_instance_profile({"InstanceProfileName": profile})
    iam._instance_profiles[profile]["Roles"] = [group["nodeRole"].rsplit("/", 1)[-1]]
    template_data["IamInstanceProfile"] = {"Name": profile}
    template = launch_templates.create(f"eks-{unique}", template_data, own_tags)
    group |= {
        "resources": {"autoScalingGroups": [{"name": name}]},
        "_launch_template_id": template.id,
        "_instance_profile": profile,
    }
    # The node group's own tags never reach its Auto Scaling group: a fact of AWS that surprises many.
    discovery = {
        f"kubernetes.io/cluster/{cluster['name']}": "owned",
        "k8s.io/cluster-autoscaler/enabled": "true",
        f"k8s.io/cluster-autoscaler/{cluster['name']}": "owned",
    }
    autoscaling_groups.create(
        {
            "AutoScalingGroupName": name,
            "MixedInstancesPolicy": _mixed_instances_policy(group, template),
            "VPCZoneIdentifier": ",".join(group["subnets"]),
            **_sizes(group["scalingConfig"]),
            "CapacityRebalance": "true",
            "HealthCheckGracePeriod": "15",
            "TerminationPolicies": ["AllocationStrategy", "OldestLaunchTemplate", "OldestInstance"],
            "Tags": [
                {"Key": key, "Value": value, "PropagateAtLaunch": "true"}
                for key, value in (own_tags | discovery).items()
            ],
        }
    )


def _mixed_instances_policy(group: Json, template: launch_templates.LaunchTemplate) -> Json:
    types = group.get("instanceTypes") or [template.data["InstanceType"]]
    on_demand = "100" if group["capacityType"] == "ON_DEMAND" else "0"
    return {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": capacity.template_reference(template),
            "Overrides": [{"InstanceType": name} for name in types],
        },
        "InstancesDistribution": {
            "OnDemandAllocationStrategy": "prioritized",
            "OnDemandBaseCapacity": "0",
            "OnDemandPercentageAboveBaseCapacity": on_demand,
        },
    }


def _sizes(scaling: Json) -> dict[str, str]:
    return {
        "MinSize": str(scaling["minSize"]),
        "MaxSize": str(scaling["maxSize"]),
        "DesiredCapacity": str(scaling["desiredSize"]),
    }


def _scaling_group(group: Json) -> capacity.Group:
    return autoscaling_groups.find(group["resources"]["autoScalingGroups"][0]["name"])


def shown(group: Json) -> Json:
    """A node group as DescribeNodegroup shows it: sizes as its Auto Scaling group has them, tags and health of now."""
    visible = {name: value for name, value in group.items() if not name.startswith("_")}
    visible |= {"tags": eks._tags.get(group["nodegroupArn"], {}), "health": {"issues": []}}
    scaling: capacity.Group | None = autoscaling._asgs.get(group["resources"]["autoScalingGroups"][0]["name"])
    if scaling is None:
        issue = {
            "code": "AutoScalingGroupNotFound",
            "message": "We couldn't find the Auto Scaling group associated with the managed node group.",
            "resourceIds": [group["resources"]["autoScalingGroups"][0]["name"]],
        }
        return visible | {"status": "DEGRADED", "health": {"issues": [issue]}}
    visible["scalingConfig"] = {
        "minSize": scaling["MinSize"],
        "maxSize": scaling["MaxSize"],
        "desiredSize": scaling["DesiredCapacity"],
    }
    last = scaling["_activities"][0] if scaling["_activities"] else {}
    if len(scaling["Instances"]) < scaling["DesiredCapacity"] and last.get("StatusCode") == "Failed":
        issue = {
            "code": "AsgInstanceLaunchFailures",
            "message": last["StatusMessage"],
            "resourceIds": [scaling["AutoScalingGroupName"]],
        }
        status = "DEGRADED" if group["status"] == "ACTIVE" else group["status"]
        visible |= {"status": status, "health": {"issues": [issue]}}
    return visible


def describe_node_group(call: Call) -> Json:
    """DescribeNodegroup."""
    return {"nodegroup": shown(find_node_group(call.path["cluster"], call.path["group"]))}


def delete_node_group(call: Call) -> Json:
    """DeleteNodegroup, with its parts and instances."""
    group = find_node_group(call.path["cluster"], call.path["group"])
    answer = {"nodegroup": shown(group) | {"status": "DELETING"}}
    name = group["resources"]["autoScalingGroups"][0]["name"]
    if name in autoscaling._asgs:
        autoscaling_groups.delete({"AutoScalingGroupName": name, "ForceDelete": "true"})
    launch_templates.delete(group["_launch_template_id"])
    iam._instance_profiles.pop(group["_instance_profile"], None)
    eks._tags.pop(group["nodegroupArn"], None)
    del eks._nodegroups[f"{group['clusterName']}/{group['nodegroupName']}"]
    return answer


def update_config(call: Call) -> Json:
    """UpdateNodegroupConfig: labels, taints, sizes, update and repair settings."""
    cluster, body = find_cluster(call.path["cluster"]), call.body
    group = find_node_group(cluster["name"], call.path["group"])
    scaling = shown(group)["scalingConfig"] | body.get("scalingConfig", {})
    taints = _changed_taints(group["taints"], body.get("taints", {}))
    _check_scaling(scaling)
    _check_taints(taints)
    labels = body.get("labels", {})
    gone = set(labels.get("removeLabels", []))
    kept = {key: value for key, value in group["labels"].items() if key not in gone}
    group |= {"labels": kept | labels.get("addOrUpdateLabels", {}), "taints": taints, "modifiedAt": eks._now()}
    group |= {name: body[name] for name in ("updateConfig", "nodeRepairConfig") if name in body}
    group["scalingConfig"] = scaling
    if "scalingConfig" in body:
        autoscaling_groups.update(
            {"AutoScalingGroupName": _scaling_group(group)["AutoScalingGroupName"], **_sizes(scaling)}
        )
    return record(cluster, "ConfigUpdate", _config_params(body), owner=group["nodegroupName"])


def _changed_taints(current: list[Json], change: Json) -> list[Json]:
    added, removed = change.get("addOrUpdateTaints", []), change.get("removeTaints", [])
    touched = {(taint["key"], taint.get("effect")) for taint in (*added, *removed)}
    return [*(taint for taint in current if (taint["key"], taint.get("effect")) not in touched), *added]


def _config_params(body: Json) -> Json:
    named = {
        "LabelsToAdd": body.get("labels", {}).get("addOrUpdateLabels"),
        "LabelsToRemove": body.get("labels", {}).get("removeLabels"),
        "TaintsToAdd": body.get("taints", {}).get("addOrUpdateTaints"),
        "TaintsToRemove": body.get("taints", {}).get("removeTaints"),
        **{name[0].upper() + name[1:]: value for name, value in body.get("scalingConfig", {}).items()},
        **{name[0].upper() + name[1:]: value for name, value in body.get("updateConfig", {}).items()},
    }
    return {name: value for name, value in named.items() if value is not None}


def update_version(call: Call) -> Json:
    """UpdateNodegroupVersion: new image or launch template version; every instance is replaced."""
    cluster, body = find_cluster(call.path["cluster"]), call.body
    group = find_node_group(cluster["name"], call.path["group"])
    wanted: Json = dict(group)
    if "launchTemplate" in body:
        if "launchTemplate" not in group:
            raise invalid("Nodegroup does not use a launch template: it cannot be updated to one")
        wanted["launchTemplate"] = _reference(body["launchTemplate"])
        if wanted["launchTemplate"]["id"] != group["launchTemplate"]["id"]:
            raise invalid("The launch template of a nodegroup cannot be changed, only its version")
    if "version" in body or "releaseVersion" in body or "launchTemplate" not in body:
        wanted["version"] = check_minor(body.get("version") or cluster["version"])
        wanted["releaseVersion"] = body.get("releaseVersion", release_version(wanted["version"]))
    _check(cluster, wanted)
    _roll(group, wanted, _template_data(cluster, wanted))
    group["modifiedAt"] = eks._now()
    params = {"Version": group["version"], "ReleaseVersion": group["releaseVersion"]}
    if "launchTemplate" in body:
        params |= {
            "LaunchTemplateName": group["launchTemplate"]["name"],
            "LaunchTemplateVersion": group["launchTemplate"]["version"],
        }
    return record(cluster, "VersionUpdate", params, owner=group["nodegroupName"])


def _roll(group: Json, wanted: Json, template_data: Json) -> None:
    """Gives the node group its new template and replaces its instances one by one."""
    group.update(wanted)
    template_data["IamInstanceProfile"] = {"Name": group["_instance_profile"]}
    template = launch_templates.add_version(group["_launch_template_id"], template_data)
    scaling = _scaling_group(group)
    scaling["MixedInstancesPolicy"] = _mixed_instances_policy(group, template)
    for instance in list(scaling["Instances"]):
        capacity.terminate(scaling, instance["InstanceId"], "the node group is updated to a new version")
        capacity.reconcile(scaling, "the node group is updated to a new version")


_GROUP = "/clusters/{cluster}/node-groups/{group}"

ROUTES = (
    Route("POST", "/clusters/{cluster}/node-groups", create_node_group),
    Route("GET", _GROUP, describe_node_group),
    Route("DELETE", _GROUP, delete_node_group),
    Route("POST", f"{_GROUP}/update-config", update_config),
    Route("POST", f"{_GROUP}/update-version", update_version),
)
