"""EC2 instances that sit where they were launched: address in the subnet, its zone, its names, metadata options."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from ministack.services import ec2

from sandbox.aws import instance_types
from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook, wrap
from sandbox.aws.hooks.images import architecture
from sandbox.aws.query_protocol import EC2, Response, parse, render

Instance = dict[str, Any]

# AWS keeps the first four addresses of a subnet and its last one for itself.
_FIRST_HOST = 4

_DEFAULT_METADATA_OPTIONS = {
    "HttpTokens": "optional",
    "HttpPutResponseHopLimit": 1,
    "HttpEndpoint": "enabled",
}


def launch(
    original: Any,
    image_id: str,
    instance_type: str,
    subnet_id: str,
    count: int,
    *,
    requested_private_ip: str | None = None,
    **settings: Any,
) -> list[Instance]:
    """Launches instances as ministack does, then puts each where its subnet is.

    Raises:
        ApiError: Unknown subnet, unknown instance type, or no address left in the subnet.
    """
    subnet = ec2._subnets.get(subnet_id)
    if subnet is None:
        raise ApiError("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist")
    instance_types.find([instance_type])
    launched = []
    for _ in range(count):
        address = requested_private_ip or _free_address(subnet)
        (instance,) = original(image_id, instance_type, subnet_id, 1, requested_private_ip=address, **settings)
        _place(instance, subnet)
        launched.append(instance)
    return launched


def _free_address(subnet: Mapping[str, Any]) -> str:
    used = {one["PrivateIpAddress"] for one in in_subnet(subnet["SubnetId"])}
    network = ipaddress.ip_network(subnet["CidrBlock"])
    for offset in range(_FIRST_HOST, network.num_addresses - 1):
        if (address := str(network[offset])) not in used:
            return address
    raise ApiError(
        "InsufficientFreeAddressesInSubnet",
        f"There are not enough free addresses in subnet '{subnet['SubnetId']}' "
        "to satisfy the requested number of instances.",
    )


def in_subnet(subnet_id: str) -> list[Instance]:
    """The instances of a subnet that still hold an address."""
    return [
        one for one in ec2._instances.values() if one["SubnetId"] == subnet_id and one["State"]["Name"] != "terminated"
    ]


def _place(instance: Instance, subnet: Mapping[str, Any]) -> None:
    zone = subnet["AvailabilityZone"]
    instance["VpcId"] = subnet["VpcId"]
    instance["Placement"]["AvailabilityZone"] = zone
    instance["Architecture"] = architecture(instance["ImageId"])
    instance["PrivateDnsName"] = private_dns_name(instance["PrivateIpAddress"], ec2.get_region())
    if not subnet.get("MapPublicIpOnLaunch"):
        instance["PublicIpAddress"] = instance["PublicDnsName"] = ""
    for mapping in instance["BlockDeviceMappings"]:
        ec2._volumes[mapping["Ebs"]["VolumeId"]]["AvailabilityZone"] = zone


def private_dns_name(address: str, region: str) -> str:
    """The name that AWS's resolver gives an address, and EKS the node: the region is unsaid in us-east-1."""
    suffix = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    return f"ip-{address.replace('.', '-')}.{suffix}"


def terminate(original: Any, raw: Mapping[str, Any]) -> Response:
    """Terminates instances, and deletes what goes with them: ministack never deletes their root volumes."""
    response: Response = original(raw)
    if response[0] == 200:
        for instance_id in parse(raw)["InstanceId"]:
            for mapping in ec2._instances[instance_id]["BlockDeviceMappings"]:
                if mapping["Ebs"].get("DeleteOnTermination"):
                    ec2._volumes.pop(mapping["Ebs"]["VolumeId"], None)
            for key, association in ec2._iam_instance_profile_associations.items():
                if association["InstanceId"] == instance_id:
                    del ec2._iam_instance_profile_associations[key]
    return response


def instance_xml(original: Any, instance: Instance) -> str:
    """Ministack's element of an instance, plus its metadata options (the hop limit decides what pods can reach)."""
    options = {"State": "applied"} | _DEFAULT_METADATA_OPTIONS | instance.get("MetadataOptions", {})
    members = {name[0].lower() + name[1:]: value for name, value in options.items()}
    xml: str = original(instance)
    return f"{xml.removesuffix('</item>')}<metadataOptions>{render(members, 'item')}</metadataOptions></item>"


_FILTERS: dict[str, Any] = {
    "availability-zone": lambda one: one["Placement"]["AvailabilityZone"],
    "iam-instance-profile.arn": lambda one: (one.get("IamInstanceProfile") or {}).get("Arn"),
    "image-id": lambda one: one["ImageId"],
    "instance-id": lambda one: one["InstanceId"],
    "instance-state-name": lambda one: one["State"]["Name"],
    "instance-type": lambda one: one["InstanceType"],
    "private-dns-name": lambda one: one["PrivateDnsName"],
    "private-ip-address": lambda one: one["PrivateIpAddress"],
    "subnet-id": lambda one: one["SubnetId"],
    "vpc-id": lambda one: one["VpcId"],
}


def matches_filters(original: Any, instance: Instance, filters: Mapping[str, list[str]]) -> bool:
    """Ministack ignores the filters it does not know, which shows a caller instances that it did not ask for."""
    by_tag = {name: values for name, values in filters.items() if name.startswith("tag")}
    if not original(instance, by_tag):
        return False
    for name in filters.keys() - by_tag.keys():
        if name not in _FILTERS:
            raise ApiError(
                "InvalidParameterValue", f"The filter '{name}' is invalid: expected tag filters, {', '.join(_FILTERS)}"
            )
        if _FILTERS[name](instance) not in filters[name]:
            return False
    return True


async def handle_request(original: Any, method: str, path: str, headers: Any, body: bytes, query: Any) -> Response:
    """Answers dry runs, and turns the refusals of our hooks under ministack's handlers into EC2's error answers."""
    # Permissions were checked before a request comes here, so a dry run has passed.
    if parse_qs(body).get(b"DryRun") == [b"true"]:
        return EC2.fail(ApiError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412))
    try:
        response: Response = await original(method, path, headers, body, query)
    except ApiError as error:
        return EC2.fail(error)
    return response


HOOKS: tuple[Hook, ...] = (
    wrap(ec2, "_launch_instances_internal", launch),
    wrap(ec2, "_terminate_instances", terminate),
    wrap(ec2, "_instance_xml", instance_xml),
    wrap(ec2, "_matches_filters", matches_filters),
    wrap(ec2, "handle_request", handle_request),
)
