"""What the autoscaler may do and may not, with credentials got through the real chain, in all three modes."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from kubernetes import client

from sandbox.tests.harness import Sandbox
from tests.e2e.program import identity
from tests.e2e.program.stack import Stack

CLUSTER = "sandbox"
OTHER = "other-group"


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


def own_group(stack: Stack) -> dict[str, Any]:
    (group,) = [g for g in stack.outputs()["nodeGroups"] if "batch" in g["name"]]
    return dict(group)


def an_instance(sandbox: Sandbox, stack: Stack) -> str:
    """A node of the group that always has some."""
    (general,) = [g for g in stack.outputs()["nodeGroups"] if "general" in g["name"]]
    asg = sandbox.client("autoscaling")
    (found,) = asg.describe_auto_scaling_groups(AutoScalingGroupNames=[general["asgName"]])["AutoScalingGroups"]
    return str(found["Instances"][0]["InstanceId"])


def denied(call: Callable[[], object]) -> bool:
    """Whether AWS refuses the call for want of permission; any other failure is the test's own."""
    try:
        call()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation"):
            return True
        raise
    return False


def check_truth_table(
    sandbox: Sandbox, credentials: dict[str, str], own: dict[str, Any], other_group: str, *, node: bool
) -> None:
    """What may be done is done; everything else is tried and refused."""
    asg, eks, ec2, iam = (identity.as_(sandbox, credentials, s) for s in ("autoscaling", "eks", "ec2", "iam"))
    name = own["asgName"]
    allowed = {
        "describe groups": lambda: asg.describe_auto_scaling_groups(),
        "describe activities": lambda: asg.describe_scaling_activities(AutoScalingGroupName=name),
        "describe launch configurations": lambda: asg.describe_launch_configurations(),
        "describe instance types": lambda: ec2.describe_instance_types(InstanceTypes=["m5.large"]),
        "describe own node group": lambda: eks.describe_nodegroup(clusterName=CLUSTER, nodegroupName=own["name"]),
        "resize own group": lambda: asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=0),
    }
    forbidden = {
        "resize another group": lambda: asg.set_desired_capacity(AutoScalingGroupName=other_group, DesiredCapacity=1),
        "change own group": lambda: asg.update_auto_scaling_group(AutoScalingGroupName=name, MaxSize=9),
        "delete own group": lambda: asg.delete_auto_scaling_group(AutoScalingGroupName=name),
        "tag own group": lambda: asg.create_or_update_tags(
            Tags=[
                {
                    "ResourceId": name,
                    "ResourceType": "auto-scaling-group",
                    "Key": "x",
                    "Value": "y",
                    "PropagateAtLaunch": False,
                }
            ]
        ),
        "list roles": lambda: iam.list_roles(),
        "attach a policy": lambda: iam.attach_role_policy(
            RoleName=own["roleName"], PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        ),
    }
    if not node:  # a node may describe its own cluster, by the policy that every node has
        forbidden["describe the cluster"] = lambda: eks.describe_cluster(name=CLUSTER)
    for what, call in allowed.items():
        assert not denied(call), f"{what} must be allowed"
    for what, call in forbidden.items():
        assert denied(call), f"{what} must be denied"


def another_account(sandbox: Sandbox, name: str = "another-role") -> str:
    with sandbox.kubernetes(CLUSTER) as api:
        core = client.CoreV1Api(api)
        if name not in [a.metadata.name for a in core.list_namespaced_service_account("kube-system").items]:
            core.create_namespaced_service_account("kube-system", {"metadata": {"name": name}})
    return name


def test_irsa_allows_what_the_autoscaler_calls_and_nothing_else(
    stack: Stack, sandbox: Sandbox, other_group: str
) -> None:
    role = stack.outputs()["roleArn"]
    credentials = identity.by_web_identity(sandbox, CLUSTER, role)
    assert role.rsplit("/", 1)[-1] in identity.as_(sandbox, credentials, "sts").get_caller_identity()["Arn"]
    check_truth_table(sandbox, credentials, own_group(stack), other_group, node=False)
    assert denied(lambda: identity.by_web_identity(sandbox, CLUSTER, role, another_account(sandbox)))


def preview_report(stack: Stack) -> str:
    """What a reviewer reads of the stack's preview."""
    env = stack.sandbox.layout.env() | {"PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"}
    preview = subprocess.run(stack.command("preview", "--json"), cwd=stack.project, env=env, capture_output=True)
    report = [sys.executable, "-m", "scripts.preview_report", stack.name]
    run = subprocess.run(report, cwd=stack.project, env=env, input=preview.stdout, capture_output=True, check=True)
    return run.stdout.decode()


def test_pod_identity_allows_what_the_autoscaler_calls_and_nothing_else(
    stack: Stack, sandbox: Sandbox, other_group: str
) -> None:
    with stack.edited(credentials="podIdentity"):
        stack.up()
        node = an_instance(sandbox, stack)
        credentials = identity.by_pod_identity(sandbox, CLUSTER, node)
        check_truth_table(sandbox, credentials, own_group(stack), other_group, node=False)
        with pytest.raises(ClientError, match=r"ResourceNotFound|AccessDenied|InvalidParameter"):
            identity.by_pod_identity(sandbox, CLUSTER, node, another_account(sandbox))
    report = preview_report(stack)
    assert "cluster-autoscaler leaves podIdentity and keeps its name" in report
    assert "<code>Deployment kube-system/cluster-autoscaler</code> (+0 -1)" in report
    stack.up()
    assert stack.planned() == []


def test_node_role_allows_what_the_autoscaler_calls_and_what_a_node_may(
    stack: Stack, sandbox: Sandbox, other_group: str
) -> None:
    with stack.edited(credentials="nodeRole"):
        output = stack.up()
        assert "gives the autoscaler's permissions to every pod on the nodes" in output
        credentials = identity.by_node(sandbox, an_instance(sandbox, stack))
        check_truth_table(sandbox, credentials, own_group(stack), other_group, node=True)
    stack.up()
    assert stack.planned() == []


LISTED = [
    ("", "pods"),
    ("", "nodes"),
    ("", "namespaces"),
    ("", "services"),
    ("", "replicationcontrollers"),
    ("", "persistentvolumeclaims"),
    ("", "persistentvolumes"),
    ("apps", "daemonsets"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("batch", "jobs"),
    ("policy", "poddisruptionbudgets"),
    ("storage.k8s.io", "storageclasses"),
    ("storage.k8s.io", "csinodes"),
    ("storage.k8s.io", "csidrivers"),
    ("storage.k8s.io", "csistoragecapacities"),
    ("storage.k8s.io", "volumeattachments"),
    ("resource.k8s.io", "deviceclasses"),
    ("resource.k8s.io", "resourceslices"),
    ("resource.k8s.io", "resourceclaims"),
]
"""What Cluster Autoscaler 1.36 lists and watches before its first loop (facts: its own RBAC example at that tag)."""


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
