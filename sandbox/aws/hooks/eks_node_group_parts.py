"""The parts that EKS makes for a managed node group: launch template, instance profile, Auto Scaling group."""

from __future__ import annotations

from ministack.services import autoscaling, eks, iam

from sandbox.aws.errors import ApiError
from sandbox.aws.hooks import autoscaling_groups, capacity, launch_templates
from sandbox.aws.hooks.eks_api import Json, invalid
from sandbox.aws.hooks.launch_templates import LaunchTemplate
from sandbox.aws.kubernetes_versions import IMAGE_FAMILIES


def user_template(wanted: Json) -> LaunchTemplate:
    """The launch template that a request names by ``id`` or ``name``, and ``version``.

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


def template_data(cluster: Json, group: Json) -> Json:
    """The data of the launch template that EKS itself makes: the user's, completed.

    Raises:
        ApiError: The user's template does not exist.
    """
    named = group.get("launchTemplate")
    data = user_template(named).data if named else {}
    family = IMAGE_FAMILIES.get(group["amiType"])
    if family:
        data.setdefault("ImageId", family.image_id(group["version"]))
        if "diskSize" in group:
            # The volume that holds images and logs: of Bottlerocket's two the second.
            device = list(family.snapshots)[-1]
            data["BlockDeviceMappings"] = [{"DeviceName": device, "Ebs": {"VolumeSize": group["diskSize"]}}]
    if not capacity.security_groups(data):
        data["SecurityGroupIds"] = [cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]]
    # AL2023 images demand IMDSv2, and keep pods from the node's role by a hop limit of 1; older ones do neither.
    modern = group["amiType"].startswith("AL2023")
    default = {"HttpTokens": "required" if modern else "optional", "HttpPutResponseHopLimit": 1 if modern else 2}
    data["MetadataOptions"] = default | data.get("MetadataOptions", {})
    own = [{"Key": key, "Value": value} for key, value in _own_tags(group).items()]
    data["TagSpecifications"] = [*data.get("TagSpecifications", []), {"ResourceType": "instance", "Tags": own}]
    return data


def _own_tags(group: Json) -> dict[str, str]:
    return {"eks:cluster-name": group["clusterName"], "eks:nodegroup-name": group["nodegroupName"]}


def make(group: Json, data: Json) -> None:
    """Makes instance profile, launch template and Auto Scaling group, and launches the instances.

    Args:
        group: Record of the node group; it remembers its parts.
        data: From :func:`template_data`.
    """
    unique = eks.new_uuid()
    profile = f"eks-{unique}"
    iam._create_instance_profile({"InstanceProfileName": profile})
    iam._instance_profiles[profile]["Roles"] = [group["nodeRole"].rsplit("/", 1)[-1]]
    data["IamInstanceProfile"] = {"Name": profile}
    template = launch_templates.create(f"eks-{unique}", data, _own_tags(group))
    name = f"eks-{group['nodegroupName']}-{unique}"
    group |= {
        "resources": {"autoScalingGroups": [{"name": name}]},
        "_launch_template_id": template.id,
        "_instance_profile": profile,
    }
    # The node group's own tags never reach its Auto Scaling group: a fact of AWS that surprises many.
    tags = _own_tags(group) | {
        f"kubernetes.io/cluster/{group['clusterName']}": "owned",
        "k8s.io/cluster-autoscaler/enabled": "true",
        f"k8s.io/cluster-autoscaler/{group['clusterName']}": "owned",
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
            "Tags": [{"Key": key, "Value": value, "PropagateAtLaunch": "true"} for key, value in tags.items()],
        }
    )
    warm(group)


def warm(group: Json) -> None:
    """Gives the Auto Scaling group the warm pool of the node group."""
    pool = group.get("warmPoolConfig", {})
    configuration: Json | None = None
    if pool.get("enabled"):
        configuration = {
            "MinSize": pool["minSize"],
            "PoolState": pool["poolState"].capitalize(),
            "InstanceReusePolicy": {"ReuseOnScaleIn": pool["reuseOnScaleIn"]},
        }
        # -1 takes a limit away (``PutWarmPool`` of the EC2 Auto Scaling API).
        if (prepared := pool["maxGroupPreparedCapacity"]) != -1:
            configuration["MaxGroupPreparedCapacity"] = prepared
    scaling = autoscaling_groups.find(scaling_group_name(group))
    autoscaling_groups.set_warm_pool(scaling, configuration, "EKS changed the warm pool")


def _mixed_instances_policy(group: Json, template: LaunchTemplate) -> Json:
    types = group.get("instanceTypes") or [template.data["InstanceType"]]
    return {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": capacity.template_reference(template),
            "Overrides": [{"InstanceType": name} for name in types],
        },
        "InstancesDistribution": {
            "OnDemandAllocationStrategy": "prioritized",
            "OnDemandBaseCapacity": "0",
            "OnDemandPercentageAboveBaseCapacity": "100" if group["capacityType"] == "ON_DEMAND" else "0",
        },
    }


def _sizes(scaling: Json) -> dict[str, str]:
    return {
        "MinSize": str(scaling["minSize"]),
        "MaxSize": str(scaling["maxSize"]),
        "DesiredCapacity": str(scaling["desiredSize"]),
    }


def scaling_group_name(group: Json) -> str:
    """Name of the node group's Auto Scaling group, which a user may have deleted behind EKS's back."""
    return str(group["resources"]["autoScalingGroups"][0]["name"])


def resize(group: Json) -> None:
    """Gives the Auto Scaling group the sizes of the node group."""
    autoscaling_groups.update({"AutoScalingGroupName": scaling_group_name(group), **_sizes(group["scalingConfig"])})


def replace_instances(group: Json, data: Json) -> None:
    """Gives the node group a new version of its launch template, and replaces its instances one by one."""
    data["IamInstanceProfile"] = {"Name": group["_instance_profile"]}
    template = launch_templates.add_version(group["_launch_template_id"], data)
    scaling = autoscaling_groups.find(scaling_group_name(group))
    scaling["MixedInstancesPolicy"] = _mixed_instances_policy(group, template)
    capacity.fill_warm_pool(scaling, "the node group is updated to a new version", renew=True)
    for instance in list(scaling["Instances"]):
        capacity.terminate(scaling, instance["InstanceId"], "the node group is updated to a new version")
        capacity.reconcile(scaling, "the node group is updated to a new version")


def delete(group: Json) -> None:
    """Removes all parts, and with them the instances. One that failed at once has none."""
    if "resources" not in group:
        return
    name = scaling_group_name(group)
    if name in autoscaling._asgs:
        autoscaling_groups.delete({"AutoScalingGroupName": name, "ForceDelete": "true"})
    launch_templates.delete(group["_launch_template_id"])
    iam._instance_profiles.pop(group["_instance_profile"], None)
