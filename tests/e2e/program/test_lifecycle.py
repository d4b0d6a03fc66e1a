"""Up, up again, previews of edits, drift, and destroy: by the real engine."""

import copy
import json

import pytest
from kubernetes import client

from sandbox.tests.harness import Sandbox
from tests.e2e.program.stack import Stack, inventory, remove_agent
from tests.versions import newest_image

CLUSTER = "sandbox"
TAG = "aws:autoscaling/tag:Tag"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
RELEASE = "kubernetes:helm.sh/v3:Release"
SERVICE_ACCOUNT = "kubernetes:core/v1:ServiceAccount"
ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
ADDON = "aws:eks/addon:Addon"


def settings(stack, key, **changes):
    return {**copy.deepcopy(stack.get(key)), **changes}


def groups(stack, index, **changes):
    edited = copy.deepcopy(stack.get("nodeGroups"))
    edited[index].update(changes)
    return edited


def test_a_second_up_has_no_change_at_all(stack: Stack) -> None:
    stack.up("--expect-no-changes")
    assert stack.planned() == []


def test_outputs_show_what_was_deployed(stack: Stack) -> None:
    outputs = stack.outputs()
    assert outputs["releaseStatus"] == "deployed"
    assert outputs["imageTag"] == newest_image("1.36")
    assert outputs["clusterName"] == CLUSTER
    assert {group["name"].rsplit("-", 1)[0] for group in outputs["nodeGroups"]} == {"general", "batch"}


EDITS = [
    (
        "a larger group",
        lambda s: {"nodeGroups": groups(s, 0, maxSize=5)},
        {("update", NODE_GROUP): 1},
    ),
    (
        "a smaller desired size, which is not ours",
        lambda s: {"nodeGroups": groups(s, 0, desiredSize=3)},
        {},
    ),
    (
        "a label more",
        lambda s: {"nodeGroups": groups(s, 1, labels={"workload": "batch", "tier": "low"})},
        {("update", NODE_GROUP): 1, ("create", TAG): 1},
    ),
    (
        "a taint gone",
        lambda s: {"nodeGroups": groups(s, 1, taints=[])},
        {("update", NODE_GROUP): 1, ("delete", TAG): 1},
    ),
    (
        "a larger disk",
        lambda s: {"nodeGroups": groups(s, 0, diskSizeGib=80)},
        {("update", TEMPLATE): 1, ("update", NODE_GROUP): 1, ("update", TAG): 1},
    ),
    (
        "an autoscaling option",
        lambda s: {"nodeGroups": groups(s, 1, autoscalingOptions={"scaledownunneededtime": "1m"})},
        {("create", TAG): 1},
    ),
    (
        "a group more",
        lambda s: {"nodeGroups": [*s.get("nodeGroups"), {"name": "extra", "minSize": 0, "maxSize": 1}]},
        {
            ("create", NODE_GROUP): 1,
            ("create", TEMPLATE): 1,
            ("create", ROLE): 1,
            ("create", ATTACHMENT): 3,
            ("create", TAG): 4,
        },
    ),
    (
        "a group gone",
        lambda s: {"nodeGroups": s.get("nodeGroups")[:1]},
        {
            ("delete", NODE_GROUP): 1,
            ("delete", TEMPLATE): 1,
            ("delete", ROLE): 1,
            ("delete", ATTACHMENT): 3,
            ("delete", TAG): 6,
        },
    ),
    (
        "another flag",
        lambda s: {"autoscaler": settings(s, "autoscaler", flags={"scan-interval": "2s", "max-nodes-total": 9})},
        {("update", RELEASE): 1},
    ),
    (
        "another name prefix",
        lambda s: {"role": {"namePrefix": "org-"}},
        {
            ("replace", POLICY): 1,
            # Nodes have roles, too, and another role is another group.
            ("replace", ROLE): 3,
            ("replace", ATTACHMENT): 7,
            ("replace", NODE_GROUP): 2,
            ("replace", TAG): 11,
            ("update", SERVICE_ACCOUNT): 1,
            ("update", RELEASE): 1,
        },
    ),
    (
        "Pod Identity instead of IRSA",
        lambda s: {"credentials": "podIdentity"},
        {
            ("create", ASSOCIATION): 1,
            ("create", ADDON): 1,
            # Another trust is another role: the pods of the old one keep theirs until they are gone.
            ("replace", ROLE): 1,
            ("replace", ATTACHMENT): 1,
            ("update", SERVICE_ACCOUNT): 1,
            ("update", RELEASE): 1,
            # The OIDC provider stays: it goes with the cluster.
        },
    ),
]


