"""Ways out of a VPC: Internet gateways, NAT gateways and their elastic addresses.

Imitates terraform-provider-aws internal/service/ec2/vpc_internet_gateway.go, vpc_nat_gateway.go and ec2_eip.go, as of
v6 (the base of pulumi-aws 7.51).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.ec2.common import Ec2Resource, delete_when_unused, tag_specifications
from sandbox.providers.aws.resource import Properties
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.aws.tags import from_pairs
from sandbox.providers.rpc import ProviderError, State

_NO_GATEWAY = "InvalidInternetGatewayID.NotFound"
_NO_NAT = ("NatGatewayNotFound", "InvalidNatGatewayID.NotFound")
_NO_ADDRESS = "InvalidAllocationID.NotFound"

NAT_SECONDS = 120.0
"""How long a NAT gateway may take to come or go."""


class InternetGateway(Ec2Resource):
    """``aws.ec2.InternetGateway``. ID: ``igw-...``."""

    resource = aws.ec2.InternetGateway
    computed = frozenset({"vpcId"})

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Makes the gateway."""
        answer = cloud.ec2.create_internet_gateway(
            TagSpecifications=tag_specifications("internet-gateway", inputs["tags"])
        )
        return answer["InternetGateway"]["InternetGatewayId"]

    def complete(self, cloud: Cloud, resource_id: str, inputs: Properties) -> None:
        """Attaches it to its VPC."""
        if inputs.get("vpcId"):
            cloud.ec2.attach_internet_gateway(InternetGatewayId=resource_id, VpcId=inputs["vpcId"])

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The gateway and the VPC that it is attached to."""
        answer = found(lambda: cloud.ec2.describe_internet_gateways(InternetGatewayIds=[old.id]), _NO_GATEWAY)
        if not answer or not answer["InternetGateways"]:
            return None
        gateway = answer["InternetGateways"][0]
        attachments = gateway.get("Attachments") or []
        return {
            "arn": cloud.arn("ec2", f"internet-gateway/{old.id}"),
            "ownerId": gateway.get("OwnerId"),
            "tags": from_pairs(gateway.get("Tags")),
            "vpcId": attachments[0]["VpcId"] if attachments else None,
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Moves it to another VPC."""
        self._detach(cloud, old)
        self.complete(cloud, old.id, inputs)

    def delete(self, cloud: Cloud, old: State) -> None:
        """Detaches and removes it."""
        self._detach(cloud, old)
        delete_when_unused(
            cloud,
            lambda: cloud.ec2.delete_internet_gateway(InternetGatewayId=old.id),
            f"Internet gateway {old.id}",
            _NO_GATEWAY,
        )

    @staticmethod
    def _detach(cloud: Cloud, old: State) -> None:
        vpc_id = old.outputs.get("vpcId")
        if vpc_id:
            found(
                lambda: cloud.ec2.detach_internet_gateway(InternetGatewayId=old.id, VpcId=vpc_id),
                _NO_GATEWAY,
                "Gateway.NotAttached",
            )


class Eip(Ec2Resource):
    """``aws.ec2.Eip``, an elastic address. ID: the allocation's, ``eipalloc-...``."""

    resource = aws.ec2.Eip
    computed = frozenset({"address", "domain", "instance", "networkBorderGroup", "networkInterface", "publicIpv4Pool"})
    replaces = frozenset({"domain"})
    unsupported = frozenset(
        {
            "address",
            "associateWithPrivateIp",
            "customerOwnedIpv4Pool",
            "instance",
            "ipamPoolId",
            "networkBorderGroup",
            "networkInterface",
            "publicIpv4Pool",
        }
    )

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Allocates an address."""
        answer = cloud.ec2.allocate_address(
            Domain=inputs.get("domain") or "vpc",
            TagSpecifications=tag_specifications("elastic-ip", inputs["tags"]),
        )
        return answer["AllocationId"]

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The address."""
        answer = found(lambda: cloud.ec2.describe_addresses(AllocationIds=[old.id]), _NO_ADDRESS)
        if not answer or not answer["Addresses"]:
            return None
        address = answer["Addresses"][0]
        public_ip = address["PublicIp"]
        zone = "compute-1" if cloud.region == "us-east-1" else f"{cloud.region}.compute"
        return {
            "allocationId": old.id,
            "arn": cloud.arn("ec2", f"elastic-ip/{old.id}"),
            "associationId": address.get("AssociationId"),
            "domain": address.get("Domain", "vpc"),
            "networkInterface": address.get("NetworkInterfaceId"),
            "privateIp": address.get("PrivateIpAddress"),
            "publicDns": f"ec2-{public_ip.replace('.', '-')}.{zone}.amazonaws.com",
            "publicIp": public_ip,
            "tags": from_pairs(address.get("Tags")),
        }

    def delete(self, cloud: Cloud, old: State) -> None:
        """Gives the address back."""
        delete_when_unused(
            cloud, lambda: cloud.ec2.release_address(AllocationId=old.id), f"address {old.id}", _NO_ADDRESS
        )


