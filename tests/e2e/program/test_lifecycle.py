"""Up, up again, previews of edits, drift, and destroy: by the real engine."""

import copy
import json
from collections.abc import Iterator

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


def edited_groups(stack):
    """Both groups with every kind of edit that keeps a group: size, disk, label, taint, option."""
    general, batch = copy.deepcopy(stack.get("nodeGroups"))
    general |= {"maxSize": 5, "diskSizeGib": 80}
    batch |= {
        "labels": {"workload": "batch", "tier": "low"},
        "taints": [],
        "autoscalingOptions": {"scaledownunneededtime": "1m"},
    }
    return [general, batch]


EDITS = [
    (
        "edits that keep both groups, and another flag",
        lambda s: {
            "nodeGroups": edited_groups(s),
            "autoscaler": settings(s, "autoscaler", flags={"scan-interval": "2s", "max-nodes-total": 9}),
        },
        {
            ("update", NODE_GROUP): 2,
            ("update", TEMPLATE): 1,
            # Of the label and of the option; of the taint; of the disk, which the template of scale-from-zero names.
            ("create", TAG): 2,
            ("delete", TAG): 1,
            ("update", TAG): 1,
            ("update", RELEASE): 1,
        },
    ),
    (
        "a smaller desired size, which is not ours",
        lambda s: {"nodeGroups": groups(s, 0, desiredSize=3)},
        {},
    ),
    (
        "another group instead of one",
        lambda s: {"nodeGroups": [s.get("nodeGroups")[0], {"name": "extra", "minSize": 0, "maxSize": 1}]},
        {
            ("create", NODE_GROUP): 1,
            ("create", TEMPLATE): 1,
            ("create", ROLE): 1,
            ("create", ATTACHMENT): 3,
            ("create", TAG): 4,
            ("delete", NODE_GROUP): 1,
            ("delete", TEMPLATE): 1,
            ("delete", ROLE): 1,
            ("delete", ATTACHMENT): 3,
            ("delete", TAG): 6,
        },
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
        assert f"create.kubernetesVersion: got '{version}', and the cluster has 1.36" in refused


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


class Outside:
    """Changes made behind Pulumi's back, and what is found afterwards."""

    def __init__(self, stack: Stack, sandbox: Sandbox, api: client.ApiClient) -> None:
        self.asg, self.eks, self.iam = (sandbox.client(service) for service in ("autoscaling", "eks", "iam"))
        self.core, self.apps = client.CoreV1Api(api), client.AppsV1Api(api)
        outputs = stack.outputs()
        self.policy, self.role = outputs["policyArn"], outputs["roleArn"]
        self.general, self.batch = sorted(outputs["nodeGroups"], key=lambda group: group["name"], reverse=True)
        self.tag = {
            "ResourceId": self.batch["asgName"],
            "ResourceType": "auto-scaling-group",
            "Key": "k8s.io/cluster-autoscaler/node-template/label/workload",
        }

    def annotate(self, role: str | None) -> None:
        """Change or remove the annotation that gives the autoscaler its role."""
        annotations = {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": role}}}
        self.core.patch_namespaced_service_account("cluster-autoscaler", "kube-system", annotations)

    def scale(self, **config: int) -> None:
        """Change the sizes of the group that always has nodes."""
        self.eks.update_nodegroup_config(
            clusterName=CLUSTER, nodegroupName=self.general["name"], scalingConfig=dict(config)
        )

    def found(self) -> dict[str, object]:
        """What the changes are about."""
        tags = self.asg.describe_tags(Filters=[{"Name": "auto-scaling-group", "Values": [self.tag["ResourceId"]]}])
        version = self.iam.get_policy(PolicyArn=self.policy)["Policy"]["DefaultVersionId"]
        document = self.iam.get_policy_version(PolicyArn=self.policy, VersionId=version)["PolicyVersion"]["Document"]
        account = self.core.read_namespaced_service_account("cluster-autoscaler", "kube-system")
        group = self.eks.describe_nodegroup(clusterName=CLUSTER, nodegroupName=self.general["name"])["nodegroup"]
        return {
            "tag": {entry["Key"]: entry["Value"] for entry in tags["Tags"]}.get(self.tag["Key"]),
            "statements": [statement.get("Sid") for statement in document["Statement"]],
            "annotation": (account.metadata.annotations or {}).get("eks.amazonaws.com/role-arn"),
            "limits": (group["scalingConfig"]["minSize"], group["scalingConfig"]["maxSize"]),
        }


@pytest.fixture
def outside(stack: Stack, sandbox: Sandbox) -> Iterator[Outside]:
    with sandbox.kubernetes(CLUSTER) as api:
        yield Outside(stack, sandbox, api)


def test_what_is_changed_outside_is_seen_by_a_refresh_and_put_back(
    stack: Stack, outside: Outside, sandbox: Sandbox
) -> None:
    """All but the size, which is the autoscaler's, and the objects of a release, which Pulumi does not read."""
    wide = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
    in_order = outside.found()
    assert in_order == {
        "tag": "batch",
        "statements": ["Read", "ReadNodegroups", "Scale"],
        "annotation": outside.role,
        "limits": (2, 4),
    }
    outside.asg.delete_tags(Tags=[outside.tag])
    outside.iam.create_policy_version(PolicyArn=outside.policy, PolicyDocument=wide, SetAsDefault=True)
    outside.annotate(None)
    # The running autoscaler may give the idle node back at any moment; either way there is nothing to repair.
    outside.scale(minSize=2, maxSize=9, desiredSize=3)
    outside.apps.patch_namespaced_deployment("cluster-autoscaler", "kube-system", {"spec": {"replicas": 1}})

    stack.refresh()
    repaired = [(step.op, step.type) for step in stack.planned() if not step.type.startswith("eks-cluster-autoscaler:")]
    assert sorted(repaired) == [
        ("create", TAG),
        ("update", NODE_GROUP),
        ("update", POLICY),
        ("update", SERVICE_ACCOUNT),
    ]
    stack.up()
    assert outside.found() == in_order

    # Helm compares the release with the objects, and makes them equal again (docs/ci.md).
    (release,) = json.loads(sandbox.run(["helm", "--namespace", "kube-system", "list", "--output", "json"]))
    revision = release["revision"]
    sandbox.run(["helm", "rollback", "cluster-autoscaler", revision, "--namespace", "kube-system", "--wait"])
    assert outside.apps.read_namespaced_deployment("cluster-autoscaler", "kube-system").spec.replicas == 2
    outside.scale(desiredSize=2)

    outside.annotate("arn:aws:iam::123456789012:role/other")
    assert [(step.op, step.type) for step in stack.planned("--refresh")] == [("update", SERVICE_ACCOUNT)]
    stack.up("--refresh")
    assert outside.found() == in_order


def test_roles_are_made_as_the_account_asks_and_destroy_leaves_nothing(
    sandbox: Sandbox, before: dict[str, list[str]], stack: Stack
) -> None:
    """A separate stack, so that the shared one stays up; its budget is one that counts the pods that stay."""
    held = inventory(sandbox)
    other = Stack(sandbox, "sandbox", "short-lived")
    network = {"cidr": "10.1.0.0/16", "zones": ["us-east-1a", "us-east-1b"]}
    cluster = settings(other, "cluster", name="short-lived")
    cluster["create"]["network"] = network
    cluster["create"]["role"] = {"path": "/platform/", "namePrefix": "org-"}
    cluster["create"]["addons"] = {}
    other.set("cluster", cluster)
    other.set("role", {"path": "/platform/", "namePrefix": "org-"})
    other.set("autoscaler", settings(other, "autoscaler", replicas=3, minAvailable=1))
    try:
        other.up()
        roles = {role["RoleName"]: role["Path"] for role in sandbox.client("iam").list_roles()["Roles"]}
        made = {name: roles[name] for name in set(inventory(sandbox)["roles"]) - set(held["roles"])}
        addons = sandbox.client("eks").list_addons(clusterName="short-lived")["addons"]
        assert sorted(addons) == ["coredns", "kube-proxy", "vpc-cni"]
        with sandbox.kubernetes("short-lived") as api:
            # Of the chart's two fields only one may arrive, and no null does (pulumi-kubernetes issue 2997).
            (budget,) = client.PolicyV1Api(api).list_namespaced_pod_disruption_budget("kube-system").items
            assert (budget.spec.min_available, budget.spec.max_unavailable) == (None, 2)
        assert other.planned() == []
        assert len(made) == 4
        assert all(name.startswith("org-") and path == "/platform/" for name, path in made.items()), made
    finally:
        other.destroy()
    assert inventory(sandbox) == held
    assert not sandbox.layout.admin_kubeconfig("short-lived", "us-east-1").exists()
