"""Clusters as `init` finds them: one for each tool that people make them with."""

from dataclasses import replace
from typing import Any

from components.pure import discovery
from doctor.facts import (
    Association,
    AutoScalingGroup,
    Cluster,
    Deployment,
    Instance,
    NodeGroup,
    OidcProvider,
    Taint,
)
from doctor.init.facts import Account, Found, Installed, LiveNode, NamedObject
from doctor.readings import Unreadable

ACCOUNT = "123456789012"
ISSUER_PATH = "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
PROVIDER = OidcProvider(f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER_PATH}", ("sts.amazonaws.com",))
DENIED = Unreadable("list secrets in kube-system", True, "forbidden")


def cluster(name: str, version: str = "1.33") -> Cluster:
    arn = f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/{name}"
    return Cluster(name, arn, "us-east-1", ACCOUNT, "aws", version, f"https://{ISSUER_PATH}")


def group(
    name: str, tags: dict[str, str], low: int = 1, high: int = 4, instances: tuple[str, ...] = ()
) -> AutoScalingGroup:
    arn = f"arn:aws:autoscaling:us-east-1:{ACCOUNT}:autoScalingGroup:1:autoScalingGroupName/{name}"
    running = tuple(Instance(each, "us-east-1a") for each in instances)
    return AutoScalingGroup(name, arn, low, high, len(instances), tags=tags, instances=running)


def of_eks(cluster_name: str, node_group: str) -> dict[str, str]:
    """The tags that EKS puts on the group of a managed node group."""
    return {
        **discovery.discovery_tags(cluster_name),
        f"kubernetes.io/cluster/{cluster_name}": "owned",
        "eks:cluster-name": cluster_name,
        "eks:nodegroup-name": node_group,
    }


def node(
    instance: str, labels: dict[str, str] | None = None, taints: tuple[Taint, ...] = (), **offers: str
) -> LiveNode:
    own = {
        "k8s.io/cloud-provider-aws": "5f0a1c9e7f0d3f4f",
        "kubernetes.io/arch": "amd64",
        "node-role.kubernetes.io/worker": "",
        "kubernetes.io/hostname": f"ip-{instance}.ec2.internal",
        "node.kubernetes.io/instance-type": "m5.large",
        "topology.kubernetes.io/zone": "us-east-1a",
    }
    allocatable = {"cpu": "1930m", "memory": "7244720Ki", "pods": "29", "ephemeral-storage": "18242267924", **offers}
    return LiveNode(f"ip-{instance}.ec2.internal", instance, {**own, **(labels or {})}, taints, allocatable)


def deployment(name: str, words: list[str], **changed: Any) -> Deployment:
    like = {
        "namespace": "kube-system",
        "replicas": 1,
        "image": "registry.k8s.io/autoscaling/cluster-autoscaler:v1.33.0",
        "service_account": "cluster-autoscaler",
        "labels": {"app": "cluster-autoscaler"},
        "selector": {"app": "cluster-autoscaler"},
    }
    return Deployment(name=name, arguments=("./cluster-autoscaler", *words), **{**like, **changed})


def pod_spec(of: Deployment, **changed: Any) -> dict[str, Any]:
    container = {"name": "cluster-autoscaler", "image": of.image, "command": list(of.arguments)}
    return {"containers": [container], "priorityClassName": "system-cluster-critical", **changed}


def none() -> Found:
    """A cluster without an autoscaler."""
    eks = group("eks-workers-0ac1", of_eks("series-api", "workers"), instances=("i-0a",))
    workers = NodeGroup("workers", groups=(eks.name,), labels={"workload": "general"}, disk_gib=20)
    return Found(cluster("series-api"), (workers,), (eks,), ())


