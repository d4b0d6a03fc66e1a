"""Plain resources that every rule lets pass. Each bad program changes one thing about one of them.

Nothing here is ever made: the programs are previewed, before their cluster exists.
"""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from tests.versions import NEWEST_CHART, newest_image

CLUSTER = "prod"
ACCOUNT = "123456789012"
ISSUER = "oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
IMAGE = "registry.k8s.io/autoscaling/cluster-autoscaler"
IMAGE_TAG = newest_image("1.35")
LABELS = {"app": "cluster-autoscaler"}
SUBNETS = ["subnet-0a", "subnet-0b"]


def statement(**parts: Any) -> dict[str, Any]:
    """A document of one statement."""
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **parts}]}


def service_trust(service: str) -> dict[str, Any]:
    """Trust of an AWS service."""
    return statement(Action="sts:AssumeRole", Principal={"Service": service})


def irsa_trust(**conditions: str) -> dict[str, Any]:
    """Trust of the autoscaler's service account; `sub` and `aud` can be changed."""
    pinned = {"sub": "system:serviceaccount:kube-system:cluster-autoscaler", "aud": "sts.amazonaws.com"} | conditions
    return statement(
        Action="sts:AssumeRoleWithWebIdentity",
        Principal={"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"},
        Condition={"StringEquals": {f"{ISSUER}:{claim}": value for claim, value in pinned.items()}},
    )


def role(name: str, trust: Mapping[str, Any]) -> aws.iam.Role:
    """A role with a trust document."""
    return aws.iam.Role(name, assume_role_policy=json.dumps(trust))


def policy(**changes: Any) -> aws.iam.Policy:
    """The autoscaler's policy; parts of its write statement can be changed."""
    scale = {
        "Action": ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
        "Resource": "*",
        "Condition": {"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{CLUSTER}": "owned"}},
    }
    return aws.iam.Policy("scale", policy=json.dumps(statement(**(scale | changes))))


def cluster(**network: Any) -> aws.eks.Cluster:
    """A cluster; its endpoint settings can be changed."""
    settings: dict[str, Any] = {"subnet_ids": SUBNETS, "public_access_cidrs": ["203.0.113.0/24"]} | network
    return aws.eks.Cluster(
        "cluster",
        name=CLUSTER,
        version="1.35",
        role_arn=role("cluster", service_trust("eks.amazonaws.com")).arn,
        vpc_config=aws.eks.ClusterVpcConfigArgs(**settings),
    )