@pytest.mark.parametrize(
    ("edit", "expected"), [(edit, want) for _, edit, want in EDITS], ids=[name for name, *_ in EDITS]
)
def test_a_preview_shows_exactly_the_operations_of_an_edit(stack: Stack, edit, expected) -> None:
    # A stack that leaves Pod Identity keeps the agent, so an earlier test may have left one for the next to adopt.
    remove_agent(stack.sandbox, CLUSTER)
    with stack.edited(**edit(stack)):
        planned = dict(stack.counted())
    # The engine reports the parts of a replacement, too.
    parts = ("create-replacement", "delete-replaced", "read-replacement", "discard")
    assert {key: count for key, count in planned.items() if key[0] not in parts} == expected


def test_a_version_that_eks_would_refuse_is_refused_at_preview(stack: Stack) -> None:
    for version in ("1.35", "1.38"):
        cluster = settings(stack, "cluster")
        cluster["create"]["kubernetesVersion"] = version
        with stack.edited(cluster=cluster):
            refused = stack.preview(check=False)
        assert f"create.kubernetes_version: got '{version}', and the cluster has 1.36" in refused


def test_the_pods_satisfy_the_restricted_pod_security_standard(stack: Stack, sandbox: Sandbox) -> None:
    """Admission of the real API server, of the pods of the real chart, in a namespace that enforces the standard."""
    name = "restricted"
    with sandbox.kubernetes(CLUSTER) as api:
        core = client.CoreV1Api(api)
        template = client.AppsV1Api(api).read_namespaced_deployment("cluster-autoscaler", "kube-system").spec.template
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=name, labels=labels)))
        try:
            account = client.V1ServiceAccount(metadata=client.V1ObjectMeta(name=template.spec.service_account_name))
            core.create_namespaced_service_account(name, account)
            pod = client.V1Pod(metadata=client.V1ObjectMeta(name="autoscaler"), spec=template.spec)
            core.create_namespaced_pod(name, pod, dry_run="All")
            pod.spec.containers[0].security_context.capabilities = None
            with pytest.raises(client.ApiException, match="violates PodSecurity") as refused:
                core.create_namespaced_pod(name, pod, dry_run="All")
            assert refused.value.status == 403
        finally:
            core.delete_namespace(name)


def drift(stack: Stack, sandbox: Sandbox) -> list[tuple[str, str]]:
    """What a refresh sees, then what an up repairs, until nothing is left."""
    stack.refresh()
    repaired = [(step.op, step.type) for step in stack.planned() if not step.type.startswith("eks-cluster-autoscaler:")]
    stack.up()
    assert stack.planned() == []
    return sorted(repaired)


def test_the_disruption_budget_leaves_the_minimum_of_available_pods(stack: Stack, sandbox: Sandbox) -> None:
    """Of the chart's two fields only one may arrive, and no null does (pulumi-kubernetes issue 2997)."""
    budgets = client.PolicyV1Api(sandbox.kubernetes(CLUSTER))
    changed = {"replicas": 3, "minAvailable": 1}
    with stack.edited(autoscaler={**stack.get("autoscaler"), **changed}):
        stack.up()
        (budget,) = budgets.list_namespaced_pod_disruption_budget("kube-system").items
        assert (budget.spec.min_available, budget.spec.max_unavailable) == (None, 2)
        assert stack.planned() == []
    stack.up()


def test_a_tag_removed_outside_is_put_back(stack: Stack, sandbox: Sandbox) -> None:
    asg = sandbox.client("autoscaling")
    (group,) = [g["asgName"] for g in stack.outputs()["nodeGroups"] if "batch" in g["name"]]
    key = "k8s.io/cluster-autoscaler/node-template/label/workload"
    tag = {"ResourceId": group, "ResourceType": "auto-scaling-group", "Key": key}
    asg.delete_tags(Tags=[tag])
    assert drift(stack, sandbox) == [("create", TAG)]
    found = asg.describe_tags(Filters=[{"Name": "auto-scaling-group", "Values": [group]}])["Tags"]
    assert {entry["Key"]: entry["Value"] for entry in found}[key] == "batch"


def test_a_policy_widened_outside_is_narrowed_again(stack: Stack, sandbox: Sandbox) -> None:
    iam = sandbox.client("iam")
    arn = stack.outputs()["policyArn"]
    wide = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=wide, SetAsDefault=True)
    assert ("update", POLICY) in drift(stack, sandbox)
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert [statement["Sid"] for statement in document["Statement"]] == ["Read", "ReadNodegroups", "Scale"]


