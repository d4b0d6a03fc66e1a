"""What EKS refuses of a node group before it makes anything of it."""

from __future__ import annotations

import base64
import email
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import botocore.session
from ministack.core.iam_evaluator import validate_role_arn
from ministack.services import ec2

from sandbox.aws import instance_types
from sandbox.aws.errors import ApiError
from sandbox.aws.hooks.eks_api import Json, invalid
from sandbox.aws.hooks.iam_simulator import simulate_principal_policy
from sandbox.aws.kubernetes_versions import IMAGE_FAMILIES, MINORS

_IPV6_ACTIONS = [
    "ec2:AssignIpv6Addresses",
    "ec2:DescribeInstances",
    "ec2:DescribeTags",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeInstanceTypes",
]

_TAINT_EFFECTS = ("NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE")

_KUBELET_PREFIXES = ("kubelet.kubernetes.io", "node.kubernetes.io")
_KUBELET_LABELS = frozenset(
    {
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/instance-type",
        "beta.kubernetes.io/os",
        "failure-domain.beta.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "kubernetes.io/arch",
        "kubernetes.io/hostname",
        "kubernetes.io/os",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
    }
)
"""Labels of Kubernetes that a kubelet may set: ``IsKubeletLabel`` of kubernetes/kubernetes
staging/src/k8s.io/kubelet/pkg/apis/well_known_labels.go."""


def known_types(names: list[str]) -> list[instance_types.InstanceType]:
    """The instance types of these names, with EKS's error for an unknown one."""
    try:
        return instance_types.find(names)
    except ApiError as error:
        raise invalid(error.message) from error


def check_template(body: Json, data: Json | None) -> None:
    """Refuse what is in a request and in the user's launch template, and what must not be in the template.

    "Customizing managed nodes with launch templates" and "Create a managed node group with Capacity Blocks for ML" of
    the EKS user guide. The words about images are those that pulumi/pulumi-eks#1283 and #1463 quote; the others are not
    quoted anywhere.

    Args:
        body: The request, of CreateNodegroup or UpdateNodegroupVersion.
        data: Data of the launch template; None if there is none.
    """
    if data is None:
        if body.get("capacityType") == "CAPACITY_BLOCK":
            raise invalid("Capacity type CAPACITY_BLOCK requires a launch template")
        return
    image = "specifying an image id to use within the launch template."
    if "ImageId" in data:
        if body.get("amiType", "CUSTOM") != "CUSTOM":
            raise invalid(
                "You cannot specify an AMI Type other than CUSTOM, when specifying an image id in your launch template."
            )
        if body.get("version"):
            raise invalid(f"You cannot specify a kubernetes version to use when {image}")
        if body.get("releaseVersion"):
            raise invalid(f"You cannot specify an AMI release version to use when {image}")
    elif body.get("amiType") == "CUSTOM":
        raise invalid("AMI Type CUSTOM requires an image id in your launch template")
    if "InstanceType" in data and body.get("instanceTypes"):
        raise invalid("You cannot specify instance types in the request and an instance type in your launch template")
    if body.get("diskSize"):
        raise invalid("Disk size must be specified within the launch template.")
    subnets = any("SubnetId" in each for each in data.get("NetworkInterfaces", []))
    for member in ("IamInstanceProfile", "InstanceInitiatedShutdownBehavior", "HibernationOptions"):
        if member in data:
            raise invalid(f"The launch template must not contain {member}")
    if subnets:
        raise invalid("The launch template must not contain a subnet of a network interface")
    if body.get("capacityType") == "CAPACITY_BLOCK":
        target = data.get("CapacityReservationSpecification", {}).get("CapacityReservationTarget", {})
        market = data.get("InstanceMarketOptions", {}).get("MarketType")
        if market != "capacity-block" or "CapacityReservationId" not in target or "InstanceType" not in data:
            needed = "MarketType capacity-block, CapacityReservationId and InstanceType"
            raise invalid(f"The launch template of a group with CAPACITY_BLOCK needs {needed}")


def user_data_trouble(ami_type: str, data: Json) -> str | None:
    """Return why EKS cannot merge the user data of a launch template with its own; None if it can.

    The words are those of terraform-aws-modules/terraform-aws-eks#2955.
    """
    if not data.get("UserData") or not ami_type.startswith("AL"):
        return None
    text = base64.b64decode(data["UserData"]).decode(errors="replace")
    mime = email.message_from_string(text.lstrip()).is_multipart()
    return None if mime else "User data was not in the MIME multipart format."


def ipv6_issue(cluster: Json, group: Json) -> Json | None:
    """Return the health issue of a group in an IPv6 cluster whose nodes get no IPv6 addresses; None if they do.

    The words about subnets are those of eksctl-io/eksctl#4701, those about nodes of
    aws-ia/terraform-aws-eks-blueprints#1584. The permissions are those of "IPv6 mode" in docs/iam-policy.md of
    aws/amazon-vpc-cni-k8s. Stricter than EKS: a role of the VPC CNI's own does not count.
    """
    if cluster["kubernetesNetworkConfig"]["ipFamily"] != "ipv6":
        return None
    subnets = [one for one in group["subnets"] if not ec2._subnets[one].get("AssignIpv6AddressOnCreation")]
    if subnets:
        return {
            "code": "Ec2SubnetMissingIpv6Assignment",
            "message": f"One or more Amazon EC2 Subnets of [{', '.join(subnets)}] for node group "
            f"{group['nodegroupName']} does not automatically assign IPv6 addresses to instances launched into it.",
            "resourceIds": subnets,
        }
    asked = {"PolicySourceArn": group["nodeRole"], "ActionNames": _IPV6_ACTIONS}
    decisions = {each["EvalDecision"] for each in simulate_principal_policy(asked)["EvaluationResults"]}
    if decisions == {"allowed"}:
        return None
    return {
        "code": "NodeCreationFailure",
        "message": "Instances failed to join the kubernetes cluster",
        "resourceIds": [],
    }


