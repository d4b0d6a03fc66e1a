"""The rules that all resource types of the `aws` stand-in share."""

import json
import re
import time

import grpc
import pytest

from sandbox.providers.values import UNKNOWN, decode
from sandbox.tests.aws.support import REGION, SUBNETS, policy, trust
from sandbox.tests.providers.aws.control_planes import ControlPlanes
from sandbox.tests.providers.aws.lifecycle import answered, differences, kinds, made, removed, unchanged
from sandbox.tests.providers.protocol_client import Recorded, connected, initialization_error

ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
VPC = "aws:ec2/vpc:Vpc"
CLUSTER = "aws:eks/cluster:Cluster"
CLUSTER_ROLE = "arn:aws:iam::123456789012:role/c"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
TRUST = trust({"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})


@pytest.fixture
def configured(provider_port):
    """Calls a function with a provider instance of a separate configuration."""
    connections = []

    def configure(**config):
        connection = connected(provider_port, "aws")
        engine = connection.__enter__()
        connections.append(connection)
        engine.configure(**config)
        return engine

    yield configure
    for connection in connections:
        connection.__exit__(None, None, None)


def refusal(code, *texts):
    """An answer of the provider that is an error with this code and all of these texts."""
    return pytest.raises(
        grpc.RpcError, check=lambda error: error.code() == code and all(text in error.details() for text in texts)
    )


# What it does not know


def test_an_unknown_resource_type_is_refused_with_the_known_ones(engine):
    known = ("aws:s3/bucket:Bucket", "the sandbox's stand-in", "aws:eks/nodeGroup:NodeGroup", "aws:iam/role:Role")
    with refusal(grpc.StatusCode.UNIMPLEMENTED, *known):
        engine.check("aws:s3/bucket:Bucket", {})


def test_an_unknown_function_is_refused_with_the_known_ones(engine):
    known = ("aws:index/getAmi:getAmi", "the sandbox's stand-in", "aws:eks/getCluster:getCluster")
    with refusal(grpc.StatusCode.UNIMPLEMENTED, *known):
        engine.invoke("aws:index/getAmi:getAmi")


def test_a_function_with_wrong_arguments_is_refused(engine):
    with refusal(grpc.StatusCode.FAILED_PRECONDITION, "unknown property 'nmae'", "'name' is missing"):
        engine.invoke("aws:eks/getCluster:getCluster", nmae="x")


# Checks


def test_all_faults_of_the_properties_are_reported_together(engine):
    inputs = {
        "clusterNam": "x",
        "nodeRoleArn": 3,
        "subnetIds": "subnet-1",
        "scalingConfig": {"minSize": "1", "maxSize": 2, "desiredSize": 1, "max": 3},
        "taints": [{"key": "a", "effect": "NO_SCHEDULE", "operator": "Exists"}],
        "labels": {"a": 1},
    }
    _, failures = engine.check(NODE_GROUP, inputs)
    assert failures["clusterNam"].startswith(
        "unknown property 'clusterNam'; did you mean 'clusterName'? Known: amiType,"
    )
    assert failures["scalingConfig.max"].endswith("Known: desiredSize, maxSize, minSize")
    assert failures["taints[0].operator"].endswith("Known: effect, key, value")
    unexpected = {path: reason for path, reason in failures.items() if "Known" not in reason}
    assert unexpected == {
        "clusterName": "required property 'clusterName' is missing",
        "nodeRoleArn": "expected a string, got a number",
        "subnetIds": "expected a list, got a string",
        "scalingConfig.minSize": "expected a number, got a string",
        "labels.a": "expected a string, got a number",
    }


def test_values_that_aws_does_not_know_are_reported_before_anything_is_made(engine):
    inputs = {
        "clusterName": "x",
        "nodeRoleArn": "arn",
        "subnetIds": ["subnet-1"],
        "scalingConfig": {"minSize": 0, "maxSize": 1, "desiredSize": 0},
        "capacityType": "RESERVED",
        "taints": [{"key": "a", "effect": "NoSchedule"}],
    }
    _, failures = engine.check(NODE_GROUP, inputs)
    assert set(failures) == {"capacityType", "taints[0].effect"}
    assert "'NoSchedule' is not one of NO_SCHEDULE, NO_EXECUTE, PREFER_NO_SCHEDULE" in failures["taints[0].effect"]


def test_a_document_that_is_no_json_is_refused_before_anything_is_made(engine):
    _, failures = engine.check(POLICY, {"policy": '{"Version": '})
    assert failures["policy"].startswith("not a JSON document: ")
    _, failures = engine.check(POLICY, {"policy": "[]"})
    assert failures["policy"] == "not a JSON object"


def test_what_the_official_provider_has_and_the_stand_in_does_not_is_refused_by_name(engine):
    inputs = {
        "roleArn": CLUSTER_ROLE,
        "vpcConfig": {"subnetIds": SUBNETS},
        "computeConfig": {"enabled": True},
    }
    _, failures = engine.check(CLUSTER, inputs)
    assert list(failures) == ["computeConfig"]
    assert "the sandbox's stand-in" in failures["computeConfig"]


# Names


def test_a_made_up_name_is_the_same_in_preview_and_apply_and_stays(engine):
    first = engine.accept(ROLE, {"assumeRolePolicy": TRUST})
    again = engine.accept(ROLE, {"assumeRolePolicy": TRUST})
    assert first["name"] == again["name"]
    assert first["name"].startswith("it-")
    later = engine.accept(ROLE, {"assumeRolePolicy": TRUST, "description": "x"}, {**first, "name": "it-1234567"})
    assert later["name"] == "it-1234567"


def test_a_name_that_the_program_no_longer_gives_is_generated_again(engine):
    given = engine.accept(ROLE, {"name": "given", "assumeRolePolicy": TRUST})
    assert engine.accept(ROLE, {"assumeRolePolicy": TRUST}, given)["name"].startswith("it-")


def test_a_name_prefix_is_completed_when_the_resource_is_made(engine, name):
    inputs = {"namePrefix": f"{name}-", "assumeRolePolicy": TRUST}
    assert "name" not in engine.accept(ROLE, inputs)
    role = made(engine, ROLE, inputs)
    assert re.fullmatch(rf"{name}-[0-9a-f]{{26}}", role.id)
    assert role.outputs["name"] == role.id
    assert "name" not in engine.accept(ROLE, {"namePrefix": UNKNOWN, "assumeRolePolicy": TRUST})
    removed(engine, ROLE, role)


def test_the_stacks_naming_rule_is_followed(engine):
    from pulumi.runtime.proto import provider_pb2

    options = provider_pb2.CheckRequest.AutonamingOptions
    inputs = {"assumeRolePolicy": TRUST}
    checked, _ = engine.check(ROLE, inputs, autonaming=options(proposed_name="mine", mode=options.ENFORCE))
    assert checked["name"] == "mine"
    _, failures = engine.check(ROLE, inputs, autonaming=options(mode=options.DISABLE))
    assert "forbids made-up names" in failures["name"]


# Tags


def test_default_tags_join_the_resources_own(configured, cloud, name):
    engine = configured(region=REGION, defaultTags=json.dumps({"tags": {"owner": "platform", "team": "none"}}))
    inputs = {"name": name, "assumeRolePolicy": TRUST, "tags": {"team": "a"}}
    role = made(engine, ROLE, inputs)
    assert role.outputs["tags"] == {"team": "a"}
    assert role.outputs["tagsAll"] == {"owner": "platform", "team": "a"}
    live = cloud("iam").list_role_tags(RoleName=name)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in live} == {"owner": "platform", "team": "a"}

    renamed = configured(region=REGION, defaultTags=json.dumps({"tags": {"owner": "sre", "stage": "test"}}))
    changes = {"tagsAll.owner": "UPDATE", "tagsAll.stage": "ADD"}
    assert differences(renamed, ROLE, role, inputs) == changes
    role = renamed.update(ROLE, role, inputs)
    assert role.outputs["tagsAll"] == {"owner": "sre", "stage": "test", "team": "a"}
    unchanged(renamed, ROLE, role, inputs)
    cloud("iam").tag_role(RoleName=name, Tags=[{"Key": "owner", "Value": "another"}])
    refreshed = renamed.refresh(ROLE, role)
    assert "tagsAll.owner" in differences(renamed, ROLE, refreshed, inputs)
    removed(renamed, ROLE, role)


# Provider settings


def test_an_account_that_is_not_allowed_is_refused(configured):
    configured(region=REGION, allowedAccountIds='["123456789012"]')
    with refusal(grpc.StatusCode.FAILED_PRECONDITION, "AWS account ID not allowed: 123456789012", "999999999999"):
        configured(region=REGION, allowedAccountIds='["999999999999"]')
    with refusal(grpc.StatusCode.FAILED_PRECONDITION, "not allowed", "forbiddenAccountIds"):
        configured(region=REGION, forbiddenAccountIds='["123456789012"]')


def test_settings_that_mean_nothing_here_are_refused_by_name(engine):
    config = {"region": REGION, "regoin": "x", "assumeRoles": "[]", "defaultTags": '{"tags": {"a": 1}}'}
    _, failures = engine.check_config(config)
    assert set(failures) == {"regoin", "assumeRoles", "defaultTags.tags.a"}
    assert "did you mean 'region'" in failures["regoin"]
    assert "stand-in" in failures["assumeRoles"]


def test_the_settings_that_the_sdk_always_sends_are_accepted(engine):
    flags = ("skipCredentialsValidation", "skipRegionValidation", "skipMetadataApiCheck")
    _, failures = engine.check_config({"region": REGION, "version": "7.51.1", **dict.fromkeys(flags, "false")})
    assert failures == {}


def test_a_setting_that_is_not_known_yet_is_accepted(engine):
    _, failures = engine.check_config({"region": UNKNOWN, "allowedAccountIds": UNKNOWN})
    assert failures == {}


def test_credentials_that_aws_does_not_know_are_refused_when_the_provider_opens(configured):
    with refusal(grpc.StatusCode.FAILED_PRECONDITION, "opening the aws provider", "InvalidClientTokenId"):
        configured(region=REGION, accessKey="AKIAUNKNOWNUNKNOWN00", secretKey="x" * 40)


def test_the_environments_region_is_the_default(configured):
    assert configured().create(VPC, {"cidrBlock": "10.5.0.0/16"}).outputs["region"] == REGION


# Regions


def test_a_resource_may_live_in_another_region(engine, name):
    inputs = {"cidrBlock": "10.5.0.0/16", "region": "eu-west-1"}
    vpc = made(engine, VPC, inputs)
    assert vpc.outputs["region"] == "eu-west-1"
    assert vpc.outputs["arn"].startswith("arn:aws:ec2:eu-west-1:")
    response = engine.diff(VPC, vpc, {"cidrBlock": "10.5.0.0/16"})
    assert kinds(response) == {"region": "UPDATE_REPLACE"}
    removed(engine, VPC, vpc)


def test_another_region_of_the_provider_replaces_its_resources(engine, configured):
    vpc = made(engine, VPC, {"cidrBlock": "10.5.0.0/16"})
    elsewhere = configured(region="eu-west-1")
    assert kinds(elsewhere.diff(VPC, vpc, {"cidrBlock": "10.5.0.0/16"})) == {"region": "UPDATE_REPLACE"}
    removed(engine, VPC, vpc)


# Functions of the root module


def test_the_partition_is_reported(engine):
    partition = answered(engine, "aws:index/getPartition:getPartition")
    assert partition == {
        "dnsSuffix": "amazonaws.com",
        "id": "aws",
        "partition": "aws",
        "reverseDnsPrefix": "com.amazonaws",
    }


def test_region_and_caller_are_reported(engine):
    assert answered(engine, "aws:index/getRegion:getRegion")["region"] == "us-east-1"
    caller = answered(engine, "aws:index/getCallerIdentity:getCallerIdentity")
    assert (caller["accountId"], caller["arn"]) == ("123456789012", "arn:aws:iam::123456789012:user/sandbox")


# Differences


def test_an_unknown_value_is_a_change(engine):
    inputs = engine.accept(POLICY, {"name": "x", "policy": policy({"Action": "s3:Get"}), "tags": {"a": "1"}})
    old = Recorded("arn", inputs, {**inputs, "tagsAll": {"a": "1"}})
    changes = differences(engine, POLICY, old, {"name": "x", "policy": UNKNOWN, "tags": {"a": UNKNOWN, "b": "2"}})
    assert changes == {"policy": "UPDATE", "tags.a": "UPDATE", "tags.b": "ADD"}
    assert differences(engine, POLICY, old, {**inputs, "tags": UNKNOWN}) == {"tags": "UPDATE"}


def test_the_order_of_a_list_without_order_is_no_change(engine):
    inputs = engine.accept(CLUSTER, {"name": "x", "roleArn": CLUSTER_ROLE, "vpcConfig": {"subnetIds": ["a", "b"]}})
    old = Recorded("x", inputs, inputs)
    assert differences(engine, CLUSTER, old, {**inputs, "vpcConfig": {"subnetIds": ["b", "a"]}}) == {}


# Errors


def test_an_error_names_what_was_done_to_what_and_the_aws_code(engine, name):
    engine.create(ROLE, {"name": name, "assumeRolePolicy": TRUST})
    expected = f"creating {ROLE} 'it': EntityAlreadyExists (CreateRole): "
    with refusal(grpc.StatusCode.FAILED_PRECONDITION, expected, name):
        engine.create(ROLE, {"name": name, "assumeRolePolicy": TRUST})


def test_a_call_that_is_not_allowed_is_reported_as_such(configured, cloud, name):
    cloud("iam").create_user(UserName=name)
    key = cloud("iam").create_access_key(UserName=name)["AccessKey"]
    powerless = configured(region=REGION, accessKey=key["AccessKeyId"], secretKey=key["SecretAccessKey"])
    with refusal(grpc.StatusCode.FAILED_PRECONDITION, "AccessDenied (CreateRole)", f"user/{name}"):
        powerless.create(ROLE, {"name": name, "assumeRolePolicy": TRUST})


def test_throttled_calls_are_tried_again(engine, fault, name):
    fault("iam", "CreateRole", "throttle", 2)
    fault("iam", "GetRole", "throttle", 2)
    role = engine.create(ROLE, {"name": name, "assumeRolePolicy": TRUST})
    assert role.outputs["name"] == name


def test_calls_that_go_on_failing_are_given_up(engine, fault, name):
    fault("iam", "CreateRole", "throttle", "forever")
    started = time.monotonic()
    with refusal(grpc.StatusCode.FAILED_PRECONDITION, f"creating {ROLE} 'it': Throttling"):
        engine.create(ROLE, {"name": name, "assumeRolePolicy": TRUST})
    assert time.monotonic() - started < 60


# Things that stop half-way


def test_an_update_that_stops_half_way_records_what_was_done(engine, fault, name):
    inputs = {"name": name, "assumeRolePolicy": TRUST, "tags": {"a": "1"}}
    role = made(engine, ROLE, inputs)
    other = trust({"Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"})
    wanted = {**inputs, "assumeRolePolicy": other, "tags": {"a": "2"}}
    fault("iam", "TagRole", "throttle", "forever")
    with pytest.raises(grpc.RpcError) as caught:
        engine.update(ROLE, role, wanted)
    failed = initialization_error(caught.value)
    assert failed.id == name
    [reason] = failed.reasons
    assert reason.startswith(f"updating {ROLE} 'it': ")
    assert "(TagRole)" in reason
    outputs = decode(failed.properties)
    assert json.loads(outputs["assumeRolePolicy"]) == json.loads(other)
    assert outputs["tags"] == {"a": "1"}
    # The engine records the new inputs with these outputs: what is left to do must still show.
    recorded = Recorded(name, engine.accept(ROLE, wanted, role.inputs), outputs)
    assert differences(engine, ROLE, recorded, wanted) == {"tags.a": "UPDATE"}


def test_a_cluster_that_does_not_become_active_in_time_is_recorded(engine, name, cluster_role, emulator):
    inputs = {"name": name, "roleArn": cluster_role, "vpcConfig": {"subnetIds": SUBNETS[:2]}}
    with pytest.raises(grpc.RpcError) as caught:
        engine.create(CLUSTER, inputs, timeout=0.5)
    failed = initialization_error(caught.value)
    assert failed.id == name
    assert list(failed.reasons) == [f"timed out after 0.5 s waiting for EKS cluster {name} to become ACTIVE"]
    outputs = decode(failed.properties)
    assert outputs["status"] == "CREATING"
    recorded = Recorded(name, engine.accept(CLUSTER, inputs), outputs)
    # The next run sees no difference but a resource with errors: it updates, which goes on waiting.
    with ControlPlanes(emulator):
        cluster = engine.update(CLUSTER, recorded, inputs)
    assert cluster.outputs["status"] == "ACTIVE"
    removed(engine, CLUSTER, cluster)


def test_a_node_group_without_capacity_reports_why_and_is_recorded(engine, cluster, node_role, fault):
    inputs = {
        "clusterName": cluster.id,
        "nodeGroupName": "unlucky",
        "nodeRoleArn": node_role,
        "subnetIds": SUBNETS[:2],
        "scalingConfig": {"minSize": 1, "maxSize": 1, "desiredSize": 1},
    }
    fault("ec2", "RunInstances", "capacity", "forever")
    with pytest.raises(grpc.RpcError) as caught:
        engine.create(NODE_GROUP, inputs)
    failed = initialization_error(caught.value)
    assert failed.id == f"{cluster.id}:unlucky"
    assert "AsgInstanceLaunchFailures" in failed.reasons[0]
    outputs = decode(failed.properties)
    removed(engine, NODE_GROUP, Recorded(failed.id, engine.accept(NODE_GROUP, inputs), outputs))


def test_a_resource_that_vanished_before_its_update_is_reported(engine, cloud, name):
    inputs = {"name": name, "assumeRolePolicy": TRUST, "tags": {"a": "1"}}
    role = made(engine, ROLE, inputs)
    cloud("iam").delete_role(RoleName=name)
    with refusal(grpc.StatusCode.FAILED_PRECONDITION, f"updating {ROLE} 'it': NoSuchEntity"):
        engine.update(ROLE, role, {**inputs, "tags": {"a": "2"}})


def test_a_wait_ends_when_the_user_gives_up(engine, name, cluster_role, provider_port):
    inputs = {"name": name, "roleArn": cluster_role, "vpcConfig": {"subnetIds": SUBNETS[:2]}}
    creating = engine.start_create(CLUSTER, inputs)
    time.sleep(1)
    engine.cancel()
    error = creating.exception(timeout=10)
    assert initialization_error(error).reasons[0] == "cancelled"
    engine.delete(CLUSTER, Recorded(name, {}, {}))
