"""Clusters in a network without NAT and with IPv6, deployed with exactly the policies of `scripts.deploy_policy`.

Real engine, API server and scheduler; EC2, EKS and the AWS provider are the sandbox's.
"""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.layout import ACCOUNT_ID, REGION
from sandbox.tests.harness import Sandbox
from scripts.deploy_policy.document import RECORDED, actions, document, table
from tests.e2e.program.deployer import NEEDS_NO_RIGHT, acting, calls, deployer, settings_of
from tests.e2e.program.stack import Stack, inventory

FIRST, SECOND = f"{REGION}a", f"{REGION}b"
CREATED_GROUP = {
    "autoScalingGroups": [
        {"name": "web", "create": {"instanceTypes": ["m6i.large"], "minSize": 0, "desiredSize": 1, "maxSize": 2}}
    ]
}
POD_IDENTITY = {"credentials": "podIdentity", "podIdentity": {"retainAgent": False}}
PRIVATE: dict[str, Any] = {"nat": False, "endpoints": {"services": ["eks-auth", "email-smtp"]}}


def stack_of(sandbox: Sandbox, name: str, network: dict[str, Any], cluster: dict[str, str], **changes: object) -> Stack:
    """A stack that creates a cluster with one group of one node, whose administrator is the sandbox's user."""
    stack = Stack(sandbox, "sandbox", name)
    create = stack.get("cluster")["create"] | {
        "addons": {},
        "adminPrincipalArns": [f"arn:aws:iam::{ACCOUNT_ID}:user/sandbox"],
        "network": {"zones": [FIRST, SECOND], **network},
    }
    stack.set("cluster", {"name": name, "create": create, **cluster})
    for key, value in changes.items():
        stack.set(key, value)
    stack.set("nodeGroups", [{"name": "general", "instanceTypes": ["t3.medium"], "minSize": 1, "maxSize": 2}])
    image = {"repository": f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/cluster-autoscaler"}
    stack.set("autoscaler", stack.get("autoscaler") | {"image": image})
    return stack


def check_private(sandbox: Sandbox, name: str) -> None:
    """Check that nodes reach AWS by endpoints, each in every zone that has its service, and nothing else."""
    ec2 = sandbox.client("ec2")
    vpc = sandbox.client("eks").describe_cluster(name=name)["cluster"]["resourcesVpcConfig"]["vpcId"]
    assert [each for each in ec2.describe_nat_gateways()["NatGateways"] if each["VpcId"] == vpc] == []
    zones = {each["SubnetId"]: each["AvailabilityZone"] for each in ec2.describe_subnets()["Subnets"]}
    found = {
        each["ServiceName"].split(".", 3)[-1]: sorted(zones[one] for one in each["SubnetIds"])
        for each in ec2.describe_vpc_endpoints()["VpcEndpoints"]
        if each["VpcId"] == vpc
    }
    in_both = ("autoscaling", "ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "sts")
    assert found == {**{service: [FIRST, SECOND] for service in in_both}, "email-smtp": [SECOND], "s3": []}


def check_ipv6(sandbox: Sandbox, name: str) -> None:
    """Check that pods get IPv6 addresses: by the cluster, its subnets, and the role of its nodes."""
    ec2, eks = sandbox.client("ec2"), sandbox.client("eks")
    cluster = eks.describe_cluster(name=name)["cluster"]
    config = cluster["kubernetesNetworkConfig"]
    assert (config["ipFamily"], config["serviceIpv6Cidr"][:2]) == ("ipv6", "fd")
    (group,) = eks.list_nodegroups(clusterName=name)["nodegroups"]
    nodes = eks.describe_nodegroup(clusterName=name, nodegroupName=group)["nodegroup"]
    subnets = ec2.describe_subnets(SubnetIds=nodes["subnets"])["Subnets"]
    assert all(each["AssignIpv6AddressOnCreation"] for each in subnets)
    blocks = {each["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"] for each in subnets}
    assert len(blocks) == len(subnets) == 2
    (way_out,) = ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"]
    tables = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": nodes["subnets"]}])
    targets = [
        route.get("EgressOnlyInternetGatewayId")
        for table in tables["RouteTables"]
        for route in table["Routes"]
        if route.get("DestinationIpv6CidrBlock") == "::/0"
    ]
    assert targets == [way_out["EgressOnlyInternetGatewayId"]] * 2


@pytest.mark.full
@pytest.mark.usefixtures("before")
@pytest.mark.parametrize(
    ("name", "network", "cluster", "changes", "check"),
    [
        pytest.param("private", PRIVATE, {}, POD_IDENTITY, check_private, id="without NAT"),
        pytest.param("six", {}, {"ipFamily": "ipv6"}, CREATED_GROUP, check_ipv6, id="IPv6"),
    ],
)
def test_a_network_is_deployed_by_its_policies_and_goes_without_a_trace(
    sandbox: Sandbox,
    name: str,
    network: dict[str, Any],
    cluster: dict[str, str],
    changes: dict[str, object],
    check: Callable[[Sandbox, str], None],
) -> None:
    stack = stack_of(sandbox, name, network, cluster, **changes)
    settings = settings_of(stack)
    deploy, preview = (document(settings, ACCOUNT_ID, write=write) for write in (True, False))
    earlier, calls_before = inventory(sandbox), calls(sandbox)
    with deployer(sandbox):
        with acting(sandbox, deploy):
            stack.up()
        with acting(sandbox, preview):
            assert stack.planned("--refresh") == []
        check(sandbox, name)
        doctor = [sys.executable, "-m", "doctor", "check", "--cluster", name, "--region", REGION, "--wait", "120"]
        assert "every link holds" in sandbox.run(doctor)
        with acting(sandbox, deploy):
            stack.destroy()
    assert inventory(sandbox) == earlier
    made = (calls(sandbox) - calls_before).keys()
    assert made - {row.action for row in table()} - NEEDS_NO_RIGHT == set()
    recorded = {row.action for row in actions(settings, write=True) if row.source == RECORDED}
    assert recorded - made == set(), "allowed as recorded, and not called"
