"""What the `aws` stand-in decides before it asks the cloud: pure rules over declarations."""

import json
import re
from typing import Any

import pulumi_aws
import pytest

from sandbox.providers.aws import catalogue, checks, comparison, documents, states
from sandbox.providers.aws.api_shapes import from_api, nameless, shape, to_api
from sandbox.providers.aws.resource import ResourceType
from sandbox.providers.differences import Change
from sandbox.providers.rpc import Naming, Resource, State
from sandbox.providers.schema import ListOf, MapOf, Object, object_type, validate
from sandbox.providers.values import UNKNOWN

CONTRACT_TYPES = {
    "aws:autoscaling/group:Group",
    "aws:autoscaling/tag:Tag",
    "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway",
    "aws:ec2/eip:Eip",
    "aws:ec2/internetGateway:InternetGateway",
    "aws:ec2/launchTemplate:LaunchTemplate",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/vpc:Vpc",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    "aws:eks/accessEntry:AccessEntry",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    "aws:eks/addon:Addon",
    "aws:eks/cluster:Cluster",
    "aws:eks/nodeGroup:NodeGroup",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation",
    "aws:iam/instanceProfile:InstanceProfile",
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
    "aws:iam/policy:Policy",
    "aws:iam/role:Role",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
}
CONTRACT_FUNCTIONS = {
    "aws:autoscaling/getAmiIds:getAmiIds",
    "aws:autoscaling/getGroup:getGroup",
    "aws:ec2/getInstanceType:getInstanceType",
    "aws:ec2/getRouteTable:getRouteTable",
    "aws:ec2/getRouteTables:getRouteTables",
    "aws:ec2/getSubnet:getSubnet",
    "aws:ec2/getSubnets:getSubnets",
    "aws:ec2/getVpcEndpointService:getVpcEndpointService",
    "aws:eks/getAddon:getAddon",
    "aws:eks/getAddonVersion:getAddonVersion",
    "aws:eks/getCluster:getCluster",
    "aws:eks/getNodeGroup:getNodeGroup",
    "aws:eks/getNodeGroups:getNodeGroups",
    "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider",
    "aws:index/getCallerIdentity:getCallerIdentity",
    "aws:index/getPartition:getPartition",
    "aws:index/getRegion:getRegion",
    "aws:ssm/getParameter:getParameter",
}


def kind(token: str) -> ResourceType:
    found = catalogue.resource_type(token)
    assert found is not None
    return found


ROLE = kind("aws:iam/role:Role")
CLUSTER = kind("aws:eks/cluster:Cluster")
NODE_GROUP = kind("aws:eks/nodeGroup:NodeGroup")
TEMPLATE = kind("aws:ec2/launchTemplate:LaunchTemplate")


def test_everything_that_the_program_registers_is_known():
    assert set(catalogue.resource_tokens()) == CONTRACT_TYPES
    assert set(catalogue.function_tokens()) == CONTRACT_FUNCTIONS


def resolve(arguments: Object, path: str):
    """The type at a dotted path, through lists."""
    found: Any = arguments
    for name in path.split("."):
        assert isinstance(found, Object), path
        found = found.fields[name]
        found = found.item if isinstance(found, ListOf) else found
    return found


@pytest.mark.parametrize("token", catalogue.resource_tokens())
def test_declarations_name_properties_that_exist(token):
    declared = kind(token)
    groups = (declared.computed, declared.kept, declared.replaces, declared.documents, declared.ordered)
    tables = (declared.defaults, declared.enums, declared.validators, declared.counts)
    for path in [*frozenset().union(*groups, declared.supported), *(path for table in tables for path in table)]:
        resolve(declared.arguments(), path)
    assert declared.volatile <= declared.output_names()
    for service, name in declared.enums.values():
        assert checks.enum_values(service, name)
    if declared.naming:
        assert {declared.naming.key, declared.naming.prefix_key} & set(declared.arguments().fields)
        assert declared.naming.key in declared.replaces


# Types of the SDK


def test_types_are_read_from_the_sdk():
    arguments = NODE_GROUP.arguments()
    assert arguments.required == {"clusterName", "nodeRoleArn", "scalingConfig", "subnetIds"}
    assert isinstance(arguments.fields["labels"], MapOf)
    taints = arguments.fields["taints"]
    assert isinstance(taints, ListOf)
    assert isinstance(taints.item, Object)
    assert taints.item.required == {"key", "effect"}


