"""Ways out of a VPC: Internet gateways, also for IPv6 alone, NAT gateways and their elastic addresses.

Imitates terraform-provider-aws internal/service/ec2/vpc_internet_gateway.go, vpc_egress_only_internet_gateway.go,
vpc_nat_gateway.go and ec2_eip.go, as of v6 (the base of pulumi-aws 7.51).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.ec2.common import Ec2Resource
from sandbox.providers.aws.resource import Properties
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.rpc import ProviderError, State

NAT_SECONDS = 120.0
"""How long a NAT gateway may take to come or go."""


class InternetGateway(Ec2Resource):
    """``aws.ec2.InternetGateway``. ID: ``igw-...``."""

    resource = aws.ec2.InternetGateway
    thing, kind, gone = "InternetGateway", "internet-gateway", ("InvalidInternetGatewayID.NotFound",)
    supported = frozenset({"tags", "vpcId"})
    computed = frozenset({"vpcId"})

    def complete(self, cloud: Cloud, resource_id: str, inputs: Properties) -> None:
        """Attaches it to its VPC."""
        if inputs.get("vpcId"):
            cloud.ec2.attach_internet_gateway(InternetGatewayId=resource_id, VpcId=inputs["vpcId"])

    def outputs(self, cloud: Cloud, old: State, thing: Any) -> dict[str, Any]:
        """The gateway and the VPC that it is attached to."""
        attachments = thing.get("Attachments") or [{}]
        return {"ownerId": thing.get("OwnerId"), "vpcId": attachments[0].get("VpcId")}

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Moves it to another VPC."""
        self._detach(cloud, old)
        self.complete(cloud, old.id, inputs)

    def delete(self, cloud: Cloud, old: State) -> None:
        """Detaches and removes it."""
        self._detach(cloud, old)
        super().delete(cloud, old)

    def _detach(self, cloud: Cloud, old: State) -> None:
        if vpc_id := old.outputs.get("vpcId"):
            request = {"InternetGatewayId": old.id, "VpcId": vpc_id}
            found(lambda: cloud.ec2.detach_internet_gateway(**request), *self.gone, "Gateway.NotAttached")


class EgressOnlyInternetGateway(Ec2Resource):
    """``aws.ec2.EgressOnlyInternetGateway``. ID: ``eigw-...``."""

    resource = aws.ec2.EgressOnlyInternetGateway
    thing, kind = "EgressOnlyInternetGateway", "egress-only-internet-gateway"
    gone = ("InvalidGatewayID.NotFound",)
    supported = frozenset({"tags", "vpcId"})
    replaces = frozenset({"vpcId"})

    def outputs(self, cloud: Cloud, old: State, thing: Any) -> dict[str, Any]:
        """The VPC that it is attached to."""
        attachments = thing.get("Attachments") or [{}]
        return {"vpcId": attachments[0].get("VpcId")}


class Eip(Ec2Resource):
    """``aws.ec2.Eip``, an elastic address. ID: the allocation's, ``eipalloc-...``."""

    resource = aws.ec2.Eip
    thing, kind, gone = "Address", "elastic-ip", ("InvalidAllocationID.NotFound",)
    supported = frozenset({"domain", "tags"})
    computed = frozenset({"address", "domain", "instance", "networkBorderGroup", "networkInterface", "publicIpv4Pool"})
    replaces = frozenset({"domain"})

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Allocates an address."""
        domain: Any = inputs.get("domain") or "vpc"
        answer = cloud.ec2.allocate_address(Domain=domain, **self.tag_specifications(inputs))
        return answer["AllocationId"]

    def describe(self, cloud: Cloud, resource_id: str) -> Any:
        """The address by its allocation."""
        answer = found(lambda: cloud.ec2.describe_addresses(AllocationIds=[resource_id]), *self.gone)
        return next(iter(answer["Addresses"]), None) if answer else None

    def outputs(self, cloud: Cloud, old: State, thing: Any) -> dict[str, Any]:
        """The address."""
        public_ip = thing["PublicIp"]
        zone = "compute-1" if cloud.region == "us-east-1" else f"{cloud.region}.compute"
        return {
            "allocationId": old.id,
            "associationId": thing.get("AssociationId"),
            "domain": thing.get("Domain", "vpc"),
            "networkInterface": thing.get("NetworkInterfaceId"),
            "privateIp": thing.get("PrivateIpAddress"),
            "publicDns": f"ec2-{public_ip.replace('.', '-')}.{zone}.amazonaws.com",
            "publicIp": public_ip,
        }

    def delete(self, cloud: Cloud, old: State) -> None:
        """Gives the address back."""
        self.when_unused(cloud, old, lambda: cloud.ec2.release_address(AllocationId=old.id))


class NatGateway(Ec2Resource):
    """``aws.ec2.NatGateway``. ID: ``nat-...``."""

    resource = aws.ec2.NatGateway
    thing, kind, gone = "NatGateway", "natgateway", ("NatGatewayNotFound", "InvalidNatGatewayID.NotFound")
    supported = frozenset({"allocationId", "connectivityType", "subnetId", "tags"})
    defaults = MappingProxyType({"connectivityType": "public"})
    computed = frozenset({"availabilityMode", "privateIp", "vpcId"})
    replaces = frozenset({"allocationId", "connectivityType", "subnetId"})

    def settle(self, cloud: Cloud, old: State) -> None:
        """Waits until it is available."""

        def available() -> bool:
            gateway = self.describe(cloud, old.id)
            if gateway is None or gateway["State"] == "failed":
                reason = (gateway or {}).get("FailureMessage", "it is gone")
                raise ProviderError(f"NAT gateway {old.id} failed: {reason}")
            return bool(gateway["State"] == "available")

        cloud.wait(available, f"NAT gateway {old.id} to be available", NAT_SECONDS)

    def outputs(self, cloud: Cloud, old: State, thing: Any) -> dict[str, Any]:
        """The gateway with its first address."""
        address: Any = next(iter(thing.get("NatGatewayAddresses") or []), {})
        return {
            # ministack returns no addresses of NAT gateways; AWS always does.
            "allocationId": address.get("AllocationId") or old.outputs.get("allocationId"),
            "associationId": address.get("AssociationId"),
            "connectivityType": thing.get("ConnectivityType", "public"),
            "networkInterfaceId": address.get("NetworkInterfaceId"),
            "privateIp": address.get("PrivateIp"),
            "publicIp": address.get("PublicIp"),
            "subnetId": thing.get("SubnetId"),
            "vpcId": thing.get("VpcId"),
        }

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes it, and waits, since its address and subnet are in use until it is gone."""
        found(lambda: cloud.ec2.delete_nat_gateway(NatGatewayId=old.id), *self.gone)
        cloud.wait(lambda: self.describe(cloud, old.id) is None, f"NAT gateway {old.id} to be gone", NAT_SECONDS)

    def describe(self, cloud: Cloud, resource_id: str) -> Any:
        """The gateway; a deleted one is still returned for an hour, which counts as gone."""
        gateway = super().describe(cloud, resource_id)
        return gateway if gateway and gateway["State"] != "deleted" else None
