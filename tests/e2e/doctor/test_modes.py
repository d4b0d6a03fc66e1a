"""In each of the three modes a healthy cluster is found healthy, and the autoscaler is who it should be, and no more.

Its credentials are got as its pod gets them: real tokens, real conditions; the permissions are the emulated AWS's.
"""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from kubernetes import client

from sandbox.tests.harness import Sandbox
from tests.e2e.doctor.bench import settled
from tests.e2e.doctor.commands import Doctor
from tests.e2e.program import identity
from tests.e2e.program.access import CLUSTER, LISTED, an_instance, another_account, check_truth_table, own_group
from tests.e2e.program.stack import Stack

OTHER = "other-group"
SECRETS = ("eyJ", "ASIA", "AKIA", "SecretAccessKey", "SessionToken")


@pytest.fixture(scope="module")
def other_group(sandbox: Sandbox, stack: Stack) -> Iterator[str]:
    """A group of another cluster in the same account and region."""
    asg, ec2 = sandbox.client("autoscaling"), sandbox.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    data = {"ImageId": "ami-0123456789abcdef0", "InstanceType": "t3.medium"}
    made = ec2.create_launch_template(LaunchTemplateName=OTHER, LaunchTemplateData=data)
    template = made["LaunchTemplate"]["LaunchTemplateId"]
    tags = [
        {
            "ResourceId": OTHER,
            "ResourceType": "auto-scaling-group",
            "Key": key,
            "Value": value,
            "PropagateAtLaunch": True,
        }
        for key, value in {
            "k8s.io/cluster-autoscaler/enabled": "true",
            "k8s.io/cluster-autoscaler/other": "owned",
        }.items()
    ]
    asg.create_auto_scaling_group(
        AutoScalingGroupName=OTHER,
        MinSize=0,
        MaxSize=2,
        VPCZoneIdentifier=subnet,
        LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
        Tags=tags,
    )
    yield OTHER
    asg.delete_auto_scaling_group(AutoScalingGroupName=OTHER, ForceDelete=True)
    ec2.delete_launch_template(LaunchTemplateId=template)


def test_every_link_holds_without_a_warning_in_each_mode(doctor: Doctor, mode: str) -> None:
    result = settled(doctor)
    wrong = [each for each in result.document["findings"] if each["status"] != "ok"]
    assert (result.code, wrong) == (0, []), result.out


def test_whoami_shows_who_it_is_and_what_it_may_do(doctor: Doctor, stack: Stack, mode: str) -> None:
    result = doctor.run("whoami", "--json")
    assert result.code == 0, result.out + result.err
    answer = result.document
    assert answer["credentialSource"] == mode
    assert len(answer["permissions"]) == 10
    assert all(each["allowed"] for each in answer["permissions"])
    if mode == "nodeRole":
        assert (answer["token"], answer["session"]) == (None, None)
        assert answer["instanceId"].startswith("i-")
        assert answer["roleArn"] in [group["roleArn"] for group in stack.outputs()["nodeGroups"]]
    else:
        audience = {"irsa": "sts.amazonaws.com", "podIdentity": "pods.eks.amazonaws.com"}[mode]
        outputs = stack.outputs()
        assert answer["token"]["issuer"] == outputs["oidcIssuer"]
        assert answer["token"]["subject"] == "system:serviceaccount:kube-system:cluster-autoscaler"
        assert answer["token"]["audiences"] == [audience]
        assert f":assumed-role/{outputs['roleArn'].rpartition('/')[2]}/" in answer["session"]["arn"]


def test_whoami_for_people_explains_the_modes_and_keeps_every_secret(doctor: Doctor, mode: str) -> None:
    result = doctor.run("whoami")
    assert result.code == 0, result.out + result.err
    assert "web identity" in result.out or mode != "irsa"
    assert "allowed  autoscaling:SetDesiredCapacity" in result.out
    for secret in SECRETS:
        assert secret not in result.out + result.err


def credentials_of(sandbox: Sandbox, stack: Stack, mode: str, account: str = identity.ACCOUNT) -> dict[str, str]:
    """Return credentials as a pod of a service account gets them in a mode."""
    if mode == "irsa":
        return identity.by_web_identity(sandbox, CLUSTER, stack.outputs()["roleArn"], account)
    node = an_instance(sandbox, stack)
    if mode == "podIdentity":
        return identity.by_pod_identity(sandbox, CLUSTER, node, account)
    return identity.by_node(sandbox, node)


def test_the_role_allows_what_the_autoscaler_calls_and_nothing_else(
    stack: Stack, sandbox: Sandbox, other_group: str, mode: str
) -> None:
    credentials = credentials_of(sandbox, stack, mode)
    check_truth_table(sandbox, credentials, own_group(stack), other_group, node=mode == "nodeRole")
    if mode == "nodeRole":
        return
    arn = identity.as_(sandbox, credentials, "sts").get_caller_identity()["Arn"]
    assert stack.outputs()["roleArn"].rpartition("/")[2] in arn
    refusal = {"irsa": "AccessDenied", "podIdentity": r"ResourceNotFound|AccessDenied|InvalidParameter"}
    with pytest.raises(ClientError, match=refusal[mode]):
        credentials_of(sandbox, stack, mode, another_account(sandbox))


def test_a_mode_is_stable_and_only_the_node_role_is_warned_of(stack: Stack, mode: str) -> None:
    warned = "gives the autoscaler's permissions to every pod on the nodes" in stack.preview("--expect-no-changes")
    assert warned == (mode == "nodeRole")


def preview_report(stack: Stack) -> str:
    """What a reviewer reads of the stack's preview."""
    env = stack.sandbox.layout.env() | {"PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"}
    preview = subprocess.run(stack.command("preview", "--json"), cwd=stack.project, env=env, capture_output=True)
    report = [sys.executable, "-m", "scripts.preview_report", stack.name]
    run = subprocess.run(report, cwd=stack.project, env=env, input=preview.stdout, capture_output=True, check=True)
    return run.stdout.decode()


@pytest.mark.parametrize("mode", ["podIdentity"], indirect=True)
def test_a_reviewer_reads_that_pods_keep_the_old_credentials(stack: Stack, mode: str) -> None:
    with stack.edited(credentials="irsa"):
        report = preview_report(stack)
    assert "cluster-autoscaler leaves podIdentity and keeps its name" in report
    assert "<code>Deployment kube-system/cluster-autoscaler</code> (+0 -1)" in report


def test_the_service_account_may_list_and_watch_all_that_the_autoscaler_waits_for(
    stack: Stack, sandbox: Sandbox
) -> None:
    configuration = client.Configuration()
    with sandbox.kubernetes(CLUSTER) as admin:
        configuration.host, configuration.ssl_ca_cert = admin.configuration.host, admin.configuration.ssl_ca_cert
    configuration.api_key = {"authorization": f"Bearer {identity.token(sandbox, CLUSTER, '')}"}
    with client.ApiClient(configuration) as api:
        asking = client.AuthorizationV1Api(api)
        refused = [
            f"{verb} {resource}.{group}"
            for group, resource in LISTED
            for verb in ("list", "watch")
            if not asking.create_self_subject_access_review(
                client.V1SelfSubjectAccessReview(
                    spec=client.V1SelfSubjectAccessReviewSpec(
                        resource_attributes=client.V1ResourceAttributes(group=group, resource=resource, verb=verb)
                    )
                )
            ).status.allowed
        ]
    assert refused == []
