"""What the autoscaler may do and may not: each call that it makes, and calls that it must never make."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from kubernetes import client

from sandbox.tests.harness import Sandbox
from tests.e2e.program import identity
from tests.e2e.program.stack import Stack

CLUSTER = "sandbox"


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