def eksctl() -> Found:
    """As `eksctl create cluster`, `eksctl create iamserviceaccount` and the example manifest leave it."""
    name = "legacy"
    managed = group("eks-workers-6ec4", of_eks(name, "workers"), instances=("i-0a",))
    nodegroup = "eksctl-legacy-nodegroup-spot-NodeGroup-1A2B3C"
    own = group(
        nodegroup,
        {
            **discovery.discovery_tags(name),
            f"kubernetes.io/cluster/{name}": "owned",
            "alpha.eksctl.io/cluster-name": name,
            "alpha.eksctl.io/nodegroup-name": "spot",
            "aws:cloudformation:stack-name": "eksctl-legacy-nodegroup-spot",
            "k8s.io/cluster-autoscaler/node-template/label/lifecycle": "spot",
            "k8s.io/cluster-autoscaler/node-template/taint/spot": "true:NoSchedule",
        },
        0,
        10,
    )
    workers = NodeGroup(
        "workers", groups=(managed.name,), labels={"alpha.eksctl.io/nodegroup-name": "workers"}, disk_gib=None
    )
    running = deployment(
        "cluster-autoscaler",
        [
            "--v=4",
            "--stderrthreshold=info",
            "--cloud-provider=aws",
            "--skip-nodes-with-local-storage=false",
            "--expander=least-waste",
            discovery.discovery_flag(name),
        ],
    )
    account = Account(
        "cluster-autoscaler",
        {"app.kubernetes.io/managed-by": "eksctl"},
        {"eks.amazonaws.com/role-arn": f"arn:aws:iam::{ACCOUNT}:role/eksctl-legacy-addon-iamserviceaccount-Role1-X"},
    )
    objects = tuple(
        NamedObject(kind, "cluster-autoscaler", role=role)
        for kind, role in (
            ("clusterrole", ""),
            ("clusterrolebinding", "cluster-autoscaler"),
            ("role", ""),
            ("rolebinding", "cluster-autoscaler"),
        )
    )
    spec = pod_spec(
        running,
        containers=[
            {
                "name": "cluster-autoscaler",
                "image": running.image,
                "command": list(running.arguments),
                "resources": {
                    "limits": {"cpu": "100m", "memory": "600Mi"},
                    "requests": {"cpu": "100m", "memory": "600Mi"},
                },
                "volumeMounts": [{"name": "ssl-certs", "mountPath": "/etc/ssl/certs/ca-certificates.crt"}],
            }
        ],
        volumes=[{"name": "ssl-certs", "hostPath": {"path": "/etc/ssl/certs/ca-bundle.crt"}}],
    )
    installed = Installed(running, {}, spec, account, objects=objects)
    return Found(
        cluster(name), (workers,), (managed, own), (node("i-0a", dict(workers.labels)),), PROVIDER, installed=installed
    )


