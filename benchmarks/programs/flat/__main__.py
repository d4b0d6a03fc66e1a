"""The resources of the development environment, written down one by one: no components, no settings, no checks.

Registers what the project's own program registers for it, input by input; the benchmark refuses to compare otherwise.
"""

import json
from collections.abc import Sequence
from functools import partial

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
from pulumi_aws.eks.outputs import NodeGroupResource

config = pulumi.Config()
CLUSTER = config.require("cluster")
CHART = config.require("chart")
IMAGES = config.require_object("images")
"""Tag of the image by Kubernetes minor."""
REGION = "us-east-1"

TAGS = {"environment": "dev", "owner": "platform"}

aws_provider = aws.Provider("aws", region=REGION, default_tags={"tags": TAGS})
on_aws = pulumi.ResourceOptions(provider=aws_provider)
cluster = aws.eks.get_cluster_output(name=CLUSTER, opts=pulumi.InvokeOutputOptions(provider=aws_provider))
issuer = cluster.identities.apply(lambda identities: identities[0].oidcs[0].issuer)


def managed_policy(name: str, arn: str) -> str:
    return f"arn:{arn.split(':')[1]}:iam::aws:policy/{name}"


def asg_name(resources: Sequence[NodeGroupResource]) -> str:
    groups = resources[0].autoscaling_groups
    return groups[0].name or "" if groups else ""


def tag(name: str, group: pulumi.Input[str], key: str, value: str) -> None:
    aws.autoscaling.Tag(
        name,
        autoscaling_group_name=group,
        tag={"key": key, "value": value, "propagate_at_launch": False},
        opts=on_aws,
    )


def node_group(
    name: str,
    desired: int,
    maximum: int,
    instance_types: list[str],
    capacity_type: str,
    taints: list[dict[str, str]],
    tags: dict[str, str],
) -> aws.eks.NodeGroup:
    role = aws.iam.Role(
        f"{name}-node",
        description=f"Nodes of the managed node group {name}",
        assume_role_policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
                ],
            }
        ),
        tags=TAGS,
        opts=on_aws,
    )
    attachments = [
        aws.iam.RolePolicyAttachment(
            f"{name}-node-{policy}",
            role=role.name,
            policy_arn=role.arn.apply(partial(managed_policy, policy)),
            opts=on_aws,
        )
        for policy in ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly")
    ]
    template = aws.ec2.LaunchTemplate(
        name,
        description=f"Nodes of the managed node group {name}",
        metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
        block_device_mappings=[
            {
                "device_name": "/dev/xvda",
                "ebs": {
                    "volume_type": "gp3",
                    "volume_size": 50,
                    "encrypted": "true",
                    "delete_on_termination": "true",
                },
            }
        ],
        tag_specifications=[
            {"resource_type": "instance", "tags": {"Name": name, **TAGS}},
            {"resource_type": "volume", "tags": {"Name": name, **TAGS}},
        ],
        tags=TAGS,
        opts=on_aws,
    )
    group = aws.eks.NodeGroup(
        name,
        cluster_name=cluster.name,
        node_role_arn=role.arn,
        subnet_ids=cluster.vpc_config.apply(lambda network: network.subnet_ids),
        version=cluster.version,
        ami_type="AL2023_x86_64_STANDARD",
        capacity_type=capacity_type,
        instance_types=instance_types,
        labels={"workload": name},
        taints=[aws.eks.NodeGroupTaintArgs(**taint) for taint in taints],
        scaling_config={"min_size": desired, "max_size": maximum, "desired_size": desired},
        update_config={"max_unavailable": 1},
        launch_template={
            "id": template.id,
            "version": template.latest_version.apply(lambda version: str(int(version))),
        },
        tags=TAGS,
        opts=pulumi.ResourceOptions(
            provider=aws_provider, depends_on=attachments, ignore_changes=["scalingConfig.desiredSize"]
        ),
    )
    asg = group.resources.apply(asg_name)
    prefix = "k8s.io/cluster-autoscaler"
    tag(f"{name}-enabled", asg, f"{prefix}/enabled", "true")
    tag(f"{name}-cluster", asg, f"{prefix}/{CLUSTER}", "owned")
    for key, value in {"label/workload": name, "resources/ephemeral-storage": "50Gi", **tags}.items():
        tag(f"{name}-{key}", asg, f"{prefix}/node-template/{key}", value)
    return group


