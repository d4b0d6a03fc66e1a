import pytest

from policies.rules.no_broad_managed_policy import RULE
from tests.policies.compliant import ACCOUNT, ATTACHMENT, IRSA_ROLE
from tests.policies.judging import UNKNOWN, Declared, judge

FULL_ACCESS = "arn:aws:iam::aws:policy/AutoScalingFullAccess"


@pytest.mark.parametrize(
    "arn",
    [
        FULL_ACCESS,
        "arn:aws-cn:iam::aws:policy/AutoScalingFullAccess",
        "arn:aws:iam::aws:policy/AdministratorAccess",
        "arn:aws:iam::aws:policy/PowerUserAccess",
        "arn:aws:iam::aws:policy/AmazonEC2FullAccess",
        "arn:aws:iam::aws:policy/job-function/SystemAdministrator",
    ],
)
def test_a_wide_managed_policy_is_refused_by_its_arn(arn: str) -> None:
    verdict = judge(RULE, ATTACHMENT.but("policyArn", arn))
    assert verdict.messages == [
        f"{arn} is attached; expected a policy that allows only what its holder calls.",
    ]


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{ACCOUNT}:policy/AmazonEKSClusterAutoscalerPolicy-prod",
        f"arn:aws:iam::{ACCOUNT}:policy/OurFullAccess",
        "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy",
        "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
        "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser",
        "arn:aws:iam::aws:policy/AWSCodeCommitPowerUser",
        "arn:aws:iam::aws:policy/AmazonRoute53FullAccess",
        "arn:aws:iam::aws:policy/AmazonS3FullAccess",
        UNKNOWN,
    ],
)
def test_policies_of_the_program_and_those_of_nodes_pass(arn: str) -> None:
    assert judge(RULE, ATTACHMENT.but("policyArn", arn)).passes


def test_a_wide_policy_among_the_roles_own_is_refused() -> None:
    assert len(judge(RULE, IRSA_ROLE.but("managedPolicyArns", [FULL_ACCESS])).messages) == 1


@pytest.mark.parametrize(
    ("type_", "prop"),
    [
        ("aws:iam/policyAttachment:PolicyAttachment", "policyArn"),
        ("aws:iam/userPolicyAttachment:UserPolicyAttachment", "policyArn"),
        ("aws:iam/userPolicyAttachmentsExclusive:UserPolicyAttachmentsExclusive", "policyArns"),
        ("aws:iam/groupPolicyAttachment:GroupPolicyAttachment", "policyArn"),
        ("aws:iam/groupPolicyAttachmentsExclusive:GroupPolicyAttachmentsExclusive", "policyArns"),
        ("aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive", "policyArns"),
    ],
)
def test_other_ways_to_attach_are_judged_alike(type_: str, prop: str) -> None:
    value = [FULL_ACCESS] if prop.endswith("s") else FULL_ACCESS
    assert len(judge(RULE, Declared(type_, {prop: value})).messages) == 1


def test_a_policy_can_be_allowed_by_name() -> None:
    attachment = ATTACHMENT.but("policyArn", FULL_ACCESS)
    assert judge(RULE, attachment, settings={"allowed": ["AutoScalingFullAccess"]}).passes


def test_the_forbidden_names_can_be_replaced() -> None:
    settings = {"forbidden": ["AmazonEKSWorker*"]}
    assert len(judge(RULE, ATTACHMENT, settings=settings).messages) == 1
    assert judge(RULE, ATTACHMENT.but("policyArn", FULL_ACCESS), settings=settings).passes
