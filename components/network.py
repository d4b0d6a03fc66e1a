"""ClusterNetwork: a VPC for a cluster that the program creates."""

import ipaddress
from collections.abc import Sequence
from functools import partial
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from . import network_endpoints
from .errors import checked
from .network_endpoints import NetworkEndpoints
from .pure import endpoints, ip_family, validation
from .pure.faults import Fault

TOKEN = "eks-cluster-autoscaler:index:ClusterNetwork"

DEFAULT_CIDR = "10.0.0.0/16"
_SUBNETS = 16
"""The VPC is cut into sixteen: zone i gets cut i for its nodes and cut i + 8 for its load balancers."""


class ClusterNetworkArgs(TypedDict):
    """Zones, address range and internet access of the VPC."""

    cluster_name: str
    """Name of the cluster, for the `Name` tags and for those by which load balancers find its subnets."""
    zones: list[str]
    """Availability zones, two to eight: EKS needs at least two. Local and wavelength zones are refused."""
    cidr: NotRequired[str]
    """Network of the VPC, /16 to /20. Defaults to `10.0.0.0/16`."""
    ip_family: NotRequired[str]
    """IP family of the cluster: with `ipv6` the VPC gets an IPv6 network from AWS, an egress-only internet gateway, and
    subnets that assign IPv6 addresses. Defaults to `ipv4`."""
    nat_per_zone: NotRequired[bool]
    """Whether each zone gets its own NAT gateway, which costs more and makes zones independent. Defaults to false."""
    nat: NotRequired[bool]
    """Whether nodes reach the internet by NAT. With false they reach the VPC and `endpoints` only, and every image must
    be in ECR. Defaults to true."""
    endpoints: NotRequired[NetworkEndpoints]
    """VPC endpoints for the services of AWS that nodes and the autoscaler call; `{}` for these alone.

    Defaults to none.
    """


def faults(args: ClusterNetworkArgs) -> list[Fault]:
    """Check the arguments."""
    zones = args["zones"]
    cidr = args.get("cidr", DEFAULT_CIDR)
    found = [
        *validation.cluster_name("clusterName", args["cluster_name"]),
        *validation.choice("ipFamily", args.get("ip_family", ip_family.IPV4), ip_family.FAMILIES),
        *(f for i, zone in enumerate(zones) for f in validation.zone(f"zones[{i}]", zone)),
        *(not_a_network := validation.cidr("cidr", cidr)),
    ]
    if not 2 <= len(zones) <= 8 or len(set(zones)) != len(zones):
        found.append(Fault("zones", str(zones), "two to eight different zones"))
    found += [
        Fault(f"zones[{i}]", repr(zone), "an availability zone: EKS cannot use subnets of local and wavelength zones")
        for i, zone in enumerate(zones)
        if validation.is_edge_zone(zone)
    ]
    if not not_a_network and not 16 <= ipaddress.IPv4Network(cidr).prefixlen <= 20:
        found.append(Fault("cidr", repr(cidr), "a prefix of /16 to /20"))
    if not args.get("nat", True):
        if args.get("nat_per_zone", False):
            found.append(
                Fault("natPerZone", "true with nat: false", "false, or leave natPerZone out: there is no NAT gateway")
            )
        if "endpoints" not in args:
            expected = "endpoints: {} as well: without NAT nodes reach ECR and the other services by VPC endpoints only"
            found.append(Fault("nat", "false without endpoints", expected))
    return [*found, *endpoints.faults("endpoints.services", args.get("endpoints", {}).get("services", []))]