def metadata_options(**changes: Any) -> dict[str, Any]:
    """IMDSv2 out of reach of pods."""
    return {"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1} | changes


def disks(encrypted: str = "true") -> list[Any]:
    """One root disk."""
    return [{"device_name": "/dev/xvda", "ebs": {"encrypted": encrypted, "volume_size": 50}}]


def launch_template(**changes: Any) -> aws.ec2.LaunchTemplate:
    """The template of the nodes."""
    arguments = {"metadata_options": metadata_options(), "block_device_mappings": disks()}
    return aws.ec2.LaunchTemplate("nodes", **(arguments | changes))


def node_group(ignored: str = "scalingConfig.desiredSize", **changes: Any) -> aws.eks.NodeGroup:
    """A managed node group."""
    template = changes.pop("template", None) or launch_template()
    arguments: dict[str, Any] = {
        "cluster_name": CLUSTER,
        "node_role_arn": role("nodes", service_trust("ec2.amazonaws.com")).arn,
        "subnet_ids": SUBNETS,
        "scaling_config": {"min_size": 0, "max_size": 10, "desired_size": 1},
        "launch_template": {"id": template.id, "version": "1"},
    }
    return aws.eks.NodeGroup("workers", **(arguments | changes), opts=pulumi.ResourceOptions(ignore_changes=[ignored]))


def self_managed_group(tags: dict[str, str]) -> aws.autoscaling.Group:
    """A group of nodes that EKS knows nothing about."""
    return aws.autoscaling.Group(
        "self-managed",
        min_size=0,
        max_size=10,
        vpc_zone_identifiers=SUBNETS,
        launch_template=aws.autoscaling.GroupLaunchTemplateArgs(id=launch_template().id, version="1"),
        tags=[
            aws.autoscaling.GroupTagArgs(key=key, value=value, propagate_at_launch=True) for key, value in tags.items()
        ],
    )


def asg_tag(key: str, value: str) -> aws.autoscaling.Tag:
    """A tag on a group that another owner made."""
    tag = aws.autoscaling.TagTagArgs(key=key, value=value, propagate_at_launch=False)
    return aws.autoscaling.Tag("tag", autoscaling_group_name="eks-others-0a1b", tag=tag)


def chart_values(role_arn: pulumi.Input[str] | None = None) -> dict[str, Any]:
    """Values of the chart, with the annotation for IRSA if there is a role."""
    return {
        "awsRegion": "us-east-1",
        "autoDiscovery": {"clusterName": CLUSTER},
        "fullnameOverride": "cluster-autoscaler",
        "rbac": {
            "serviceAccount": {
                "name": "cluster-autoscaler",
                "annotations": {"eks.amazonaws.com/role-arn": role_arn} if role_arn else {},
            }
        },
        "image": {"repository": IMAGE, "tag": IMAGE_TAG},
        "replicaCount": 2,
        "priorityClassName": "system-cluster-critical",
        "extraArgs": {"expander": "least-waste"},
    }


def kubernetes_provider(of: aws.eks.Cluster | None = None) -> kubernetes.Provider:
    """Access to a cluster, which a preview of a new cluster does not have."""
    kubeconfig = (of or cluster()).endpoint.apply(
        lambda server: json.dumps({"clusters": [{"cluster": {"server": server}}]})
    )
    return kubernetes.Provider("cluster", kubeconfig=kubeconfig)


def release(
    values: Mapping[str, Any], cluster: aws.eks.Cluster | None = None, **changes: Any
) -> kubernetes.helm.v3.Release:
    """The Helm release, from a mirror that is still to be made: so no preview asks for the chart."""
    mirror = aws.ec2.Eip("chart-mirror")
    arguments: dict[str, Any] = {
        "name": "cluster-autoscaler",
        "namespace": "kube-system",
        "chart": "cluster-autoscaler",
        "version": NEWEST_CHART,
        "repository_opts": {"repo": pulumi.Output.concat("http://", mirror.public_ip, "/charts")},
        "values": dict(values),
    }
    return kubernetes.helm.v3.Release(
        "autoscaler", **(arguments | changes), opts=pulumi.ResourceOptions(provider=kubernetes_provider(cluster))
    )


def deployment(provider: kubernetes.Provider, image: str = f"{IMAGE}:{IMAGE_TAG}") -> kubernetes.apps.v1.Deployment:
    """The autoscaler by manifest."""
    discovery = f"asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/{CLUSTER}"
    command = ["./cluster-autoscaler", "--expander=least-waste", f"--node-group-auto-discovery={discovery}"]
    return kubernetes.apps.v1.Deployment(
        "autoscaler",
        metadata={"name": "cluster-autoscaler", "namespace": "kube-system"},
        spec={
            "replicas": 2,
            "selector": {"match_labels": LABELS},
            "template": {
                "metadata": {"labels": LABELS},
                "spec": {
                    "priority_class_name": "system-cluster-critical",
                    "service_account_name": "cluster-autoscaler",
                    "containers": [{"name": "cluster-autoscaler", "image": image, "command": command}],
                },
            },
        },
        opts=pulumi.ResourceOptions(provider=provider),
    )


def disruption_budget(provider: kubernetes.Provider) -> kubernetes.policy.v1.PodDisruptionBudget:
    """The budget of the autoscaler by manifest."""
    return kubernetes.policy.v1.PodDisruptionBudget(
        "autoscaler",
        metadata={"name": "cluster-autoscaler", "namespace": "kube-system"},
        spec={"max_unavailable": 1, "selector": {"match_labels": LABELS}},
        opts=pulumi.ResourceOptions(provider=provider),
    )


def web(provider: kubernetes.Provider, image: str) -> kubernetes.apps.v1.Deployment:
    """A workload that is no autoscaler."""
    return kubernetes.apps.v1.Deployment(
        "web",
        metadata={"name": "web"},
        spec={
            "selector": {"match_labels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
        opts=pulumi.ResourceOptions(provider=provider),
    )
