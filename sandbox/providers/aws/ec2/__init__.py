"""EC2: networks, launch templates and instance types."""

from sandbox.providers.aws.ec2 import endpoints, instance_type, network, routing
from sandbox.providers.aws.ec2.endpoints import VpcEndpoint
from sandbox.providers.aws.ec2.gateways import EgressOnlyInternetGateway, Eip, InternetGateway, NatGateway
from sandbox.providers.aws.ec2.launch_template import LaunchTemplate
from sandbox.providers.aws.ec2.network import Subnet, Vpc
from sandbox.providers.aws.ec2.routing import RouteTable, RouteTableAssociation
from sandbox.providers.aws.ec2.security_group import SecurityGroup
from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import ResourceType

RESOURCES: list[ResourceType] = [
    EgressOnlyInternetGateway(),
    Eip(),
    InternetGateway(),
    LaunchTemplate(),
    NatGateway(),
    RouteTable(),
    RouteTableAssociation(),
    SecurityGroup(),
    Subnet(),
    Vpc(),
    VpcEndpoint(),
]
FUNCTIONS: list[Function] = [*endpoints.FUNCTIONS, *instance_type.FUNCTIONS, *network.FUNCTIONS, *routing.FUNCTIONS]

__all__ = ["FUNCTIONS", "RESOURCES"]