@pytest.mark.parametrize("role", [None, "arn:aws:iam::123456789012:role/other"], ids=["removed", "changed"])
def test_a_service_account_annotation_changed_outside_is_restored(stack: Stack, sandbox: Sandbox, role) -> None:
    with sandbox.kubernetes(CLUSTER) as api:
        core = client.CoreV1Api(api)
        core.patch_namespaced_service_account(
            "cluster-autoscaler", "kube-system", {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": role}}}
        )
        assert drift(stack, sandbox) == [("update", SERVICE_ACCOUNT)]
        account = core.read_namespaced_service_account("cluster-autoscaler", "kube-system")
    assert account.metadata.annotations["eks.amazonaws.com/role-arn"] == stack.outputs()["roleArn"]


def test_a_deployment_changed_outside_is_no_drift_that_pulumi_sees(stack: Stack, sandbox: Sandbox) -> None:
    """As in docs/ci.md: the Kubernetes provider reads Helm's record of a release, and none of its objects."""
    with sandbox.kubernetes(CLUSTER) as api:
        apps = client.AppsV1Api(api)
        apps.patch_namespaced_deployment("cluster-autoscaler", "kube-system", {"spec": {"replicas": 1}})
        assert drift(stack, sandbox) == []
        # Helm compares the release with the objects, and makes them equal again.
        (release,) = json.loads(sandbox.run(["helm", "--namespace", "kube-system", "list", "--output", "json"]))
        revision = release["revision"]
        sandbox.run(["helm", "rollback", "cluster-autoscaler", revision, "--namespace", "kube-system", "--wait"])
        assert apps.read_namespaced_deployment("cluster-autoscaler", "kube-system").spec.replicas == 2
    assert drift(stack, sandbox) == []


def test_a_maximum_changed_outside_is_set_right_and_the_desired_size_is_left_to_the_autoscaler(
    stack: Stack, sandbox: Sandbox
) -> None:
    eks = sandbox.client("eks")
    (name,) = [g["name"] for g in stack.outputs()["nodeGroups"] if "general" in g["name"]]
    eks.update_nodegroup_config(clusterName=CLUSTER, nodegroupName=name, scalingConfig={"minSize": 2, "maxSize": 9})
    assert drift(stack, sandbox) == [("update", NODE_GROUP)]
    sizes = eks.describe_nodegroup(clusterName=CLUSTER, nodegroupName=name)["nodegroup"]["scalingConfig"]
    assert (sizes["minSize"], sizes["maxSize"]) == (2, 4)
    # The running autoscaler may give the idle node back at any moment; either way there is nothing to repair.
    eks.update_nodegroup_config(clusterName=CLUSTER, nodegroupName=name, scalingConfig={"desiredSize": 3})
    assert drift(stack, sandbox) == []
    eks.update_nodegroup_config(clusterName=CLUSTER, nodegroupName=name, scalingConfig={"desiredSize": 2})


def test_roles_are_made_as_the_account_asks_and_destroy_leaves_nothing(
    sandbox: Sandbox, before: dict[str, list[str]], stack: Stack
) -> None:
    """A separate stack, so that the shared one stays up."""
    held = inventory(sandbox)
    other = Stack(sandbox, "sandbox", "short-lived")
    network = {"cidr": "10.1.0.0/16", "zones": ["us-east-1a", "us-east-1b"]}
    cluster = settings(other, "cluster", name="short-lived")
    cluster["create"]["network"] = network
    cluster["create"]["role"] = {"path": "/platform/", "namePrefix": "org-"}
    cluster["create"]["addons"] = {}
    other.set("cluster", cluster)
    other.set("role", {"path": "/platform/", "namePrefix": "org-"})
    try:
        other.up()
        roles = {role["RoleName"]: role["Path"] for role in sandbox.client("iam").list_roles()["Roles"]}
        made = {name: roles[name] for name in set(inventory(sandbox)["roles"]) - set(held["roles"])}
        addons = sandbox.client("eks").list_addons(clusterName="short-lived")["addons"]
        assert sorted(addons) == ["coredns", "kube-proxy", "vpc-cni"]
        assert other.planned() == []
        assert len(made) == 4
        assert all(name.startswith("org-") and path == "/platform/" for name, path in made.items()), made
    finally:
        other.destroy()
    assert inventory(sandbox) == held
    assert not sandbox.layout.admin_kubeconfig("short-lived", "us-east-1").exists()
