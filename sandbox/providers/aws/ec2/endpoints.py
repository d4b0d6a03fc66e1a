"""VPC endpoints and the services that have them.

Imitates terraform-provider-aws internal/service/ec2/vpc_endpoint.go and vpc_endpoint_service_data_source.go, as of v6
(the base of pulumi-aws 7.51).
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.ec2.common import Ec2Resource, asked_filters
from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import Properties
from sandbox.providers.aws.session import Cloud
from sandbox.providers.rpc import Failure, ProviderError, State

ENDPOINT_SECONDS = 60.0
"""How long an endpoint may take to come or go; upstream waits ten minutes."""

_LISTS = {"routeTableIds": "RouteTableIds", "securityGroupIds": "SecurityGroupIds", "subnetIds": "SubnetIds"}


class VpcEndpoint(Ec2Resource):
    """``aws.ec2.VpcEndpoint``. ID: ``vpce-...``."""

    resource = aws.ec2.VpcEndpoint
    thing, kind, gone = "VpcEndpoint", "vpc-endpoint", ("InvalidVpcEndpointId.NotFound",)
    supported = frozenset({*_LISTS, "privateDnsEnabled", "serviceName", "tags", "vpcEndpointType", "vpcId"})
    defaults = MappingProxyType({"vpcEndpointType": "Gateway"})
    computed = frozenset(
        {
            *_LISTS,
            "dnsOptions",
            "dnsOptions.dnsRecordIpType",
            "dnsOptions.privateDnsPreference",
            "dnsOptions.privateDnsSpecifiedDomains",
            "ipAddressType",
            "policy",
            "privateDnsEnabled",
            "serviceRegion",
            "subnetConfigurations",
        }
    )
    documents = frozenset({"policy"})
    enums = MappingProxyType({"vpcEndpointType": ("ec2", "VpcEndpointType")})
    replaces = frozenset({"serviceName", "vpcEndpointType", "vpcId"})

    def check(self, inputs: Properties) -> Iterator[Failure]:
        """EC2 refuses private DNS of other types, so that upstream's replacement of such endpoints is not needed."""
        if inputs.get("privateDnsEnabled") and inputs.get("vpcEndpointType") != "Interface":
            yield Failure("privateDnsEnabled", "needs the vpcEndpointType Interface")

    def unsettled(self, changed: frozenset[str], inputs: Properties) -> frozenset[str]:
        """Other subnets are other network interfaces (``ComputedIf``)."""
        return frozenset({"networkInterfaceIds", "subnetConfigurations"} if "subnetIds" in changed else ())

    def request(self, inputs: Properties) -> dict[str, Any]:
        """The endpoint; whether it has private DNS is always sent."""
        return {"PrivateDnsEnabled": False, **super().request(inputs)}

    def settle(self, cloud: Cloud, old: State) -> None:
        """Waits until it is available."""

        def available() -> bool:
            endpoint = self.describe(cloud, old.id)
            if endpoint is None or endpoint["State"].lower() in ("failed", "rejected"):
                raise ProviderError(f"VPC endpoint {old.id} is {(endpoint or {}).get('State', 'gone')}")
            return bool(endpoint["State"].lower() == "available")

        cloud.wait(available, f"VPC endpoint {old.id} to be available", ENDPOINT_SECONDS)

    def outputs(self, cloud: Cloud, old: State, thing: Any) -> dict[str, Any]:
        """The endpoint, the addresses of its network interfaces and the prefix list of its service."""
        lists = cloud.ec2.describe_prefix_lists(
            Filters=[{"Name": "prefix-list-name", "Values": [thing["ServiceName"]]}]
        )["PrefixLists"]
        prefixes: Any = next(iter(lists), {})
        options = thing.get("DnsOptions") or {}
        interfaces = thing.get("NetworkInterfaceIds") or []
        found: Any = cloud.ec2.describe_network_interfaces(NetworkInterfaceIds=interfaces) if interfaces else {}
        return {
            "cidrBlocks": prefixes.get("Cidrs") or [],
            "dnsEntries": [{"dnsName": each["DnsName"]} for each in thing.get("DnsEntries") or []],
            "dnsOptions": {"dnsRecordIpType": options["DnsRecordIpType"]} if options else None,
            "ipAddressType": thing.get("IpAddressType"),
            "networkInterfaceIds": sorted(interfaces),
            "ownerId": thing["OwnerId"],
            "policy": thing.get("PolicyDocument"),
            "prefixListId": prefixes.get("PrefixListId"),
            "privateDnsEnabled": thing.get("PrivateDnsEnabled", False),
            "requesterManaged": thing.get("RequesterManaged", False),
            "routeTableIds": thing.get("RouteTableIds") or [],
            "securityGroupIds": [each["GroupId"] for each in thing.get("Groups") or []],
            "serviceName": thing["ServiceName"],
            "serviceRegion": thing.get("ServiceRegion"),
            "state": thing["State"],
            "subnetConfigurations": [
                {"ipv4": each["PrivateIpAddress"], "subnetId": each["SubnetId"]}
                for each in found.get("NetworkInterfaces") or []
            ],
            "subnetIds": thing.get("SubnetIds") or [],
            "vpcEndpointType": thing.get("VpcEndpointType") or "Gateway",
            "vpcId": thing["VpcId"],
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """One request with what is added and removed (``flattenAddAndRemoveStringValueLists``)."""
        request: dict[str, Any] = {"VpcEndpointId": old.id}
        if "privateDnsEnabled" in changed:
            request["PrivateDnsEnabled"] = bool(inputs.get("privateDnsEnabled"))
        for name in _LISTS.keys() & changed:
            before, after = set(old.outputs.get(name) or []), set(inputs.get(name) or [])
            for verb, ids in (("Add", after - before), ("Remove", before - after)):
                if ids:
                    request[f"{verb}{_LISTS[name]}"] = sorted(ids)
        cloud.ec2.modify_vpc_endpoint(**request)

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes it, and waits, since its subnets and security groups are in use until it is gone."""
        for failed in cloud.ec2.delete_vpc_endpoints(VpcEndpointIds=[old.id]).get("Unsuccessful") or []:
            error = failed.get("Error") or {}
            if error.get("Code") not in self.gone:
                raise ProviderError(f"deleting VPC endpoint {old.id}: {error.get('Code')}: {error.get('Message')}")
        cloud.wait(lambda: self.describe(cloud, old.id) is None, f"VPC endpoint {old.id} to be gone", ENDPOINT_SECONDS)


def get_vpc_endpoint_service(cloud: Cloud, args: Properties) -> Properties:
    """``aws.ec2.get_vpc_endpoint_service``, as ``dataSourceVPCEndpointServiceRead``."""
    of_type = [{"Name": "service-type", "Values": [args["serviceType"]]}] if args.get("serviceType") else []
    request: dict[str, Any] = {"ServiceNames": [args["serviceName"]]} if args.get("serviceName") else {}
    if filters := [*of_type, *asked_filters(args)]:
        request["Filters"] = filters
    details = cloud.ec2.describe_vpc_endpoint_services(**request)["ServiceDetails"]
    if not details:
        raise ProviderError("no matching EC2 VPC Endpoint Service found")
    if len(details) > 1:
        raise ProviderError(
            "multiple EC2 VPC Endpoint Services matched; use additional constraints to reduce matches to a single EC2 "
            "VPC Endpoint Service"
        )
    (found,) = details
    return {
        "acceptanceRequired": found["AcceptanceRequired"],
        "arn": cloud.arn("ec2", f"vpc-endpoint-service/{found['ServiceId']}"),
        "availabilityZones": found["AvailabilityZones"],
        "baseEndpointDnsNames": found["BaseEndpointDnsNames"],
        "filters": args.get("filters"),
        "id": found["ServiceName"],
        "managesVpcEndpoints": found["ManagesVpcEndpoints"],
        "owner": found["Owner"],
        "privateDnsName": found.get("PrivateDnsName") or "",
        "region": cloud.region,
        "serviceId": found["ServiceId"],
        "serviceName": found["ServiceName"],
        "serviceType": found["ServiceType"][0]["ServiceType"],
        "supportedIpAddressTypes": found["SupportedIpAddressTypes"],
        "tags": {},
        "vpcEndpointPolicySupported": found["VpcEndpointPolicySupported"],
    }


FUNCTIONS = [
    Function(
        "aws:ec2/getVpcEndpointService:getVpcEndpointService",
        aws.ec2.get_vpc_endpoint_service,
        get_vpc_endpoint_service,
        frozenset({"filters", "serviceName", "serviceType"}),
    ),
]