def test_a_boolean_is_no_number():
    from pulumi_aws.ec2.launch_template import LaunchTemplateArgs

    [failure] = validate({"defaultVersion": True}, object_type(LaunchTemplateArgs))
    assert failure.reason == "expected a number, got a boolean"


# Documents


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ('{"a": ["x"]}', '{"a": "x"}', True),
        ('{"a": ["x", "y"]}', '{"a": ["y", "x"]}', True),
        ('{"a": true}', '{"a": "true"}', True),
        ('{"a": 1, "b": 2}', '{ "b":2,\n"a":1 }', True),
        ('{"a": ["x", "y"]}', '{"a": ["x"]}', False),
        ('{"a": "x"}', '{"a": "X"}', False),
        ("not json", "not json", True),
        ("not json", '{"a": 1}', False),
        (None, '{"a": 1}', False),
    ],
)
def test_documents_are_compared_by_their_meaning(first, second, same):
    assert documents.equivalent(first, second) is same


def test_statements_in_another_order_mean_the_same():
    one, other = ({"Effect": "Allow", "Action": [action]} for action in ("a:1", "a:2"))
    assert documents.equivalent({"Statement": [one, other]}, json.dumps({"Statement": [other, one]}))


# Names of the API


def test_properties_become_members_and_back():
    properties = {
        "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true", "volumeSize": 30}}],
        "tagSpecifications": [{"resourceType": "instance", "tags": {"a": "1"}}],
        "monitoring": {"enabled": True},
        "instanceType": "m5.large",
    }
    data = shape("ec2", "RequestLaunchTemplateData")
    request = to_api(properties, data, {})
    assert request == {
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "VolumeSize": 30}}],
        "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "1"}]}],
        "Monitoring": {"Enabled": True},
        "InstanceType": "m5.large",
    }
    assert from_api(request, TEMPLATE.arguments(), {}) == properties


def test_a_property_without_a_member_is_found():
    data = shape("ec2", "RequestLaunchTemplateData")
    assert list(nameless({"blockDeviceMappings": [{"ebs": {"size": 1}}], "x": None}, data, {})) == [
        "blockDeviceMappings[0].ebs.size"
    ]


# Differences


def difference(declared, old, new, tags=None):
    return comparison.difference(declared, old, new, tags or {}, "us-east-1")


def test_what_aws_chose_is_no_change_when_the_program_sets_nothing():
    given: dict[str, Any] = {
        "name": "x",
        "roleArn": "r",
        "vpcConfig": {"subnetIds": ["a"], "endpointPublicAccess": True},
    }
    live = {**given, "version": "1.34", "vpcConfig": {**given["vpcConfig"], "vpcId": "vpc-1"}, "region": "us-east-1"}
    assert difference(CLUSTER, State("x", live, given), given).changes == {}


def test_what_the_program_no_longer_sets_is_a_change():
    given = {"labels": {"a": "1"}, "updateConfig": {"maxUnavailable": 2}, "launchTemplate": {"id": "lt-1"}}
    found = difference(NODE_GROUP, State("x", given, given), {})
    # An update configuration stays as it is: AWS would choose one.
    assert found.changes == {"labels": Change.DELETE, "launchTemplate.id": Change.DELETE}
    assert found.replaces == {"launchTemplate.id"}


def test_a_part_that_the_program_no_longer_sets_is_a_change():
    old = {"metadataOptions": {"httpTokens": "required"}, "placement": {"tenancy": "default", "affinity": "host"}}
    new = {"metadataOptions": {}, "placement": {"tenancy": "default"}}
    found = difference(TEMPLATE, State("x", {**old, "name": "x"}, {**old, "name": "x"}), {**new, "name": "x"})
    assert found.changes == {"placement.affinity": Change.DELETE}


def test_a_default_tag_that_ends_is_a_change():
    old = State("x", {"tags": {"a": "1"}, "tagsAll": {"a": "1", "owner": "me"}}, {"tags": {"a": "1"}})
    assert difference(ROLE, old, {"tags": {"a": "1"}}).changes == {"tagsAll.owner": Change.DELETE}
    assert difference(ROLE, old, {"tags": {"a": "1"}}, {"owner": "me"}).changes == {}