class ClusterNetwork(pulumi.ComponentResource):
    """A VPC with one private and one public subnet per zone, NAT and VPC endpoints for the private ones.

    Needs an AWS provider, with `ec2:DescribeVpcEndpointServices` at preview if it has endpoints.
    """

    vpc_id: pulumi.Output[str]
    """ID of the VPC."""
    private_subnet_ids: pulumi.Output[dict[str, str]]
    """ID of the private subnet by zone: the nodes live there."""
    public_subnet_ids: pulumi.Output[dict[str, str]]
    """ID of the public subnet by zone: internet-facing load balancers and NAT gateways live there."""

    def __init__(self, name: str, args: ClusterNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(ClusterNetwork, name, args, ClusterNetworkArgs, faults)
        super().__init__(TOKEN, name, dict(args), opts)
        child = pulumi.ResourceOptions(parent=self)
        cluster = args["cluster_name"]
        owned = {f"kubernetes.io/cluster/{cluster}": "shared"}
        ipv6 = args.get("ip_family") == ip_family.IPV6
        cidr = args.get("cidr", DEFAULT_CIDR)
        cuts = [str(cut) for cut in ipaddress.IPv4Network(cidr).subnets(prefixlen_diff=_SUBNETS.bit_length() - 1)]

        vpc = aws.ec2.Vpc(
            name,
            cidr_block=cidr,
            assign_generated_ipv6_cidr_block=True if ipv6 else None,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags={**_title(cluster, name), **owned},
            opts=child,
        )
        gateway = aws.ec2.InternetGateway(name, vpc_id=vpc.id, tags=_title(cluster, name), opts=child)
        elb, internal = {"kubernetes.io/role/elb": "1", **owned}, {"kubernetes.io/role/internal-elb": "1", **owned}
        public = _Subnets(f"{name}-public", cluster, vpc, child, elb, ipv6=ipv6)
        private = _Subnets(f"{name}-private", cluster, vpc, child, internal, ipv6=ipv6)
        outward = [_route(gateway_id=gateway.id), *([_ipv6_route(gateway_id=gateway.id)] if ipv6 else [])]
        public_routes = _route_table(f"{name}-public", cluster, vpc, child, outward)
        egress: list[aws.ec2.RouteTableRouteArgs] = []
        if ipv6 and args.get("nat", True):
            only = aws.ec2.EgressOnlyInternetGateway(name, vpc_id=vpc.id, tags=_title(cluster, name), opts=child)
            egress.append(_ipv6_route(egress_only_gateway_id=only.id))
        nat: aws.ec2.NatGateway | None = None
        tables: list[aws.ec2.RouteTable] = []
        for index, zone in enumerate(args["zones"]):
            public_subnet = public.add(zone, cuts, index + _SUBNETS // 2, public_routes)
            if args.get("nat", True) and (nat is None or args.get("nat_per_zone", False)):
                tags = _title(cluster, f"{name}-{zone}")
                address = aws.ec2.Eip(f"{name}-{zone}", domain="vpc", tags=tags, opts=child)
                nat = aws.ec2.NatGateway(
                    f"{name}-{zone}",
                    allocation_id=address.id,
                    subnet_id=public_subnet.id,
                    tags=tags,
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[gateway]),
                )
            routes = [*([_route(nat_gateway_id=nat.id)] if nat else []), *egress]
            tables.append(_route_table(f"{name}-private-{zone}", cluster, vpc, child, routes))
            private.add(zone, cuts, index, tables[-1])
        if "endpoints" in args:
            place = network_endpoints.Placement(vpc.id, cidr, private.ids, [table.id for table in tables])
            title = _title(cluster, f"{name}-endpoints")
            made = network_endpoints.register(self, name, title, args["endpoints"], place, ClusterNetworkArgs)
            private.wait_for(made)

        # By zone, with the zones known at preview (Python only).
        self.private_subnets: dict[str, pulumi.Output[str]] = private.ids
        self.public_subnets: dict[str, pulumi.Output[str]] = public.ids
        self.vpc_id = vpc.id
        self.private_subnet_ids = pulumi.Output.all(**private.ids)
        self.public_subnet_ids = pulumi.Output.all(**public.ids)
        self.register_outputs(
            {
                "vpcId": self.vpc_id,
                "privateSubnetIds": self.private_subnet_ids,
                "publicSubnetIds": self.public_subnet_ids,
            }
        )


class _Subnets:
    """One kind of subnets, a zone at a time."""

    def __init__(
        self,
        name: str,
        cluster: str,
        vpc: aws.ec2.Vpc,
        opts: pulumi.ResourceOptions,
        tags: dict[str, str],
        *,
        ipv6: bool,
    ) -> None:
        self.ids: dict[str, pulumi.Output[str]] = {}
        self._name, self._cluster, self._vpc, self._opts, self._tags = name, cluster, vpc, opts, tags
        self._ipv6 = ipv6

    def add(self, zone: str, cuts: Sequence[str], index: int, routes: aws.ec2.RouteTable) -> aws.ec2.Subnet:
        name = f"{self._name}-{zone}"
        subnet = aws.ec2.Subnet(
            name,
            vpc_id=self._vpc.id,
            availability_zone=zone,
            cidr_block=cuts[index],
            ipv6_cidr_block=self._vpc.ipv6_cidr_block.apply(partial(_ipv6_cut, index)) if self._ipv6 else None,
            assign_ipv6_address_on_creation=True if self._ipv6 else None,
            tags={**_title(self._cluster, name), **self._tags},
            opts=self._opts,
        )
        association = aws.ec2.RouteTableAssociation(
            name, subnet_id=subnet.id, route_table_id=routes.id, opts=self._opts
        )
        # What is put into the subnet waits for its route and the NAT gateway behind it; on destroy both outlive it.
        self.ids[zone] = pulumi.Output.all(subnet.id, association.id).apply(lambda known: str(known[0]))
        return subnet

    def wait_for(self, resources: Sequence[pulumi.Resource]) -> None:
        """Let what is put into the subnets wait for resources, which outlive it on destroy.

        By their URNs, which a preview knows: an ID that is not known yet would plan the replacement of node groups.
        """
        for zone, subnet_id in self.ids.items():
            self.ids[zone] = pulumi.Output.all(subnet_id, *(each.urn for each in resources)).apply(
                lambda known: str(known[0])
            )


def _ipv6_cut(index: int, network: str) -> str:
    """Return a subnet of a VPC's IPv6 network: a subnet has a /64 and a VPC a /56 (VPC user guide, "IP addressing")."""
    return str([*ipaddress.IPv6Network(network).subnets(new_prefix=64)][index])


def _route(**target: pulumi.Input[str]) -> aws.ec2.RouteTableRouteArgs:
    return aws.ec2.RouteTableRouteArgs(cidr_block="0.0.0.0/0", **target)


def _ipv6_route(**target: pulumi.Input[str]) -> aws.ec2.RouteTableRouteArgs:
    return aws.ec2.RouteTableRouteArgs(ipv6_cidr_block="::/0", **target)


def _route_table(
    name: str,
    cluster: str,
    vpc: aws.ec2.Vpc,
    opts: pulumi.ResourceOptions,
    routes: Sequence[aws.ec2.RouteTableRouteArgs],
) -> aws.ec2.RouteTable:
    return aws.ec2.RouteTable(
        name,
        vpc_id=vpc.id,
        routes=list(routes),
        tags=_title(cluster, name),
        opts=opts,
    )


def _title(cluster: str, name: str) -> dict[str, str]:
    """Return the tag that the console shows as the name; the cluster's name distinguishes several networks."""
    return {"Name": f"{cluster}-{name}"}
