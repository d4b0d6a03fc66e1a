"""One resource of each kind that every rule lets pass. The tests start from these and change one thing."""

import json
from typing import Any

from tests.policies.judging import Declared
from tests.versions import NEWEST_CHART, newest_image

ISSUER = "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
ACCOUNT = "123456789012"
REPOSITORY = "registry.k8s.io/autoscaling/cluster-autoscaler"
IMAGE_TAG = newest_image("1.35")

IRSA_TRUST: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"},
            "Condition": {
                "StringEquals": {
                    f"{ISSUER}:sub": "system:serviceaccount:kube-system:cluster-autoscaler",
                    f"{ISSUER}:aud": "sts.amazonaws.com",
                }
            },
        }
    ],
}

POD_IDENTITY_TRUST: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {
                    "aws:RequestTag/kubernetes-namespace": "kube-system",
                    "aws:RequestTag/kubernetes-service-account": "cluster-autoscaler",
                    "aws:RequestTag/eks-cluster-arn": f"arn:aws:eks:eu-central-1:{ACCOUNT}:cluster/prod",
                }
            },
        }
    ],
}

NODE_TRUST: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}},
    ],
}

POLICY_DOCUMENT: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Read",
            "Effect": "Allow",
            "Resource": "*",
            "Action": ["autoscaling:DescribeAutoScalingGroups", "ec2:GetInstanceTypesFromInstanceRequirements"],
        },
        {
            "Sid": "Scale",
            "Effect": "Allow",
            "Action": ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/k8s.io/cluster-autoscaler/prod": "owned"}},
        },
    ],
}