def test_a_part_that_goes_from_an_item_of_a_list_is_a_change():
    old = {"taints": [{"key": "a", "value": "1", "effect": "NO_SCHEDULE"}]}
    new = {"taints": [{"key": "a", "effect": "NO_SCHEDULE"}]}
    assert difference(NODE_GROUP, State("x", old, old), new).changes == {"taints[0]": Change.UPDATE}
    empty = {"taints": [{"key": "a", "value": "", "effect": "NO_SCHEDULE"}]}
    assert difference(NODE_GROUP, State("x", new, new), empty).changes == {}


@pytest.mark.parametrize(
    ("new", "defaults", "first"),
    [
        ({"name": "x", "path": "/other/"}, [], True),  # The old name, given: both cannot exist together.
        ({"name": "y", "path": "/"}, [], True),  # Another name, given: the bridge does not compare.
        ({"name": "x-1234567", "path": "/other/"}, ["name"], False),  # The name is the provider's.
        ({"namePrefix": "x-", "path": "/other/"}, [], False),
        ({"name": "x", "path": "/", "policy": "{}"}, [], False),  # No replacement at all.
    ],
)
def test_a_given_name_means_that_the_old_resource_goes_first(new, defaults, first):
    policy = kind("aws:iam/policy:Policy")
    old = {"name": new.get("name") if defaults else "x", "path": "/", "policy": "{}"}
    found = difference(policy, State("x", old, old), {"policy": "{}", **new, "__defaults": defaults})
    assert found.delete_before_replace is first
    assert bool(found.replaces) is not (new.get("policy") == "{}")


def test_the_order_of_a_list_of_block_devices_is_a_change():
    devices = [{"deviceName": name, "ebs": {"volumeSize": 20}} for name in ("/dev/xvda", "/dev/xvdb")]
    old = {"name": "x", "blockDeviceMappings": devices}
    new = {"name": "x", "blockDeviceMappings": devices[::-1]}
    assert difference(TEMPLATE, State("x", old, old), new).changes != {}


# Names and values that the official provider refuses by itself


def checked(token: str, inputs: dict[str, Any], old: dict[str, Any] | None = None) -> Any:
    resource = Resource(f"urn:pulumi:dev::p::{token}::r", token, "r")
    return checks.check(kind(token), resource, old or {}, inputs, Naming(b"1"))


def test_behind_a_prefix_the_name_is_no_input_and_not_known_before_the_resource_is():
    found = checked("aws:iam/role:Role", {"assumeRolePolicy": "{}", "namePrefix": "org-"})
    assert "name" not in found.inputs
    assert "name" not in found.inputs["__defaults"]
    assert states.preview_create(ROLE, found.inputs, {})["name"] is UNKNOWN
    name = checks.with_name(ROLE, found.inputs)["name"]
    assert re.fullmatch(r"org-[0-9a-f]{26}", name)
    assert checks.with_name(ROLE, found.inputs)["name"] != name
    live = {"name": name, "namePrefix": "org-", "assumeRolePolicy": "{}", "path": "/", "maxSessionDuration": 3600}
    old = State(name, live, found.inputs)
    assert difference(ROLE, old, found.inputs).changes == {}
    assert "name" not in states.live_inputs(ROLE, found.inputs, live)
    other = difference(ROLE, old, {**found.inputs, "namePrefix": "team-"})
    assert (other.replaces, other.delete_before_replace) == ({"namePrefix"}, False)


GROUP = {
    "clusterName": "c",
    "nodeRoleArn": "arn:aws:iam::123456789012:role/n",
    "scalingConfig": {"minSize": 0, "maxSize": 2, "desiredSize": 0},
    "subnetIds": ["subnet-1"],
}
VPC_CONFIG = {"subnetIds": ["subnet-1"]}
CLUSTER_ARGS = {"name": "c", "roleArn": "arn:aws:iam::123456789012:role/c"}


