"""Who may do what: identity policies, conditions on tags, boundaries, exact ARNs; and that no call gets around them."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.tests.aws.support import ACCOUNT, REGION, Aws, Cluster, code, policy, trust

MakeGroup = Callable[..., str]

SET = "autoscaling:SetDesiredCapacity"


@pytest.fixture
def assume(aws: Aws, name: str) -> Callable[..., dict[str, str]]:
    """Keys of a session of a new role with these policy statements."""

    def session(*statements: dict[str, Any], boundary: str = "", path: str = "/") -> dict[str, str]:
        iam = aws("iam")
        role = iam.create_role(
            RoleName=name,
            Path=path,
            AssumeRolePolicyDocument=trust(
                {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/sandbox"}, "Action": "sts:AssumeRole"}
            ),
            **({"PermissionsBoundary": boundary} if boundary else {}),
        )["Role"]["Arn"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy(*statements))
        given = aws("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        return {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }

    return session


def allowed(call: Callable[[], Any]) -> bool:
    """Whether IAM lets a call through."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation"):
            raise
        return False
    return True


# Each case: the role's statements, and whether it may set the capacity of the group tagged owned, and of the other.
# {owned} stands for the ARN of the first, {discovery} for the tag key.
TRUTH_TABLE = {
    "no policy": ([], False, False),
    "no condition": ([{"Action": SET}], True, True),
    "explicit deny": ([{"Action": SET}, {"Effect": "Deny", "Action": SET}], False, False),
    "aws:ResourceTag": (
        [{"Action": SET, "Condition": {"StringEquals": {"aws:ResourceTag/{discovery}": "owned"}}}],
        True,
        False,
    ),
    "autoscaling:ResourceTag": (
        [{"Action": SET, "Condition": {"StringEquals": {"autoscaling:ResourceTag/{discovery}": "owned"}}}],
        True,
        False,
    ),
    "region eu": (
        [{"Action": SET, "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}}],
        False,
        False,
    ),
    "region us": (
        [{"Action": SET, "Condition": {"StringEquals": {"aws:RequestedRegion": REGION}}}],
        True,
        True,
    ),
    "exact ARN": ([{"Action": SET, "Resource": "{owned}"}], True, False),
    "ARN with any id": (
        [
            {
                "Action": SET,
                "Resource": f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:*:autoScalingGroupName/"
                "{name}-owned",
            }
        ],
        True,
        False,
    ),
    "other action": ([{"Action": "autoscaling:Describe*"}], False, False),
}


@pytest.mark.parametrize("case", TRUTH_TABLE)
def test_the_truth_table_of_a_scaling_permission(
    aws: Aws, assume: Callable[..., dict[str, str]], scaling_group: MakeGroup, name: str, case: str
) -> None:
    discovery = f"k8s.io/cluster-autoscaler/{name}"
    owned = scaling_group("-owned", DesiredCapacity=0, tags={discovery: "owned"})
    other = scaling_group("-other", DesiredCapacity=0, tags={discovery: "shared"})
    arn = aws("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[owned])["AutoScalingGroups"][0][
        "AutoScalingGroupARN"
    ]
    statements, may_own, may_other = TRUTH_TABLE[case]
    text = json.dumps(statements).replace("{discovery}", discovery).replace("{owned}", arn).replace("{name}", name)
    client = aws("autoscaling", assume(*json.loads(text)))
    found = [
        allowed(partial(client.set_desired_capacity, AutoScalingGroupName=group, DesiredCapacity=0))
        for group in (owned, other)
    ]
    assert found == [may_own, may_other]


def test_terminating_is_checked_against_the_group_of_the_instance(
    aws: Aws, assume: Callable[..., dict[str, str]], scaling_group: MakeGroup
) -> None:
    owned, other = scaling_group("-a", tags={"owner": "us"}), scaling_group("-b", tags={"owner": "them"})
    client = aws(
        "autoscaling",
        assume(
            {
                "Action": "autoscaling:TerminateInstanceInAutoScalingGroup",
                "Condition": {"StringEquals": {"aws:ResourceTag/owner": "us"}},
            }
        ),
    )
    groups = aws("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[owned, other])["AutoScalingGroups"]
    found = {
        group["AutoScalingGroupName"]: allowed(
            partial(
                client.terminate_instance_in_auto_scaling_group,
                InstanceId=group["Instances"][0]["InstanceId"],
                ShouldDecrementDesiredCapacity=True,
            )
        )
        for group in groups
    }
    assert found == {owned: True, other: False}


def test_what_the_autoscaler_must_not_do_is_denied_in_every_service(
    aws: Aws, assume: Callable[..., dict[str, str]], scaling_group: MakeGroup
) -> None:
    group = scaling_group(DesiredCapacity=0)
    keys = assume({"Action": ["autoscaling:Describe*", SET]})
    assert allowed(lambda: aws("autoscaling", keys).describe_auto_scaling_groups())
    forbidden = [
        lambda: aws("autoscaling", keys).delete_auto_scaling_group(AutoScalingGroupName=group),
        lambda: aws("autoscaling", keys).update_auto_scaling_group(AutoScalingGroupName=group, MaxSize=9),
        lambda: aws("iam", keys).list_users(),
        lambda: aws("ec2", keys).describe_instances(),
        lambda: aws("eks", keys).list_clusters(),
        lambda: aws("ssm", keys).get_parameter(Name="x"),
    ]
    assert [allowed(call) for call in forbidden] == [False] * len(forbidden)


def test_a_refusal_names_principal_action_and_resource(
    aws: Aws, assume: Callable[..., dict[str, str]], scaling_group: MakeGroup, name: str
) -> None:
    group = scaling_group(DesiredCapacity=0)
    client = aws("autoscaling", assume())
    with pytest.raises(ClientError) as error:
        client.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=0)
    message = error.value.response["Error"]["Message"]
    assert f"assumed-role/{name}/test is not authorized to perform: {SET} on resource: arn:aws:autoscaling" in message
    assert "no identity-based policy allows" in message


@pytest.mark.parametrize(("kind", "may"), [("*", True), ("vpc/*", True), ("subnet/*", False)])
def test_what_ec2_creates_has_a_type_before_it_has_an_id(
    aws: Aws, assume: Callable[..., dict[str, str]], kind: str, may: bool
) -> None:
    keys = assume({"Action": "ec2:CreateVpc", "Resource": f"arn:aws:ec2:{REGION}:{ACCOUNT}:{kind}"})
    assert allowed(lambda: aws("ec2", keys).create_vpc(CidrBlock="10.2.0.0/16")) is may


@pytest.mark.parametrize(("ending", "may"), [("*", True), ("x", False)])
def test_an_instance_profile_is_created_and_filled_by_its_own_name(
    aws: Aws, assume: Callable[..., dict[str, str]], name: str, ending: str, may: bool
) -> None:
    actions = ["iam:CreateInstanceProfile", "iam:AddRoleToInstanceProfile"]
    resource = f"arn:aws:iam::{ACCOUNT}:instance-profile/nodes/{name[:-1]}{ending}"
    iam = aws("iam", assume({"Action": actions, "Resource": resource}))
    assert allowed(lambda: iam.create_instance_profile(InstanceProfileName=name, Path="/nodes/")) is may
    if not may:
        aws("iam").create_instance_profile(InstanceProfileName=name, Path="/nodes/")
    assert allowed(lambda: iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)) is may


def test_a_node_group_permission_can_be_for_one_cluster(
    aws: Aws, assume: Callable[..., dict[str, str]], cluster: Cluster, node_group: dict[str, Any]
) -> None:
    def statement(resource: str) -> dict[str, Any]:
        return {"Action": "eks:DescribeNodegroup", "Resource": f"arn:aws:eks:{REGION}:{ACCOUNT}:{resource}"}

    keys = assume(statement(f"nodegroup/{cluster.name}/*/*"))

    def describe(cluster_name: str, keys: dict[str, str]) -> Any:
        return aws("eks", keys).describe_nodegroup(clusterName=cluster_name, nodegroupName="workers")

    assert allowed(lambda: describe(cluster.name, keys))
    assert not allowed(lambda: aws("eks", keys).describe_cluster(name=cluster.name))
    aws("iam").put_role_policy(
        RoleName=cluster.name, PolicyName="inline", PolicyDocument=policy(statement("nodegroup/another/*/*"))
    )
    assert not allowed(lambda: describe(cluster.name, keys))


def test_tags_of_clusters_and_instances_count_in_conditions(
    aws: Aws, assume: Callable[..., dict[str, str]], cluster: Cluster, node_group: dict[str, Any]
) -> None:
    aws("eks").tag_resource(resourceArn=cluster.arn, tags={"env": "test"})
    scaling = node_group["resources"]["autoScalingGroups"][0]["name"]
    group = aws("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[scaling])["AutoScalingGroups"][0]
    instance = group["Instances"][0]["InstanceId"]
    keys = assume(
        {"Action": "eks:DescribeCluster", "Condition": {"StringEquals": {"aws:ResourceTag/env": "test"}}},
        {
            "Action": "ec2:TerminateInstances",
            "Condition": {"StringEquals": {"ec2:ResourceTag/eks:cluster-name": "another"}},
        },
        {
            "Action": "ec2:RebootInstances",
            "Condition": {"StringEquals": {"ec2:ResourceTag/eks:cluster-name": cluster.name}},
        },
    )
    assert allowed(lambda: aws("eks", keys).describe_cluster(name=cluster.name))
    assert not allowed(lambda: aws("ec2", keys).terminate_instances(InstanceIds=[instance]))
    assert allowed(lambda: aws("ec2", keys).reboot_instances(InstanceIds=[instance]))


def test_policy_variables_are_filled_in(
    aws: Aws, assume: Callable[..., dict[str, str]], scaling_group: MakeGroup, name: str
) -> None:
    owned, other = scaling_group("-a", tags={"owner": "blue"}), scaling_group("-b", tags={"owner": "red"})
    keys = assume({"Action": SET, "Condition": {"StringEquals": {"aws:ResourceTag/owner": "${aws:PrincipalTag/team}"}}})

    def found() -> list[bool]:
        client = aws("autoscaling", keys)
        return [
            allowed(partial(client.set_desired_capacity, AutoScalingGroupName=group, DesiredCapacity=1))
            for group in (owned, other)
        ]

    assert found() == [False, False]
    aws("iam").tag_role(RoleName=name, Tags=[{"Key": "team", "Value": "blue"}])
    assert found() == [True, False]


def test_a_permissions_boundary_limits_what_the_policies_allow(
    aws: Aws, assume: Callable[..., dict[str, str]], scaling_group: MakeGroup, name: str
) -> None:
    group = scaling_group(DesiredCapacity=0)
    boundary = aws("iam").create_policy(
        PolicyName=f"{name}-boundary", PolicyDocument=policy({"Action": "autoscaling:Describe*"})
    )["Policy"]["Arn"]
    client = aws("autoscaling", assume({"Action": "autoscaling:*"}, boundary=boundary))
    assert allowed(lambda: client.describe_auto_scaling_groups())
    assert not allowed(lambda: client.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=0))
    aws("iam").delete_role_permissions_boundary(RoleName=name)
    assert allowed(lambda: client.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=0))