class NatGateway(Ec2Resource):
    """``aws.ec2.NatGateway``. ID: ``nat-...``."""

    resource = aws.ec2.NatGateway
    defaults = MappingProxyType({"connectivityType": "public"})
    computed = frozenset({"availabilityMode", "privateIp", "vpcId"})
    replaces = frozenset({"allocationId", "connectivityType", "privateIp", "subnetId"})
    unsupported = frozenset(
        {
            "availabilityMode",
            "availabilityZoneAddresses",
            "secondaryAllocationIds",
            "secondaryPrivateIpAddressCount",
            "secondaryPrivateIpAddresses",
            "vpcId",
        }
    )

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Starts to make the gateway."""
        request: dict[str, Any] = {
            "ConnectivityType": inputs["connectivityType"],
            "TagSpecifications": tag_specifications("natgateway", inputs["tags"]),
        }
        optional = {"allocationId": "AllocationId", "privateIp": "PrivateIpAddress", "subnetId": "SubnetId"}
        request |= {member: inputs[name] for name, member in optional.items() if inputs.get(name)}
        return cloud.ec2.create_nat_gateway(**request)["NatGateway"]["NatGatewayId"]

    def settle(self, cloud: Cloud, old: State) -> None:
        """Waits until it is available."""

        def available() -> bool:
            gateway = self._describe(cloud, old.id)
            if gateway is None or gateway["State"] == "failed":
                reason = (gateway or {}).get("FailureMessage", "it is gone")
                raise ProviderError(f"NAT gateway {old.id} failed: {reason}")
            return bool(gateway["State"] == "available")

        cloud.wait(available, f"NAT gateway {old.id} to be available", NAT_SECONDS)

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The gateway with its first address."""
        gateway = self._describe(cloud, old.id)
        if gateway is None:
            return None
        address: Any = next(iter(gateway.get("NatGatewayAddresses") or []), {})
        return {
            # ministack returns no addresses of NAT gateways; AWS always does.
            "allocationId": address.get("AllocationId") or old.outputs.get("allocationId"),
            "associationId": address.get("AssociationId"),
            "connectivityType": gateway.get("ConnectivityType", "public"),
            "networkInterfaceId": address.get("NetworkInterfaceId"),
            "privateIp": address.get("PrivateIp"),
            "publicIp": address.get("PublicIp"),
            "subnetId": gateway.get("SubnetId"),
            "tags": from_pairs(gateway.get("Tags")),
            "vpcId": gateway.get("VpcId"),
        }

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes it, and waits, since its address and subnet are in use until it is gone."""
        found(lambda: cloud.ec2.delete_nat_gateway(NatGatewayId=old.id), *_NO_NAT)
        cloud.wait(lambda: self._describe(cloud, old.id) is None, f"NAT gateway {old.id} to be gone", NAT_SECONDS)

    @staticmethod
    def _describe(cloud: Cloud, resource_id: str) -> Any:
        """The gateway; a deleted one is still returned for an hour, which counts as gone."""
        answer = found(lambda: cloud.ec2.describe_nat_gateways(NatGatewayIds=[resource_id]), *_NO_NAT)
        gateways = answer["NatGateways"] if answer else []
        return next((each for each in gateways if each["State"] != "deleted"), None)
