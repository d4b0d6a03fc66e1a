"""EC2: networks, launch templates and instance types."""

from sandbox.providers.aws.ec2 import instance_type, network, routing
from sandbox.providers.aws.ec2.gateways import Eip, InternetGateway, NatGateway
from sandbox.providers.aws.ec2.launch_template import LaunchTemplate
from sandbox.providers.aws.ec2.network import Subnet, Vpc
from sandbox.providers.aws.ec2.routing import RouteTable, RouteTableAssociation
from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import ResourceType

RESOURCES: list[ResourceType] = [
    Eip(),
    InternetGateway(),
    LaunchTemplate(),
    NatGateway(),
    RouteTable(),
    RouteTableAssociation(),
    Subnet(),
    Vpc(),
]
FUNCTIONS: list[Function] = [*instance_type.FUNCTIONS, *network.FUNCTIONS, *routing.FUNCTIONS]

__all__ = ["FUNCTIONS", "RESOURCES"]