def check(cluster: Json, group: Json) -> None:
    """Raise :class:`ApiError` for the first thing about a node group that EKS would not take."""
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
        for kind in known_types(group.get("instanceTypes", [])):
            if kind.architecture != family.architecture:
                raise invalid(f"[{kind.name}] is not a valid instance type for requested amiType {family.ami_type}")
    check_scaling(group["scalingConfig"])
    check_warm_pool(group)
    check_labels(group["labels"])
    check_taints(group["taints"])


def check_scaling(scaling: Json) -> None:
    """Sizes that fit together (hashicorp/terraform-provider-aws#18310 quotes the words)."""
    least, most, desired = (scaling[name] for name in ("minSize", "maxSize", "desiredSize"))
    if least < 0 or most < 1 or least > most:
        raise invalid(f"Minimum capacity {least} can't be greater than maximum size {most}, which must be at least 1")
    if desired < least:
        raise invalid(f"Minimum capacity {least} can't be greater than desired size {desired}")
    if desired > most:
        raise invalid(f"desired capacity {desired} can't be greater than max size {most}")


def check_warm_pool(group: Json) -> None:
    """Refuse a warm pool that EKS or Auto Scaling would refuse, and what the emulated EC2 does not do.

    "Decrease latency for applications with long boot times using warm pools with managed node groups" of the EKS user
    guide names the images. Auto Scaling refuses a pool where a launch template requests spot instances or a Capacity
    Block. Their words are not quoted anywhere. EKS does not describe what happens to the node of an instance that
    returns to the pool.
    """
    pool = group.get("warmPoolConfig")
    if pool is None:
        return
    if "enabled" not in pool:
        raise invalid("A warm pool must be enabled or disabled")
    if not pool["enabled"]:
        return
    state, image = pool["poolState"], group["amiType"]
    if state not in _model().shape_for("WarmPoolState").enum:
        raise invalid(f"Unknown state {state} of a warm pool")
    if pool["minSize"] < 0 or pool["maxGroupPreparedCapacity"] < -1 or pool["maxGroupPreparedCapacity"] == 0:
        raise invalid("The sizes of a warm pool must be positive, or -1 for no limit of the prepared capacity")
    if image == "CUSTOM":
        raise invalid("Warm pools are not supported with a custom AMI")
    if group["capacityType"] != "ON_DEMAND":
        raise invalid(f"Warm pools are not supported with the capacity type {group['capacityType']}")
    if image.startswith("BOTTLEROCKET") and (state == "HIBERNATED" or pool["reuseOnScaleIn"]):
        raise invalid("Bottlerocket supports neither the pool state HIBERNATED nor reuseOnScaleIn")
    if pool["reuseOnScaleIn"]:
        raise invalid("The sandbox does not know reuseOnScaleIn: AWS does not describe what becomes of the node")
    unable = [kind.name for kind in known_types(group.get("instanceTypes", [])) if not kind.hibernation]
    if state == "HIBERNATED" and unable:
        raise invalid(f"[{', '.join(unable)}] cannot be hibernated")


def check_labels(labels: Mapping[str, str]) -> None:
    """Lengths by EKS's own model, and the prefixes that it reserves (eksctl-io/eksctl#4007, containers-roadmap#1451).

    EKS today lets labels of some other Kubernetes prefixes pass, whose nodes then never join, for the kubelet refuses
    them (terraform-aws-modules/terraform-aws-eks#3346): here they are refused at once.
    """
    for key, value in labels.items():
        _check_length("labelKey", key)
        _check_length("labelValue", value)
        if _is_reserved(key):
            raise invalid("Label cannot contain reserved prefixes [kubernetes.io/, k8s.io/, eks.amazonaws.com/]")


def check_taints(taints: Iterable[Json]) -> None:
    """Known effects, and lengths by EKS's own model."""
    for taint in taints:
        if taint.get("effect") not in _TAINT_EFFECTS:
            raise invalid(f"Invalid taint effect {taint.get('effect')}: expected one of {', '.join(_TAINT_EFFECTS)}")
        _check_length("taintKey", taint.get("key", ""))
        _check_length("taintValue", taint.get("value", ""))


def _is_reserved(key: str) -> bool:
    prefix, slash, _ = key.rpartition("/")
    if not slash or key in _KUBELET_LABELS or any(_within(prefix, allowed) for allowed in _KUBELET_PREFIXES):
        return False
    return any(_within(prefix, domain) for domain in ("kubernetes.io", "k8s.io", "eks.amazonaws.com"))


def _within(prefix: str, domain: str) -> bool:
    return prefix == domain or prefix.endswith(f".{domain}")


@cache
def _model() -> Any:
    return botocore.session.get_session().get_service_model("eks")


def _check_length(shape: str, text: str) -> None:
    limits = _model().shape_for(shape).metadata
    if not limits["min"] <= len(text) <= limits["max"]:
        raise invalid(
            f"Value '{text}' of {shape} failed to satisfy constraint: "
            f"Member must have length of {limits['min']} to {limits['max']}"
        )
