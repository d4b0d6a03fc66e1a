"""Managed node groups: checked as EKS checks them, with real parts behind each, shown as those parts are now."""

from __future__ import annotations

from ministack.services import autoscaling, eks

from sandbox.aws.errors import ApiError
from sandbox.aws.hooks import eks_node_group_checks as checks
from sandbox.aws.hooks import eks_node_group_parts as parts
from sandbox.aws.hooks import network
from sandbox.aws.hooks.eks_access import ensure_node_entry
from sandbox.aws.hooks.eks_api import Call, Json, Route, find_cluster, find_node_group, invalid
from sandbox.aws.hooks.eks_clusters import require_active
from sandbox.aws.hooks.eks_updates import in_progress, record
from sandbox.aws.kubernetes_versions import check_minor, release_version
from sandbox.aws.query_protocol import page

_DEFAULT_INSTANCE_TYPE = "t3.medium"

_POOL_PARAMS = {
    "enabled": "WarmPoolEnabled",
    "maxGroupPreparedCapacity": "WarmPoolMaxGroupPreparedCapacity",
    "minSize": "WarmPoolMinSize",
    "poolState": "WarmPoolState",
    "reuseOnScaleIn": "WarmPoolReuseOnScaleIn",
}
"""Names of ``UpdateParamType`` of the EKS API."""


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
    template = body.get("launchTemplate")
    given = parts.user_template(template).data if template else None
    checks.check_template(body, given)
    group = _new_record(cluster, body)
    checks.check(cluster, group)
    data = parts.template_data(cluster, group)
    eks._nodegroups[f"{cluster['name']}/{name}"] = group
    eks._tags[group["nodegroupArn"]] = dict(group.pop("tags"))
    if exposed := network.public_subnets_without_addresses(group["subnets"], data):
        group |= {"status": "CREATE_FAILED", "_issue": _invalid_subnets(group["nodegroupName"], exposed)}
        return {"nodegroup": shown(group) | {"status": "CREATING"}}
    if issue := checks.ipv6_issue(cluster, group):
        group |= {"status": "CREATE_FAILED", "_issue": issue}
        return {"nodegroup": shown(group) | {"status": "CREATING"}}
    if trouble := checks.user_data_trouble(group["amiType"], given or {}):
        group |= {"status": "CREATE_FAILED", "_issue": _invalid_template(trouble, group)}
        return {"nodegroup": shown(group) | {"status": "CREATING"}}
    parts.make(group, data)
    ensure_node_entry(cluster, group["nodeRole"])
    if shown(group)["health"]["issues"]:
        group["status"] = "CREATE_FAILED"
    return {"nodegroup": shown(group) | {"status": "CREATING"}}


def _invalid_subnets(name: str, subnets: list[str]) -> Json:
    """The health issue in EKS's words, as sassoftware/viya4-iac-aws#271 and aws/amazon-vpc-cni-k8s#878 quote it."""
    return {
        "code": "Ec2SubnetInvalidConfiguration",
        "message": f"One or more Amazon EC2 Subnets of [{', '.join(subnets)}] for node group {name} does not "
        "automatically assign public IP addresses to instances launched into it. If you want your instances to be "
        "assigned a public IP address, then you need to enable auto-assign public IP address for the subnet. See IP "
        "addressing in VPC guide: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-ip-addressing.html#subnet-public-ip",
        "resourceIds": subnets,
    }


def _invalid_template(trouble: str, group: Json) -> Json:
    return {
        "code": "Ec2LaunchTemplateInvalidConfiguration",
        "message": trouble,
        "resourceIds": [group["launchTemplate"]["id"]],
    }


def _new_record(cluster: Json, body: Json) -> Json:
    now = eks._now()
    version = check_minor(body.get("version") or cluster["version"])
    template = body.get("launchTemplate")
    types = body.get("instanceTypes")
    if not types and not (template and "InstanceType" in parts.user_template(template).data):
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
        "warmPoolConfig": _changed_pool({}, body.get("warmPoolConfig")),
        "tags": body.get("tags", {}),
    }
    return {member: value for member, value in group.items() if value is not None}


def _default_ami_type(types: list[str] | None, template: Json | None) -> str:
    if template and "ImageId" in parts.user_template(template).data:
        return "CUSTOM"
    architecture = checks.known_types(types)[0].architecture if types else "x86_64"
    return "AL2023_ARM_64_STANDARD" if architecture == "arm64" else "AL2023_x86_64_STANDARD"


def _changed_pool(current: Json, change: Json | None) -> Json | None:
    """A warm pool after a request, which leaves out what it does not change; its defaults are those of the EKS API."""
    if change is None:
        return current or None
    defaults = {"minSize": 0, "maxGroupPreparedCapacity": -1, "poolState": "STOPPED", "reuseOnScaleIn": False}
    return defaults | current | change


def _reference(wanted: Json) -> Json:
    template = parts.user_template(wanted)
    return {"id": template.id, "name": template.name, "version": str(template.version)}


