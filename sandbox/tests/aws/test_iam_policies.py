"""The policy simulator, managed policies and their versions, OIDC providers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.tests.aws.support import ACCOUNT, Aws, code, policy, trust

SET = "autoscaling:SetDesiredCapacity"
GROUPS = f"arn:aws:autoscaling:us-east-1:{ACCOUNT}:autoScalingGroup:1:autoScalingGroupName"
TAG = "aws:ResourceTag/k8s.io/cluster-autoscaler/demo"
SCALING = policy(
    {"Action": SET, "Resource": f"{GROUPS}/*", "Condition": {"StringEquals": {TAG: "owned"}}},
    {"Effect": "Deny", "Action": "autoscaling:DeleteAutoScalingGroup"},
)


def entry(key: str, *values: str) -> dict[str, Any]:
    kind = "string" if len(values) == 1 else "stringList"
    return {"ContextKeyName": key, "ContextKeyValues": list(values), "ContextKeyType": kind}


def decisions(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (one["EvalActionName"].split(":")[1], one["EvalResourceName"].rsplit("/", 1)[-1], one["EvalDecision"])
        for one in answer["EvaluationResults"]
    ]


@pytest.fixture
def simulate(aws: Aws, name: str) -> Callable[..., Any]:
    """Simulates actions of a new role with these inline policies, managed policies and boundary."""

    def answer(
        actions: list[str], *inline: str, attached: str = "", boundary: str = "", **arguments: Any
    ) -> dict[str, Any]:
        iam, limits = aws("iam"), {"PermissionsBoundary": boundary} if boundary else {}
        role = iam.create_role(RoleName=name, Path="/team/", AssumeRolePolicyDocument=trust(), **limits)["Role"]["Arn"]
        for number, document in enumerate(inline):
            iam.put_role_policy(RoleName=name, PolicyName=f"p{number}", PolicyDocument=document)
        if attached:
            iam.attach_role_policy(RoleName=name, PolicyArn=attached)
        found = iam.simulate_principal_policy(PolicySourceArn=role, ActionNames=actions, **arguments)
        if attached:
            iam.detach_role_policy(RoleName=name, PolicyArn=attached)
        for number in range(len(inline)):
            iam.delete_role_policy(RoleName=name, PolicyName=f"p{number}")
        iam.delete_role(RoleName=name)
        return dict(found)

    return answer


def test_every_action_is_simulated_on_every_resource_with_the_context(simulate: Callable[..., Any]) -> None:
    def scaling(*entries: dict[str, Any]) -> Any:
        actions, groups = [SET, "autoscaling:DeleteAutoScalingGroup"], [f"{GROUPS}/a", f"{GROUPS}/b"]
        return simulate(actions, SCALING, ResourceArns=groups, ContextEntries=list(entries))

    owned = scaling(entry(TAG, "owned"))
    assert decisions(owned) == [
        ("SetDesiredCapacity", "a", "allowed"),
        ("SetDesiredCapacity", "b", "allowed"),
        ("DeleteAutoScalingGroup", "a", "explicitDeny"),
        ("DeleteAutoScalingGroup", "b", "explicitDeny"),
    ]
    assert owned["EvaluationResults"][0]["MissingContextValues"] == []
    assert decisions(scaling(entry(TAG, "shared")))[0] == ("SetDesiredCapacity", "a", "implicitDeny")
    without = scaling()
    assert decisions(without)[0] == ("SetDesiredCapacity", "a", "implicitDeny")
    assert without["EvaluationResults"][0]["MissingContextValues"] == [TAG]


def test_a_principal_is_simulated_with_its_policies_path_and_boundary(
    aws: Aws, simulate: Callable[..., Any], name: str
) -> None:
    iam = aws("iam")
    arn = iam.create_policy(PolicyName=name, PolicyDocument=policy({"Action": ["autoscaling:*"]}))["Policy"]["Arn"]
    actions, inline = [SET, "ec2:DescribeImages", "iam:CreateUser"], policy({"Action": "ec2:Describe*"})
    answer = simulate(actions, inline, attached=arn)
    assert [one[2] for one in decisions(answer)] == ["allowed", "allowed", "implicitDeny"]
    limited = simulate(actions, policy({"Action": "*"}), boundary=arn)["EvaluationResults"]
    assert [
        (one["EvalDecision"], one["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"])
        for one in limited
    ] == [("allowed", True), ("implicitDeny", False), ("implicitDeny", False)]
    user = f"arn:aws:iam::{ACCOUNT}:user/sandbox"
    assert decisions(iam.simulate_principal_policy(PolicySourceArn=user, ActionNames=["iam:CreateUser"]))[0][2] == (
        "allowed"
    )


@pytest.mark.parametrize(
    ("source", "more", "expected"),
    [
        (f"arn:aws:iam::{ACCOUNT}:role/absent", {}, "NoSuchEntity"),
        (f"arn:aws:iam::{ACCOUNT}:user/path/sandbox", {}, "NoSuchEntity"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/x/y", {}, "InvalidInput"),
        (f"arn:aws:iam::{ACCOUNT}:user/sandbox", {"ActionNames": ["SetDesiredCapacity"]}, "InvalidInput"),
        (f"arn:aws:iam::{ACCOUNT}:user/sandbox", {"ResourcePolicy": SCALING}, "InvalidInput"),
    ],
)
def test_what_cannot_be_simulated_is_refused(aws: Aws, source: str, more: dict[str, Any], expected: str) -> None:
    with pytest.raises(ClientError) as error:
        aws("iam").simulate_principal_policy(**({"PolicySourceArn": source, "ActionNames": [SET]} | more))
    assert code(error) == expected


def test_actions_that_no_program_asks_for_are_refused(aws: Aws) -> None:
    for call in (
        lambda: aws("iam").simulate_custom_policy(PolicyInputList=[SCALING], ActionNames=[SET]),
        lambda: aws("iam").attach_group_policy(GroupName="any", PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/any"),
        lambda: aws("autoscaling").describe_auto_scaling_instances(),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert code(error) == "InvalidAction"


@pytest.mark.parametrize(
    ("managed", "action"),
    [
        ("AmazonEKSClusterPolicy", "ec2:DescribeSubnets"),
        ("AmazonEKSWorkerNodePolicy", "eks-auth:AssumeRoleForPodIdentity"),
        ("AmazonEKSWorkerNodeMinimalPolicy", "eks-auth:AssumeRoleForPodIdentity"),
        ("AmazonEKS_CNI_Policy", "ec2:AssignPrivateIpAddresses"),
        ("AmazonEC2ContainerRegistryPullOnly", "ecr:BatchGetImage"),
        ("AmazonEC2ContainerRegistryReadOnly", "ecr:DescribeImages"),
        ("AmazonSSMManagedInstanceCore", "ssmmessages:CreateDataChannel"),
        ("AmazonEKSVPCResourceController", "ec2:CreateNetworkInterface"),
        ("AmazonEKSServicePolicy", "eks:UpdateClusterVersion"),
        ("AutoScalingFullAccess", "autoscaling:DeleteAutoScalingGroup"),
        ("AutoScalingReadOnlyAccess", "autoscaling:DescribeTags"),
        ("AdministratorAccess", "iam:CreateUser"),
        ("service-role/AmazonEBSCSIDriverPolicy", "ec2:DescribeVolumes"),
    ],
)
def test_aws_managed_policies_have_their_real_documents(
    aws: Aws, simulate: Callable[..., Any], managed: str, action: str
) -> None:
    arn = f"arn:aws:iam::aws:policy/{managed}"
    shown = aws("iam").get_policy(PolicyArn=arn)["Policy"]
    assert f"{shown['Path'].lstrip('/')}{shown['PolicyName']}" == managed
    others = "allowed" if managed == "AdministratorAccess" else "implicitDeny"
    answer = simulate([action, "s3:PutObject"], attached=arn)
    assert [one[2] for one in decisions(answer)] == ["allowed", others]


def test_only_policies_that_exist_can_be_attached(aws: Aws, name: str) -> None:
    iam = aws("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust())
    iam.create_user(UserName=name)
    for absent in ("arn:aws:iam::aws:policy/AmazonEKSAbsentPolicy", f"arn:aws:iam::{ACCOUNT}:policy/absent"):
        for attach in (
            lambda arn: iam.attach_role_policy(RoleName=name, PolicyArn=arn),
            lambda arn: iam.attach_user_policy(UserName=name, PolicyArn=arn),
        ):
            with pytest.raises(ClientError) as error:
                attach(absent)
            assert code(error) == "NoSuchEntity"
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []


def test_tags_and_descriptions_keep_every_character(aws: Aws, name: str) -> None:
    iam, tags = aws("iam"), [{"Key": "team", "Value": "R&D <core>"}]
    iam.create_role(RoleName=name, Description="CA's <role> & more", AssumeRolePolicyDocument=trust(), Tags=tags)
    iam.create_policy(PolicyName=name, Description="<&>", PolicyDocument=SCALING, Tags=tags)
    iam.create_user(UserName=name, Tags=tags)
    iam.create_instance_profile(InstanceProfileName=name, Tags=tags)
    role = iam.get_role(RoleName=name)["Role"]
    assert (role["Description"], role["Tags"]) == ("CA's <role> & more", tags)
    assert role["AssumeRolePolicyDocument"] == json.loads(trust())
    assert iam.get_policy(PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/{name}")["Policy"]["Tags"] == tags
    assert iam.get_user(UserName=name)["User"]["Tags"] == tags
    assert iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Tags"] == tags


def test_an_oidc_provider_can_be_made_read_changed_and_tagged(aws: Aws, name: str) -> None:
    iam, host = aws("iam"), f"oidc.eks.us-east-1.amazonaws.com/id/{name}"
    arn = iam.create_open_id_connect_provider(
        Url=f"https://{host}", ClientIDList=["sts.amazonaws.com"], Tags=[{"Key": "a", "Value": "1"}]
    )["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"
    made = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert made["Url"] == host
    assert len(made["ThumbprintList"][0]) == 40
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["a" * 40])
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="another")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="sts.amazonaws.com")
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "b", "Value": "R&D"}])
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["a"])
    changed = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (changed["ThumbprintList"], changed["ClientIDList"]) == (["a" * 40], ["another"])
    assert changed["Tags"] == [{"Key": "b", "Value": "R&D"}]
    with pytest.raises(ClientError) as error:
        iam.create_open_id_connect_provider(Url=f"https://{host}")
    assert code(error) == "EntityAlreadyExists"
    with pytest.raises(ClientError, match="expected https"):
        iam.create_open_id_connect_provider(Url=f"http://{host}")
    with pytest.raises(ClientError) as error:
        iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=f"{arn}-absent", Tags=[])
    assert code(error) == "NoSuchEntity"


def test_tag_keys_that_differ_only_in_case_are_refused(aws: Aws, name: str) -> None:
    iam, tags = aws("iam"), [{"Key": "owner", "Value": "a"}, {"Key": "Owner", "Value": "b"}]
    document = trust({"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, Tags=tags[:1])
    provider = iam.create_open_id_connect_provider(Url=f"https://example.com/{name}", ClientIDList=["a"])
    for call in (
        lambda: iam.create_role(RoleName=f"{name}-2", AssumeRolePolicyDocument=document, Tags=tags),
        lambda: iam.create_policy(PolicyName=name, PolicyDocument=SCALING, Tags=tags),
        lambda: iam.tag_role(RoleName=name, Tags=tags),
        lambda: iam.tag_open_id_connect_provider(
            OpenIDConnectProviderArn=provider["OpenIDConnectProviderArn"], Tags=tags
        ),
    ):
        with pytest.raises(ClientError, match="Duplicate tag keys found") as error:
            call()
        assert code(error) == "InvalidInput"
    assert [tag["Key"] for tag in iam.list_role_tags(RoleName=name)["Tags"]] == ["owner"]