def role(trust: dict[str, Any], name: str = "autoscaler-role") -> Declared:
    """A role with a trust document."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    return Declared("aws:iam/role:Role", {"assumeRolePolicy": json.dumps(trust), "arn": arn, "tags": {}}, name)


def policy(document: dict[str, Any], name: str = "autoscaler-policy") -> Declared:
    """A customer managed policy with a document."""
    return Declared("aws:iam/policy:Policy", {"policy": json.dumps(document)}, name)


IRSA_ROLE = role(IRSA_TRUST)
POD_IDENTITY_ROLE = role(POD_IDENTITY_TRUST)
NODE_ROLE = role(NODE_TRUST, "node-role")
POLICY = policy(POLICY_DOCUMENT)

ATTACHMENT = Declared(
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    {"role": "node-role", "policyArn": "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"},
    "attachment",
)

CLUSTER = Declared(
    "aws:eks/cluster:Cluster",
    {
        "name": "prod",
        "version": "1.35",
        "vpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": ["203.0.113.0/24"], "subnetIds": ["subnet-1"]},
    },
    "cluster",
)

LAUNCH_TEMPLATE = Declared(
    "aws:ec2/launchTemplate:LaunchTemplate",
    {
        "metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1.0},
        "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true", "volumeSize": 50.0}}],
    },
    "launch-template",
)

NODE_GROUP = Declared(
    "aws:eks/nodeGroup:NodeGroup",
    {
        "clusterName": "prod",
        "scalingConfig": {"minSize": 0.0, "maxSize": 10.0, "desiredSize": 1.0},
        "launchTemplate": {"id": "lt-1", "version": "1"},
        "tags": {"Name": "workers"},
    },
    "node-group",
    ignore_changes=("scalingConfig.desiredSize",),
    uses={"launchTemplate": ("launch-template",)},
)

SELF_MANAGED_GROUP = Declared(
    "aws:autoscaling/group:Group",
    {
        "name": "workers-asg",
        "minSize": 0.0,
        "maxSize": 10.0,
        "desiredCapacity": 1.0,
        "tags": [
            {"key": "k8s.io/cluster-autoscaler/enabled", "value": "true", "propagateAtLaunch": False},
            {"key": "k8s.io/cluster-autoscaler/prod", "value": "owned", "propagateAtLaunch": False},
            {"key": "kubernetes.io/cluster/prod", "value": "owned", "propagateAtLaunch": True},
        ],
    },
    "self-managed",
    ignore_changes=("desiredCapacity",),
    uses={"launchTemplate": ("launch-template",)},
)

TAINT_TAG = Declared(
    "aws:autoscaling/tag:Tag",
    {
        "autoscalingGroupName": "eks-workers-0a1b",
        "tag": {
            "key": "k8s.io/cluster-autoscaler/node-template/taint/dedicated",
            "value": "batch:NoSchedule",
            "propagateAtLaunch": False,
        },
    },
    "taint-tag",
    uses={"autoscalingGroupName": ("node-group",)},
)

RELEASE = Declared(
    "kubernetes:helm.sh/v3:Release",
    {
        "name": "cluster-autoscaler",
        "namespace": "kube-system",
        "chart": "cluster-autoscaler",
        "version": NEWEST_CHART,
        "repositoryOpts": {"repo": "https://kubernetes.github.io/autoscaler"},
        "values": {
            "awsRegion": "eu-central-1",
            "autoDiscovery": {"clusterName": "prod"},
            "fullnameOverride": "cluster-autoscaler",
            "rbac": {
                "serviceAccount": {
                    "create": True,
                    "name": "cluster-autoscaler",
                    "annotations": {"eks.amazonaws.com/role-arn": IRSA_ROLE.props["arn"]},
                }
            },
            "image": {"repository": REPOSITORY, "tag": IMAGE_TAG},
            "replicaCount": 2.0,
            "priorityClassName": "system-cluster-critical",
            "podDisruptionBudget": {"maxUnavailable": 1.0},
            "extraArgs": {"expander": "least-waste", "balancing-ignore-label_1": "a", "balancing-ignore-label_2": "b"},
        },
    },
    "release",
    uses={"values": ("autoscaler-role",)},
)

DEPLOYMENT = Declared(
    "kubernetes:apps/v1:Deployment",
    {
        "metadata": {
            "name": "cluster-autoscaler",
            "namespace": "kube-system",
            "labels": {"helm.sh/chart": f"cluster-autoscaler-{NEWEST_CHART}"},
        },
        "spec": {
            "replicas": 2.0,
            "template": {
                "metadata": {"labels": {"app": "cluster-autoscaler", "pod-template": "x"}},
                "spec": {
                    "serviceAccountName": "cluster-autoscaler",
                    "priorityClassName": "system-cluster-critical",
                    "containers": [
                        {
                            "name": "aws-cluster-autoscaler",
                            "image": f"{REPOSITORY}:{IMAGE_TAG}",
                            "command": [
                                "./cluster-autoscaler",
                                "--cloud-provider=aws",
                                "--expander=least-waste",
                                "--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled,"
                                "k8s.io/cluster-autoscaler/prod",
                            ],
                            "env": [{"name": "AWS_REGION", "value": "eu-central-1"}],
                        }
                    ],
                },
            },
        },
    },
    "deployment",
)

SERVICE_ACCOUNT = Declared(
    "kubernetes:core/v1:ServiceAccount",
    {
        "metadata": {
            "name": "cluster-autoscaler",
            "namespace": "kube-system",
            "annotations": {"eks.amazonaws.com/role-arn": IRSA_ROLE.props["arn"]},
        }
    },
    "service-account",
    uses={"metadata": ("autoscaler-role",)},
)

DISRUPTION_BUDGET = Declared(
    "kubernetes:policy/v1:PodDisruptionBudget",
    {
        "metadata": {"name": "cluster-autoscaler", "namespace": "kube-system"},
        "spec": {"maxUnavailable": 1.0, "selector": {"matchLabels": {"app": "cluster-autoscaler"}}},
    },
    "disruption-budget",
)

ASSOCIATION = Declared(
    "aws:eks/podIdentityAssociation:PodIdentityAssociation",
    {
        "clusterName": "prod",
        "namespace": "kube-system",
        "serviceAccount": "cluster-autoscaler",
        "roleArn": IRSA_ROLE.props["arn"],
    },
    "association",
    uses={"roleArn": ("autoscaler-role",)},
)

UNRELATED = (
    Declared("aws:s3/bucket:Bucket", {"bucket": "logs", "tags": {"k8s.io": "no"}}, "bucket"),
    Declared("aws:iam/role:Role", {"assumeRolePolicy": json.dumps(NODE_TRUST)}, "other-role"),
    Declared("aws:iam/policy:Policy", {"policy": '{"Statement": {"Effect": "Allow", "Action": "s3:*"}}'}, "s3"),
    Declared("aws:autoscaling/group:Group", {"minSize": 1.0, "maxSize": 1.0, "desiredCapacity": 1.0}, "bastion-asg"),
    Declared("kubernetes:helm.sh/v3:Release", {"chart": "nginx", "values": {"image": {"tag": "latest"}}}, "nginx"),
    Declared("kubernetes:helm.sh/v4:Chart", {"chart": "oci://example/cluster-proportional-autoscaler"}, "cpa"),
    Declared(
        "kubernetes:apps/v1:Deployment",
        {"spec": {"template": {"spec": {"containers": [{"image": "web:latest"}]}}}},
        "web",
    ),
    Declared("kubernetes:core/v1:ServiceAccount", {"metadata": {"name": "web"}}, "web-account"),
    Declared("pulumi:pulumi:Stack", {}, "stack"),
)

HELM_STACK = (
    IRSA_ROLE,
    NODE_ROLE,
    POLICY,
    ATTACHMENT,
    CLUSTER,
    LAUNCH_TEMPLATE,
    NODE_GROUP,
    SELF_MANAGED_GROUP,
    TAINT_TAG,
    RELEASE,
    *UNRELATED,
)
"""A program with a Helm release and IRSA."""

MANIFEST_STACK = (
    IRSA_ROLE,
    POLICY,
    CLUSTER,
    LAUNCH_TEMPLATE,
    NODE_GROUP,
    DEPLOYMENT,
    SERVICE_ACCOUNT,
    DISRUPTION_BUDGET,
    *UNRELATED,
)
"""A program with plain manifests, or with a `Chart` that renders them."""

POD_IDENTITY_STACK = (
    POD_IDENTITY_ROLE,
    POLICY,
    CLUSTER,
    LAUNCH_TEMPLATE,
    NODE_GROUP,
    RELEASE.without("values/rbac/serviceAccount/annotations"),
    ASSOCIATION,
    *UNRELATED,
)
"""A program with a Helm release and EKS Pod Identity."""

NODE_ROLE_STACK = (
    NODE_ROLE,
    POLICY,
    CLUSTER,
    LAUNCH_TEMPLATE.but("metadataOptions/httpPutResponseHopLimit", 2.0),
    NODE_GROUP,
    RELEASE.without("values/rbac/serviceAccount/annotations"),
    *UNRELATED,
)
"""A program whose autoscaler takes the credentials of the nodes' role."""

STACKS = {
    "helm and IRSA": HELM_STACK,
    "manifests": MANIFEST_STACK,
    "Pod Identity": POD_IDENTITY_STACK,
    "node role": NODE_ROLE_STACK,
}
