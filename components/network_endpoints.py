"""VPC endpoints of a network that the program creates."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from .errors import FaultsError
from .invoking import Refused, ask
from .pure import endpoints
from .pure.faults import Fault

DESCRIBE = "aws:ec2/getVpcEndpointService:getVpcEndpointService"
HTTPS = 443


_Refusal = Callable[[str, str], FaultsError]
"""Returns the error about the services, by what is wrong and what is accepted."""


class NetworkEndpoints(TypedDict):
    """VPC endpoints of the network: those of `autoscaling`, `ec2`, `ecr.api`, `ecr.dkr`, `eks`, `s3` and `sts`."""

    services: NotRequired[list[str]]
    """Further services, by the part of the endpoint's name after the region, such as `logs` or `elasticloadbalancing`.

    With `credentials: podIdentity` the program adds `eks-auth`. Defaults to none.
    """


class Placement(NamedTuple):
    """Where endpoints belong.

    Attributes:
        vpc_id: ID of the VPC.
        cidr: Its network, which may reach the endpoints.
        subnet_ids: IDs of the private subnets by zone.
        route_table_ids: IDs of their route tables.
    """

    vpc_id: pulumi.Input[str]
    cidr: str
    subnet_ids: Mapping[str, pulumi.Output[str]]
    route_table_ids: Sequence[pulumi.Input[str]]


class _Service(NamedTuple):
    """A service as AWS describes it: its full name, and the zones where it has endpoints."""

    name: str
    zones: Sequence[str]


def register(
    owner: pulumi.ComponentResource,
    name: str,
    title: Mapping[str, str],
    args: NetworkEndpoints,
    place: Placement,
    shape: type,
) -> list[pulumi.Resource]:
    """Register the endpoints under their owner.

    Args:
        owner: Component whose AWS provider is asked for the names of the services.
        name: Name of the Pulumi resources.
        title: Tags of each resource.
        args: What the caller asked for.
        place: Where the endpoints belong.
        shape: The TypedDict of the owner's arguments.
    """
    opts = pulumi.ResourceOptions(parent=owner)
    group = aws.ec2.SecurityGroup(
        f"{name}-endpoints",
        description="Interface endpoints, for the VPC",
        vpc_id=place.vpc_id,
        ingress=[{"protocol": "tcp", "from_port": HTTPS, "to_port": HTTPS, "cidr_blocks": [place.cidr]}],
        tags=title,
        opts=opts,
    )
    invoke = pulumi.InvokeOutputOptions(parent=owner)
    partition = aws.get_partition_output(opts=invoke)
    region = aws.get_region_output(opts=invoke)
    made: list[pulumi.Resource] = []
    refusal = partial(_refusal, type(owner), name, shape)
    for each in endpoints.services(args.get("services", [])):
        found: pulumi.Output[_Service] = pulumi.Output.all(partition.reverse_dns_prefix, region.region).apply(
            partial(_describe, owner, refusal, each)
        )
        gateway = endpoints.kind(each) == endpoints.GATEWAY
        made.append(
            aws.ec2.VpcEndpoint(
                f"{name}-{endpoints.resource_name(each)}",
                vpc_id=place.vpc_id,
                service_name=found.apply(lambda service: service.name),
                vpc_endpoint_type=endpoints.kind(each),
                route_table_ids=place.route_table_ids if gateway else None,
                subnet_ids=None if gateway else _subnets(refusal, each, found, place),
                security_group_ids=None if gateway else [group.id],
                private_dns_enabled=None if gateway else True,
                tags=title,
                opts=opts,
            )
        )
    return made


async def _describe(owner: pulumi.Resource, refusal: _Refusal, service: str, place: Sequence[str]) -> _Service:
    prefix, region = place
    names = endpoints.possible_names(prefix, region, service)
    # By a filter only where the name is open: GovCloud does not respect it (``dataSourceVPCEndpointServiceRead`` in
    # internal/service/ec2/vpc_endpoint_service_data_source.go of hashicorp/terraform-provider-aws).
    which = {"serviceName": names[0]} if len(names) == 1 else {"filters": [{"name": "service-name", "values": names}]}
    try:
        found = await ask(owner, DESCRIBE, serviceType=endpoints.kind(service), **which)
    except Refused as error:
        raise refusal(
            f"{service}, which AWS does not describe: {error}",
            f"a service with an endpoint in {region}, and permission for ec2:DescribeVpcEndpointServices",
        ) from error
    return _Service(found["serviceName"], found.get("availabilityZones") or ())


def _subnets(
    refusal: _Refusal, service: str, found: pulumi.Output[_Service], place: Placement
) -> pulumi.Output[list[str]]:
    """Return the subnets in zones where the service has endpoints: EC2 refuses others."""
    zones = list(place.subnet_ids)

    def choose(known: list[Any]) -> list[str]:
        offered: list[str] = known[0]
        chosen = [str(subnet) for zone, subnet in zip(zones, known[1:], strict=True) if not offered or zone in offered]
        if not chosen:
            raise refusal(
                f"{service}, which has endpoints in {', '.join(offered)} only",
                "a network with at least one of these zones",
            )
        return chosen

    return pulumi.Output.all(found.apply(lambda service: [*service.zones]), *place.subnet_ids.values()).apply(choose)


def _refusal(component: type[pulumi.ComponentResource], name: str, shape: type, got: str, expected: str) -> FaultsError:
    return FaultsError.of(component, name, shape, [Fault("endpoints.services", got, expected)])