def terraform() -> Found:
    """As terraform-aws-modules/eks and the chart by `helm_release` leave it."""
    name = "shop-prod"
    pools = {"default": ({}, ()), "gpu": ({"pool": "gpu"}, (Taint("nvidia.com/gpu", "true", "NoSchedule"),))}
    node_groups, groups = [], []
    for pool, (labels, taints) in pools.items():
        long_name = f"{pool}-20250301120000000100000001"
        asg = f"eks-{long_name}-9ac1"
        groups.append(group(asg, of_eks(name, long_name), 0 if pool == "gpu" else 2, 6))
        tags = {"Terraform": "true", "Environment": "prod", "Name": pool}
        node_groups.append(NodeGroup(long_name, groups=(asg,), labels=labels, taints=taints, tags=tags))
    running = deployment(
        "cluster-autoscaler-aws-cluster-autoscaler",
        [
            "--cloud-provider=aws",
            "--namespace=kube-system",
            discovery.discovery_flag(name),
            "--balance-similar-node-groups=true",
            "--balancing-ignore-label=pool-instance",
            "--balancing-ignore-label=rack",
            "--expander=priority",
            "--logtostderr=true",
            "--max-empty-bulk-delete=20",
            "--scale-down-unneeded-time=5m",
            "--scale-down-utilization-threshold=0.65",
            "--stderrthreshold=info",
            "--v=2",
        ],
        image="registry.example/autoscaling/cluster-autoscaler:v1.32.1",
        replicas=2,
        service_account="cluster-autoscaler-sa",
        labels={
            "app.kubernetes.io/instance": "cluster-autoscaler",
            "app.kubernetes.io/managed-by": "Helm",
            "app.kubernetes.io/name": "aws-cluster-autoscaler",
            "helm.sh/chart": "cluster-autoscaler-9.46.6",
        },
        selector={
            "app.kubernetes.io/instance": "cluster-autoscaler",
            "app.kubernetes.io/name": "aws-cluster-autoscaler",
        },
        pod_annotations={"prometheus.io/scrape": "true", "cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
    )
    account = Account(
        "cluster-autoscaler-sa",
        {"app.kubernetes.io/managed-by": "Helm"},
        {
            "meta.helm.sh/release-name": "cluster-autoscaler",
            "eks.amazonaws.com/role-arn": f"arn:aws:iam::{ACCOUNT}:role/cluster-autoscaler-20250301120500",
        },
    )
    spec = pod_spec(
        running,
        nodeSelector={"kubernetes.io/os": "linux", "pool": "system"},
        tolerations=[{"key": "CriticalAddonsOnly", "operator": "Exists"}],
        imagePullSecrets=[{"name": "mirror"}],
    )
    spec["containers"][0]["env"] = [{"name": "HTTPS_PROXY", "value": "http://user:secret@proxy:3128"}]
    installed = Installed(
        running,
        {"meta.helm.sh/release-name": "cluster-autoscaler"},
        spec,
        account,
        release_status="deployed",
        priorities="10:\n  - .*spot.*\n50:\n  - .*\n",
    )
    return Found(cluster(name), tuple(node_groups), tuple(groups), (), PROVIDER, installed=installed)


def manual() -> Found:
    """As a team created it manually: its own groups, listed by `--nodes`, an old image, and the role of the nodes."""
    name = "lab"
    labels = {"team": "lab"}
    own = group("lab-workers", {f"kubernetes.io/cluster/{name}": "owned", "Name": "lab"}, 1, 9, ("i-0a", "i-0b"))
    database = group("lab-database", {f"kubernetes.io/cluster/{name}": "owned"}, 3, 3, ("i-0d",))
    others = group("other-workers", {"kubernetes.io/cluster/other": "owned"}, 1, 9)
    running = deployment(
        "autoscaler",
        [
            "--cloud-provider=aws",
            "--nodes=1:5:lab-workers",
            "--nodes=0:3:gone",
            "--expander=price",
            "--leader-elect=false",
            "--scale-down-enabled",
            "--scan-intervall=20s",
            "--kubeconfig=/etc/kubeconfig",
        ],
        namespace="autoscaling",
        image="k8s.gcr.io/autoscaling/cluster-autoscaler:v1.21.0",
        service_account="default",
        labels={"k8s-app": "autoscaler"},
        selector={"k8s-app": "autoscaler"},
    )
    installed = Installed(running, {}, pod_spec(running, priorityClassName=""), Account("default"))
    dedicated = (Taint("dedicated", "lab", "NoSchedule"), Taint("node.kubernetes.io/not-ready", "", "NoSchedule"))
    return Found(
        cluster(name, "1.34"),
        (),
        (own, database, others),
        (
            node("i-0a", labels, dedicated, **{"vpc.amazonaws.com/pod-eni": "9"}),
            node("i-0b", labels, dedicated[:1], **{"vpc.amazonaws.com/pod-eni": "9"}),
            node("i-0d"),
        ),
        installed=installed,
    )


def pod_identity() -> Found:
    """The chart under another name, with an association of EKS Pod Identity."""
    found = terraform()
    assert isinstance(found.installed, Installed)
    running = deployment(
        "platform-aws-cluster-autoscaler",
        ["--cloud-provider=aws", "--namespace=kube-system", discovery.discovery_flag("shop-prod")],
        service_account="cluster-autoscaler",
        labels={"app.kubernetes.io/instance": "platform", "app.kubernetes.io/managed-by": "Helm"},
        selector={"app.kubernetes.io/instance": "platform", "app.kubernetes.io/name": "aws-cluster-autoscaler"},
    )
    installed = Installed(
        running,
        {"meta.helm.sh/release-name": "platform"},
        pod_spec(running),
        Account("cluster-autoscaler"),
        (Association("a-0123", f"arn:aws:iam::{ACCOUNT}:role/platform"),),
        release_status="deployed",
    )
    return replace(found, installed=installed, agent_addon="ACTIVE")


def unreadable() -> Found:
    """A cluster of which its reader may read almost nothing."""
    return Found(
        cluster("series-api"),
        Unreadable("eks:ListNodegroups", True, "not authorized"),
        Unreadable("autoscaling:DescribeAutoScalingGroups", True, "not authorized"),
        Unreadable("list nodes", True, "forbidden"),
        Unreadable("iam:GetOpenIDConnectProvider", True, "not authorized"),
        installed=Unreadable("list deployments", True, "forbidden"),
    )


KINDS = {
    "none": none,
    "eksctl": eksctl,
    "terraform": terraform,
    "manual": manual,
    "pod-identity": pod_identity,
    "unreadable": unreadable,
}