@pytest.mark.parametrize(
    ("token", "inputs", "place"),
    [
        ("aws:iam/role:Role", {"assumeRolePolicy": "{}", "namePrefix": "p" * 39}, "namePrefix"),
        ("aws:iam/role:Role", {"assumeRolePolicy": "{}", "name": "n" * 65}, "name"),
        ("aws:iam/role:Role", {"assumeRolePolicy": "{}", "name": "a b"}, "name"),
        ("aws:iam/role:Role", {"assumeRolePolicy": "{}", "name": "a", "namePrefix": "b"}, "name"),
        ("aws:iam/role:Role", {"assumeRolePolicy": "{}", "permissionsBoundary": "boundary"}, "permissionsBoundary"),
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", {"role": "r", "policyArn": "p"}, "policyArn"),
        (
            "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
            {"url": "https://issuer", "clientIdLists": [""]},
            "clientIdLists[0]",
        ),
        ("aws:eks/nodeGroup:NodeGroup", {**GROUP, "subnetIds": []}, "subnetIds"),
        ("aws:eks/nodeGroup:NodeGroup", {**GROUP, "clusterName": "-c"}, "clusterName"),
        ("aws:eks/nodeGroup:NodeGroup", {**GROUP, "nodeGroupNamePrefix": "p" * 38}, "nodeGroupNamePrefix"),
        (
            "aws:eks/nodeGroup:NodeGroup",
            {**GROUP, "taints": [{"key": "k" * 64, "effect": "NO_SCHEDULE"}]},
            "taints[0].key",
        ),
        (
            "aws:eks/nodeGroup:NodeGroup",
            {**GROUP, "taints": [{"key": "k", "value": "v" * 64, "effect": "NO_SCHEDULE"}]},
            "taints[0].value",
        ),
        (
            "aws:eks/nodeGroup:NodeGroup",
            {**GROUP, "scalingConfig": {"minSize": 0, "maxSize": 0, "desiredSize": 0}},
            "scalingConfig.maxSize",
        ),
        ("aws:eks/nodeGroup:NodeGroup", {**GROUP, "updateConfig": {}}, "updateConfig"),
        (
            "aws:eks/nodeGroup:NodeGroup",
            {**GROUP, "updateConfig": {"maxUnavailable": 1, "maxUnavailablePercentage": 50}},
            "updateConfig",
        ),
        (
            "aws:eks/nodeGroup:NodeGroup",
            {**GROUP, "updateConfig": {"maxUnavailablePercentage": 101}},
            "updateConfig.maxUnavailablePercentage",
        ),
        (
            "aws:eks/nodeGroup:NodeGroup",
            {**GROUP, "launchTemplate": {"id": "lt-1", "name": "n", "version": "1"}},
            "launchTemplate.id",
        ),
        ("aws:eks/cluster:Cluster", {**CLUSTER_ARGS, "vpcConfig": {"subnetIds": []}}, "vpcConfig.subnetIds"),
        (
            "aws:eks/cluster:Cluster",
            {**CLUSTER_ARGS, "vpcConfig": {**VPC_CONFIG, "publicAccessCidrs": ["203.0.113.5"]}},
            "vpcConfig.publicAccessCidrs[0]",
        ),
        (
            "aws:eks/cluster:Cluster",
            {**CLUSTER_ARGS, "vpcConfig": {**VPC_CONFIG, "publicAccessCidrs": ["10.0.0.0/255.255.0.0"]}},
            "vpcConfig.publicAccessCidrs[0]",
        ),
        (
            "aws:eks/cluster:Cluster",
            {**CLUSTER_ARGS, "vpcConfig": {**VPC_CONFIG, "publicAccessCidrs": ["10.0.0.1/16"]}},
            "vpcConfig.publicAccessCidrs[0]",
        ),
        (
            "aws:eks/addon:Addon",
            {"clusterName": "c", "addonName": "a", "resolveConflictsOnCreate": "PRESERVE"},
            "resolveConflictsOnCreate",
        ),
        ("aws:eks/addon:Addon", {"clusterName": "c", "addonName": "a", "addonVersion": "1.2"}, "addonVersion"),
        ("aws:eks/accessEntry:AccessEntry", {"clusterName": "c", "principalArn": "role/x"}, "principalArn"),
        ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.1/16"}, "cidrBlock"),
        ("aws:ec2/launchTemplate:LaunchTemplate", {"name": "a b"}, "name"),
        (
            "aws:ec2/launchTemplate:LaunchTemplate",
            {"name": "a", "metadataOptions": {"httpPutResponseHopLimit": 65}},
            "metadataOptions.httpPutResponseHopLimit",
        ),
    ],
)
def test_a_preview_refuses_what_the_official_provider_refuses_by_itself(token, inputs, place):
    assert [each.property for each in checked(token, inputs).failures] == [place]


