"""What ManagedNodeGroup asks of AWS about the size of its group, and what it sends then."""

from types import MappingProxyType

import pulumi
import pulumi_aws as aws
import pytest

from components import EksCluster, ManagedNodeGroup
from tests.cloud import CLUSTER, Cloud, run

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
CREATION = {
    "kubernetes_version": "1.35",
    "vpc_id": "vpc-00000001",
    "private_subnet_ids": ["subnet-0000000a", "subnet-0000000b"],
}
IGNORED = ("scalingConfig.desiredSize",)


def described(name, template="general-id", **sizes):
    scaling = {"minSize": 1, "maxSize": 4, "desiredSize": 3, **sizes}
    return {
        "nodeGroupName": name,
        "nodeRoleArn": "arn:aws:iam::123456789012:role/nodes",
        "amiType": "AL2023_x86_64_STANDARD",
        "capacityType": "ON_DEMAND",
        "instanceTypes": ["m6i.large"],
        "subnetIds": ["subnet-0000000a"],
        "launchTemplates": [{"id": template, "name": "general", "version": "1"}],
        "scalingConfigs": [scaling],
        "resources": [{"autoscalingGroups": [{"name": f"eks-{name}-uuid"}]}],
    }


def group(cloud, later=MappingProxyType({}), **args):
    base = {
        "cluster_name": CLUSTER,
        "min_size": 1,
        "max_size": 4,
        "subnet_ids": ["subnet-0000000a"],
        "node_role_arn": "arn:aws:iam::123456789012:role/nodes",
    }

    def program():
        provider = aws.Provider("named", region="us-east-1")
        outputs = {key: pulumi.Output.from_input(value) for key, value in later.items()}
        ManagedNodeGroup("general", {**base, **args, **outputs}, pulumi.ResourceOptions(providers=[provider]))

    return run(program, cloud)


def sent(graph):
    made = graph.one(NODE_GROUP)
    return int(made.inputs["scalingConfig"]["desiredSize"]), made.ignore_changes


@pytest.fixture
def cloud():
    made = Cloud()
    made.live_groups = {"general-0a1b2c3": described("general-0a1b2c3")}
    return made


def test_with_the_limits_that_the_group_has_its_size_stays_ignored(cloud):
    assert sent(group(cloud))[1] == IGNORED


def test_with_new_limits_the_live_size_is_sent(cloud):
    assert sent(group(cloud, max_size=6)) == (3, ())


def test_limits_that_are_outputs_reach_the_group_with_its_live_size(cloud):
    assert sent(group(cloud, later={"min_size": 1, "max_size": 6})) == (3, ())


def test_the_component_s_own_provider_is_asked(cloud):
    asked = [provider for token, _, provider in group(cloud).invokes if "NodeGroup" in token]
    assert len(asked) == 2
    assert all("::named::" in provider for provider in asked)


def test_a_group_of_another_stack_with_the_same_name_is_not_taken_for_this_one(cloud):
    cloud.live_groups = {"general-0a1b2c3": described("general-0a1b2c3", template="lt-of-another")}
    assert sent(group(cloud, max_size=6, desired_size=2)) == (2, IGNORED)


def test_nothing_is_asked_of_a_cluster_that_does_not_exist_yet():
    def program():
        cluster = EksCluster("cluster", {"name": "new", "create": CREATION})
        sizes = {"min_size": 1, "max_size": 4, "subnet_ids": ["subnet-0000000a"]}
        ManagedNodeGroup("general", {"cluster_name": cluster.name, **sizes})

    graph = run(program, Cloud(preview=True))
    assert graph.one(NODE_GROUP).ignore_changes == IGNORED
    assert not [token for token, *_ in graph.invokes if "odeGroup" in token]


class Refusing(Cloud):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def call(self, args):
        if args.token == "aws:eks/getNodeGroups:getNodeGroups":
            return {}, [("", self.answer)]
        return super().call(args)


def test_without_permission_to_list_the_remembered_size_is_kept_and_a_warning_names_the_permissions():
    graph = group(Refusing("AccessDeniedException: not authorized to perform: eks:ListNodegroups"), max_size=6)
    assert sent(graph)[1] == IGNORED
    (warning,) = graph.warnings
    assert "general" in warning
    assert "eks:ListNodegroups and eks:DescribeNodegroup" in warning


def test_a_cluster_that_this_program_is_about_to_create_is_no_reason_to_warn():
    assert group(Refusing("ResourceNotFoundException: No cluster found for name: series-api.")).warnings == []