groups = [
    node_group(
        "general",
        desired=2,
        maximum=6,
        tags={"resources/pods": "29"},
        instance_types=["m6i.large", "m5.large"],
        capacity_type="ON_DEMAND",
        taints=[],
    ),
    node_group(
        "batch",
        desired=0,
        maximum=10,
        tags={
            "taint/workload": "batch:NoSchedule",
            "resources/pods": "58",
            "autoscaling-options/scaledownunneededtime": "1m",
        },
        instance_types=["m6i.xlarge", "m5.xlarge", "m5a.xlarge"],
        capacity_type="SPOT",
        taints=[{"key": "workload", "value": "batch", "effect": "NO_SCHEDULE"}],
    ),
]

oidc_provider = aws.iam.OpenIdConnectProvider(
    "oidc-provider", url=issuer, client_id_lists=["sts.amazonaws.com"], opts=on_aws
)


def policy_document(arn: str) -> str:
    _, partition, _, region, account, _ = arn.split(":")
    where = f"{region}:{account}"
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "Read",
                    "Effect": "Allow",
                    "Action": [
                        "autoscaling:DescribeAutoScalingGroups",
                        "autoscaling:DescribeLaunchConfigurations",
                        "autoscaling:DescribeScalingActivities",
                        "ec2:DescribeImages",
                        "ec2:DescribeInstanceTypes",
                        "ec2:DescribeLaunchTemplateVersions",
                        "ec2:GetInstanceTypesFromInstanceRequirements",
                    ],
                    "Resource": "*",
                },
                {
                    "Sid": "ReadNodegroups",
                    "Effect": "Allow",
                    "Action": "eks:DescribeNodegroup",
                    "Resource": f"arn:{partition}:eks:{where}:nodegroup/{CLUSTER}/*/*",
                },
                {
                    "Sid": "Scale",
                    "Effect": "Allow",
                    "Action": [
                        "autoscaling:SetDesiredCapacity",
                        "autoscaling:TerminateInstanceInAutoScalingGroup",
                    ],
                    "Resource": f"arn:{partition}:autoscaling:{where}:autoScalingGroup:*:autoScalingGroupName/*",
                    "Condition": {"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{CLUSTER}": "owned"}},
                },
            ],
        }
    )


def trust_document(provider_arn: str, url: str) -> str:
    path = url.removeprefix("https://")
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": provider_arn},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": {
                        "StringEquals": {
                            f"{path}:aud": "sts.amazonaws.com",
                            f"{path}:sub": "system:serviceaccount:kube-system:cluster-autoscaler",
                        }
                    },
                }
            ],
        }
    )


policy = aws.iam.Policy(
    "cluster-autoscaler",
    name=f"AmazonEKSClusterAutoscalerPolicy-{CLUSTER}-{REGION}",
    description="What Kubernetes Cluster Autoscaler calls, on the groups of one cluster",
    policy=cluster.arn.apply(policy_document),
    opts=on_aws,
)
role = aws.iam.Role(
    "cluster-autoscaler",
    description="Kubernetes Cluster Autoscaler",
    assume_role_policy=pulumi.Output.all(oidc_provider.arn, issuer).apply(lambda known: trust_document(*known)),
    opts=on_aws,
)
attachment = aws.iam.RolePolicyAttachment("cluster-autoscaler", role=role.name, policy_arn=policy.arn, opts=on_aws)