def shown(group: Json) -> Json:
    """A node group as DescribeNodegroup shows it: sizes as its Auto Scaling group has them, tags and health of now."""
    visible = {name: value for name, value in group.items() if not name.startswith("_")}
    visible |= {"tags": eks._tags.get(group["nodegroupArn"], {}), "health": {"issues": []}}
    if "_issue" in group:  # It failed before anything was made of it.
        return visible | {"health": {"issues": [group["_issue"]]}}
    if in_progress(find_cluster(group["clusterName"]), group["nodegroupName"]):
        visible["status"] = "UPDATING"
    scaling: Json | None = autoscaling._asgs.get(parts.scaling_group_name(group))
    if scaling is None:
        issue = {
            "code": "AutoScalingGroupNotFound",
            "message": "We couldn't find the Auto Scaling group associated with the managed node group.",
            "resourceIds": [parts.scaling_group_name(group)],
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


def _require_idle(group: Json) -> None:
    """Refuse a call on a node group whose update is not done: ResourceInUseException of the API reference."""
    name = group["nodegroupName"]
    if update := in_progress(find_cluster(group["clusterName"]), name):
        raise ApiError("ResourceInUseException", f"Nodegroup {name} currently has update {update} in progress", 409)


def _require_active(group: Json) -> None:
    """Refuse an update also where there is nothing to update."""
    _require_idle(group)
    if "resources" not in group:
        raise ApiError(
            "InvalidRequestException",
            f"Nodegroup {group['nodegroupName']} cannot be updated as it is currently not in Active State",
        )


def describe_node_group(call: Call) -> Json:
    """DescribeNodegroup."""
    return {"nodegroup": shown(find_node_group(call.path["cluster"], call.path["group"]))}


def delete_node_group(call: Call) -> Json:
    """DeleteNodegroup, with its parts and instances."""
    group = find_node_group(call.path["cluster"], call.path["group"])
    _require_idle(group)
    answer = {"nodegroup": shown(group) | {"status": "DELETING"}}
    parts.delete(group)
    eks._tags.pop(group["nodegroupArn"], None)
    del eks._nodegroups[f"{group['clusterName']}/{group['nodegroupName']}"]
    return answer


def update_config(call: Call) -> Json:
    """UpdateNodegroupConfig: labels, taints, sizes, warm pool, update and repair settings."""
    cluster, body = find_cluster(call.path["cluster"]), call.body
    group = find_node_group(cluster["name"], call.path["group"])
    _require_active(group)
    scaling = shown(group)["scalingConfig"] | body.get("scalingConfig", {})
    taints = _changed_taints(group["taints"], body.get("taints", {}))
    checks.check_scaling(scaling)
    checks.check_taints(taints)
    pool = _changed_pool(group.get("warmPoolConfig", {}), body.get("warmPoolConfig"))
    checks.check_warm_pool(group | {"warmPoolConfig": pool})
    labels = body.get("labels", {})
    checks.check_labels(labels.get("addOrUpdateLabels", {}))
    gone = set(labels.get("removeLabels", []))
    kept = {key: value for key, value in group["labels"].items() if key not in gone}
    group |= {"labels": kept | labels.get("addOrUpdateLabels", {}), "taints": taints, "modifiedAt": eks._now()}
    group |= {name: body[name] for name in ("updateConfig", "nodeRepairConfig") if name in body}
    group["scalingConfig"] = scaling
    if "scalingConfig" in body:
        parts.resize(group)
    if pool is not None and "warmPoolConfig" in body:
        group["warmPoolConfig"] = pool
        parts.warm(group)
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
        **{_POOL_PARAMS[name]: value for name, value in body.get("warmPoolConfig", {}).items()},
    }
    return {name: value for name, value in named.items() if value is not None}


def list_node_groups(call: Call) -> Json:
    """ListNodegroups, 100 a page by default."""
    cluster = find_cluster(call.path["cluster"])["name"]
    names = [group["nodegroupName"] for key, group in eks._nodegroups.items() if key.startswith(f"{cluster}/")]
    asked = {name: values[0] for name, values in call.query.items()}
    rows, token = page(names, asked, "maxResults", 100, token="nextToken")
    return {"nodegroups": rows, "nextToken": token}


def update_version(call: Call) -> Json:
    """UpdateNodegroupVersion: new image or launch template version; every instance is replaced."""
    cluster, body = find_cluster(call.path["cluster"]), call.body
    group = find_node_group(cluster["name"], call.path["group"])
    _require_active(group)
    wanted: Json = dict(group)
    if "launchTemplate" in body:
        if "launchTemplate" not in group:
            raise invalid("Nodegroup does not use a launch template: it cannot be updated to one")
        wanted["launchTemplate"] = _reference(body["launchTemplate"])
        if wanted["launchTemplate"]["id"] != group["launchTemplate"]["id"]:
            raise invalid("The launch template of a nodegroup cannot be changed, only its version")
    given = parts.user_template(wanted["launchTemplate"]).data if "launchTemplate" in wanted else None
    checks.check_template({**body, "capacityType": group["capacityType"]}, given)
    if trouble := checks.user_data_trouble(group["amiType"], given or {}):
        raise invalid(trouble)
    if "version" in body or "releaseVersion" in body or "launchTemplate" not in body:
        wanted["version"] = check_minor(body.get("version") or cluster["version"])
        wanted["releaseVersion"] = body.get("releaseVersion", release_version(wanted["version"]))
    checks.check(cluster, wanted)
    data = parts.template_data(cluster, wanted)
    group |= wanted | {"modifiedAt": eks._now()}
    parts.replace_instances(group, data)
    params = {"Version": group["version"], "ReleaseVersion": group["releaseVersion"]}
    if "launchTemplate" in body:
        params |= {
            "LaunchTemplateName": group["launchTemplate"]["name"],
            "LaunchTemplateVersion": group["launchTemplate"]["version"],
        }
    return record(cluster, "VersionUpdate", params, owner=group["nodegroupName"])


_GROUP = "/clusters/{cluster}/node-groups/{group}"

ROUTES = (
    Route("POST", "/clusters/{cluster}/node-groups", create_node_group),
    Route("GET", "/clusters/{cluster}/node-groups", list_node_groups),
    Route("GET", _GROUP, describe_node_group),
    Route("DELETE", _GROUP, delete_node_group),
    Route("POST", f"{_GROUP}/update-config", update_config),
    Route("POST", f"{_GROUP}/update-version", update_version),
)