def test_values_that_are_not_known_yet_are_no_failure():
    unknown = {**GROUP, "clusterName": UNKNOWN, "nodeRoleArn": UNKNOWN, "subnetIds": UNKNOWN, "updateConfig": UNKNOWN}
    assert checked("aws:eks/nodeGroup:NodeGroup", unknown).failures == []
    partly = {**GROUP, "subnetIds": [UNKNOWN], "updateConfig": {"maxUnavailable": UNKNOWN}}
    assert checked("aws:eks/nodeGroup:NodeGroup", partly).failures == []


# Previews


def test_a_preview_of_an_update_keeps_what_stays_and_leaves_open_what_may_change():
    inputs: dict[str, Any] = {"name": "x", "instanceType": "m5.large", "metadataOptions": {"httpTokens": "required"}}
    live = {**inputs, "latestVersion": 1, "defaultVersion": 1, "arn": "arn", "tags": {}, "tagsAll": {}}
    live["metadataOptions"] = {"httpTokens": "required", "httpEndpoint": "enabled"}
    old = State("lt-1", live, inputs)
    new = {**inputs, "instanceType": "m5.xlarge"}
    preview = states.preview_update(TEMPLATE, old, new, difference(TEMPLATE, old, new), {})
    assert preview["arn"] == "arn"
    assert preview["latestVersion"] is UNKNOWN
    assert preview["metadataOptions"] == {"httpTokens": "required", "httpEndpoint": "enabled"}
    tagged = {**inputs, "tags": {"a": "1"}}
    preview = states.preview_update(TEMPLATE, old, tagged, difference(TEMPLATE, old, tagged), {})
    assert preview["latestVersion"] is UNKNOWN  # A change of tags makes no version, but the official preview shows one.
    assert preview["tagsAll"] == {"a": "1"}
    described = {**inputs, "description": "d"}
    preview = states.preview_update(TEMPLATE, old, described, difference(TEMPLATE, old, described), {})
    assert (preview["latestVersion"], preview["defaultVersion"]) == (1, 1)


def test_a_preview_drops_what_the_program_no_longer_sets():
    old = State("x", {"description": "d", "name": "x", "arn": "arn"}, {"description": "d", "name": "x"})
    preview = states.preview_update(ROLE, old, {"name": "x"}, difference(ROLE, old, {"name": "x"}), {})
    assert "description" not in preview


def test_a_document_with_an_unknown_part_is_unknown():
    resource = Resource("urn:pulumi:dev::p::aws:iam/role:Role::r", "aws:iam/role:Role", "r")
    trust = {"Statement": [{"Principal": {"Federated": UNKNOWN}}]}
    checked = checks.check(ROLE, resource, {}, {"assumeRolePolicy": trust}, Naming(b"1"))
    assert checked.inputs["assumeRolePolicy"] is UNKNOWN


# Inputs of what exists


def test_an_import_returns_what_a_program_would_have_to_set():
    live = {
        "clusterName": "c",
        "nodeGroupName": "g",
        "nodeRoleArn": "r",
        "subnetIds": ["a"],
        "scalingConfig": {"minSize": 0, "maxSize": 2, "desiredSize": 0},
        "labels": {},
        "taints": [{"key": "k", "effect": "NO_SCHEDULE"}],
        "version": "1.34",
        "status": "ACTIVE",
    }
    expected = {key: live[key] for key in live if key not in ("labels", "version", "status")}
    assert states.live_inputs(NODE_GROUP, {}, live) == expected | {"__defaults": []}


def test_a_size_that_fell_to_nothing_is_still_an_input():
    old = {"scalingConfig": {"minSize": 0, "maxSize": 2, "desiredSize": 2}, "__defaults": []}
    live = {"scalingConfig": {"minSize": 0, "maxSize": 2, "desiredSize": 0}}
    assert states.live_inputs(NODE_GROUP, old, live)["scalingConfig"]["desiredSize"] == 0


def test_the_sdk_that_is_installed_is_the_one_that_the_stand_in_stands_for():
    from sandbox.providers.aws.provider import AwsProvider

    assert AwsProvider.version == f"{pulumi_aws._utilities.get_version()}+sandbox"