def test_a_role_with_a_path_is_known_by_its_own_arn(aws: Aws, assume: Callable[..., dict[str, str]], name: str) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/team/{name}"
    keys = assume({"Action": "iam:GetRole", "Resource": arn}, path="/team/")
    assert aws("iam", keys).get_role(RoleName=name)["Role"]["Arn"] == arn


@pytest.mark.parametrize(
    "keys",
    [
        {"aws_access_key_id": "test", "aws_secret_access_key": "test"},
        {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "test"},
        {"aws_access_key_id": "AKIAUNKNOWN000000000", "aws_secret_access_key": "x"},
    ],
)
def test_there_is_no_root_key_and_no_unknown_key(aws: Aws, keys: dict[str, str]) -> None:
    for call in (aws("sts", keys).get_caller_identity, aws("iam", keys).list_users, aws("ec2", keys).describe_vpcs):
        with pytest.raises(ClientError) as error:
            call()
        assert code(error) in ("InvalidClientTokenId", "AuthFailure", "UnrecognizedClientException")


def test_a_wrong_secret_is_refused(aws: Aws, emulator: Any) -> None:
    keys = emulator.user_keys() | {"aws_secret_access_key": "wrong"}
    with pytest.raises(ClientError) as error:
        aws("iam", keys).list_users()
    assert code(error) == "SignatureDoesNotMatch"


def test_an_absent_role_cannot_be_assumed(aws: Aws) -> None:
    with pytest.raises(ClientError) as error:
        aws("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/absent", RoleSessionName="test")
    assert code(error) == "AccessDenied"


def test_a_dry_run_shows_whether_the_call_would_be_allowed(
    aws: Aws, assume: Callable[..., dict[str, str]], name: str
) -> None:
    keys = assume({"Action": "ec2:DescribeImages"})
    with pytest.raises(ClientError) as error:
        aws("ec2", keys).describe_images(DryRun=True)
    assert code(error) == "DryRunOperation"
    with pytest.raises(ClientError) as error:
        aws("ec2", keys).describe_instance_types(DryRun=True)
    assert code(error) == "UnauthorizedOperation"