def kubeconfig(name: str, endpoint: str, authority: str) -> str:
    token = ["eks", "get-token", "--cluster-name", name, "--region", REGION, "--output", "json"]
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": endpoint, "certificate-authority-data": authority}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
            "users": [
                {
                    "name": name,
                    "user": {
                        "exec": {
                            "apiVersion": "client.authentication.k8s.io/v1beta1",
                            "command": "aws",
                            "args": token,
                            "interactiveMode": "Never",
                        }
                    },
                }
            ],
        }
    )


kubernetes_provider = kubernetes.Provider(
    "kubernetes",
    kubeconfig=pulumi.Output.all(
        cluster.name, cluster.endpoint, cluster.certificate_authorities.apply(lambda found: found[0].data)
    ).apply(lambda known: kubeconfig(*known)),
)


def spread(topology_key: str) -> dict[str, object]:
    return {
        "maxSkew": 1,
        "topologyKey": topology_key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": "cluster-autoscaler"}},
    }


account = kubernetes.core.v1.ServiceAccount(
    "cluster-autoscaler",
    metadata={
        "name": "cluster-autoscaler",
        "namespace": "kube-system",
        "annotations": {
            "eks.amazonaws.com/role-arn": role.arn,
            "helm.sh/resource-policy": "keep",
            "pulumi.com/patchForce": "true",
        },
    },
    automount_service_account_token=True,
    opts=pulumi.ResourceOptions(provider=kubernetes_provider, depends_on=[*groups, attachment]),
)

release = kubernetes.helm.v3.Release(
    "cluster-autoscaler",
    name="cluster-autoscaler",
    namespace="kube-system",
    chart=CHART,
    atomic=True,
    cleanup_on_fail=True,
    timeout=300,
    values={
        "cloudProvider": "aws",
        "awsRegion": REGION,
        "autoDiscovery": {
            "clusterName": cluster.name,
            "tags": ["k8s.io/cluster-autoscaler/enabled", f"k8s.io/cluster-autoscaler/{CLUSTER}"],
        },
        "fullnameOverride": "cluster-autoscaler",
        "rbac": {
            "create": True,
            "serviceAccount": {"create": False, "name": "cluster-autoscaler"},
        },
        "image": {
            "repository": "registry.k8s.io/autoscaling/cluster-autoscaler",
            "tag": cluster.version.apply(lambda version: IMAGES[version]),
        },
        "extraArgs": {
            "balance-similar-node-groups": "true",
            "balancing-ignore-label_1": "eks.amazonaws.com/sourceLaunchTemplateId",
            "balancing-ignore-label_2": "eks.amazonaws.com/sourceLaunchTemplateVersion",
            "balancing-ignore-label_3": "nodegroup-name",
            "cluster-name": CLUSTER,
            "expander": "least-waste",
            "max-node-provision-time": "10m",
            "scale-down-delay-after-add": "1m",
            "scale-down-unneeded-time": "2m",
            "skip-nodes-with-system-pods": "false",
        },
        "replicaCount": 2,
        "podDisruptionBudget": {"maxUnavailable": 1},
        "priorityClassName": "system-cluster-critical",
        "podLabels": {"app": "cluster-autoscaler"},
        "podAnnotations": {
            "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
            "eks-cluster-autoscaler/credentials": role.arn,
        },
        "resources": {"requests": {"cpu": "100m", "memory": "600Mi"}, "limits": {"memory": "600Mi"}},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "runAsGroup": 65534,
            "fsGroup": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containerSecurityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "tolerations": [],
        "topologySpreadConstraints": [spread("topology.kubernetes.io/zone"), spread("kubernetes.io/hostname")],
    },
    opts=pulumi.ResourceOptions(
        provider=kubernetes_provider,
        depends_on=[*groups, attachment, account],
        delete_before_replace=True,
        custom_timeouts=pulumi.CustomTimeouts(create="300s", update="300s", delete="300s"),
    ),
)
pulumi.export("roleArn", role.arn)
