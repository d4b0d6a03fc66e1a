"""The policy simulators, managed policies and their versions, OIDC providers."""

from __future__ import annotations

import json
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


def test_every_action_is_simulated_on_every_resource_with_the_context(aws: Aws) -> None:
    def simulate(**arguments: Any) -> dict[str, Any]:
        return dict(
            aws("iam").simulate_custom_policy(
                PolicyInputList=[SCALING],
                ActionNames=[SET, "autoscaling:DeleteAutoScalingGroup"],
                ResourceArns=[f"{GROUPS}/a", f"{GROUPS}/b"],
                **arguments,
            )
        )

    owned = simulate(ContextEntries=[entry(TAG, "owned")])
    assert decisions(owned) == [
        ("SetDesiredCapacity", "a", "allowed"),
        ("SetDesiredCapacity", "b", "allowed"),
        ("DeleteAutoScalingGroup", "a", "explicitDeny"),
        ("DeleteAutoScalingGroup", "b", "explicitDeny"),
    ]
    assert owned["EvaluationResults"][0]["MissingContextValues"] == []
    other = simulate(ContextEntries=[entry(TAG, "shared")])
    assert decisions(other)[0] == ("SetDesiredCapacity", "a", "implicitDeny")
    without = simulate()
    assert decisions(without)[0] == ("SetDesiredCapacity", "a", "implicitDeny")
    assert without["EvaluationResults"][0]["MissingContextValues"] == [TAG]


def test_a_principal_is_simulated_with_its_attached_and_inline_policies_and_path(aws: Aws, name: str) -> None:
    iam = aws("iam")
    role = iam.create_role(RoleName=name, Path="/team/", AssumeRolePolicyDocument=trust())["Role"]["Arn"]
    arn = iam.create_policy(PolicyName=name, PolicyDocument=SCALING)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    iam.put_role_policy(RoleName=name, PolicyName="x", PolicyDocument=policy({"Action": "ec2:Describe*"}))
    answer = iam.simulate_principal_policy(
        PolicySourceArn=role,
        ActionNames=[SET, "ec2:DescribeImages", "iam:CreateUser"],
        ResourceArns=[f"{GROUPS}/a"],
        ContextEntries=[entry(TAG, "owned")],
    )
    assert [one[2] for one in decisions(answer)] == ["allowed", "allowed", "implicitDeny"]
    user = f"arn:aws:iam::{ACCOUNT}:user/sandbox"
    answer = iam.simulate_principal_policy(PolicySourceArn=user, ActionNames=["iam:CreateUser"])
    assert [one[2] for one in decisions(answer)] == ["allowed"]
    for absent in (f"arn:aws:iam::{ACCOUNT}:role/{name}", f"arn:aws:iam::{ACCOUNT}:role/absent"):
        with pytest.raises(ClientError) as error:
            iam.simulate_principal_policy(PolicySourceArn=absent, ActionNames=[SET])
        assert code(error) == "NoSuchEntity"
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/x"
    with pytest.raises(ClientError) as error:
        iam.simulate_principal_policy(PolicySourceArn=session, ActionNames=[SET])
    assert code(error) == "InvalidInput"


def test_the_simulator_honours_permissions_boundaries(aws: Aws, name: str) -> None:
    iam = aws("iam")
    boundary = policy({"Action": "autoscaling:Describe*"})
    everything = policy({"Action": "autoscaling:*"})
    actions = ["autoscaling:DescribeTags", SET]

    def checked(answer: dict[str, Any]) -> list[tuple[str, bool]]:
        return [
            (one["EvalDecision"], one["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"])
            for one in answer["EvaluationResults"]
        ]

    expected = [("allowed", True), ("implicitDeny", False)]
    assert expected == checked(
        iam.simulate_custom_policy(
            PolicyInputList=[everything], PermissionsBoundaryPolicyInputList=[boundary], ActionNames=actions
        )
    )
    arn = iam.create_policy(PolicyName=name, PolicyDocument=boundary)["Policy"]["Arn"]
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(), PermissionsBoundary=arn)["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    iam.put_role_policy(RoleName=name, PolicyName="x", PolicyDocument=everything)
    assert expected == checked(iam.simulate_principal_policy(PolicySourceArn=role["Arn"], ActionNames=actions))


def test_the_simulator_names_what_it_does_not_evaluate(aws: Aws) -> None:
    with pytest.raises(ClientError, match="does not evaluate ResourcePolicy"):
        aws("iam").simulate_custom_policy(PolicyInputList=[SCALING], ActionNames=[SET], ResourcePolicy=SCALING)
    with pytest.raises(ClientError, match="expected service:Action"):
        aws("iam").simulate_custom_policy(PolicyInputList=[SCALING], ActionNames=["SetDesiredCapacity"])
    with pytest.raises(ClientError) as error:
        aws("iam").simulate_custom_policy(PolicyInputList=["{}"], ActionNames=[SET])
    assert code(error) == "InvalidInput"


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
def test_aws_managed_policies_have_their_real_documents(aws: Aws, managed: str, action: str) -> None:
    iam, arn = aws("iam"), f"arn:aws:iam::aws:policy/{managed}"
    shown = iam.get_policy(PolicyArn=arn)["Policy"]
    assert f"{shown['Path'].lstrip('/')}{shown['PolicyName']}" == managed
    document = iam.get_policy_version(PolicyArn=arn, VersionId=shown["DefaultVersionId"])["PolicyVersion"]["Document"]
    answer = iam.simulate_custom_policy(PolicyInputList=[json.dumps(document)], ActionNames=[action, "s3:PutObject"])
    assert [one[2] for one in decisions(answer)] == [
        "allowed",
        "allowed" if managed == "AdministratorAccess" else "implicitDeny",
    ]


def test_only_policies_that_exist_can_be_attached(aws: Aws, name: str) -> None:
    iam = aws("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust())
    iam.create_group(GroupName=name)
    iam.create_user(UserName=name)
    for absent in ("arn:aws:iam::aws:policy/AmazonEKSAbsentPolicy", f"arn:aws:iam::{ACCOUNT}:policy/absent"):
        for attach in (
            lambda arn: iam.attach_role_policy(RoleName=name, PolicyArn=arn),
            lambda arn: iam.attach_group_policy(GroupName=name, PolicyArn=arn),
            lambda arn: iam.attach_user_policy(UserName=name, PolicyArn=arn),
        ):
            with pytest.raises(ClientError) as error:
                attach(absent)
            assert code(error) == "NoSuchEntity"
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []


def test_the_default_version_of_a_policy_is_the_one_that_counts(aws: Aws, name: str) -> None:
    iam = aws("iam")
    arn = iam.create_policy(PolicyName=name, PolicyDocument=policy({"Action": "ec2:*"}))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy({"Action": "eks:*"}), SetAsDefault=True)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v2"
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert {one["VersionId"]: one["IsDefaultVersion"] for one in versions} == {"v1": True, "v2": False}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust())["Role"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    answer = iam.simulate_principal_policy(PolicySourceArn=role, ActionNames=["ec2:RunInstances", "eks:ListClusters"])
    assert [one[2] for one in decisions(answer)] == ["allowed", "implicitDeny"]
    with pytest.raises(ClientError) as error:
        iam.set_default_policy_version(PolicyArn=arn, VersionId="v9")
    assert code(error) == "NoSuchEntity"


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
    assert iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"] == changed["Tags"]
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
