"""Cluster Autoscaler installed in an emulated cluster manually, so that each link of it can be broken by a test."""

import json
from pathlib import Path
from typing import Any

import yaml

from sandbox.layout import PROJECT, REGION
from sandbox.tests.autoscaler.making import NEWEST_IMAGE
from sandbox.tests.kubernetes.eks import Account, Cluster, eventually

CHART = PROJECT / "sandbox" / "chart" / "cluster-autoscaler"
NAME = "cluster-autoscaler"
GROUP = "workers"
"""The group that the autoscaler runs on, and that grows."""
OPEN = "open"
"""A group of one node, tainted with its name, whose metadata service answers pods."""
EMPTY = "empty"
"""A group without nodes, tainted with its name."""
NODE_GROUP_LABEL = "eks.amazonaws.com/nodegroup"
ROLE = "autoscaler"
AGENT = "eks-pod-identity-agent"
STRESS_LABELS = {"app": "stress"}

QUICK = {
    "scan-interval": "1s",
    "scale-down-delay-after-add": "2s",
    "scale-down-unneeded-time": "3s",
    "node-delete-delay-after-taint": "0",
}
"""Flags with which growing and shrinking takes seconds."""


def policy(cluster: str) -> dict[str, Any]:
    """What Cluster Autoscaler calls, writes only on the cluster's own groups."""
    actions = (
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeScalingActivities",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeLaunchTemplateVersions",
        "eks:DescribeNodegroup",
    )
    writes = ("autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup")
    owned = {"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster}": "owned"}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": "*"},
            {"Effect": "Allow", "Action": writes, "Resource": "*", "Condition": owned},
        ],
    }


class Installation:
    """The chart, the role and the node group of one cluster; what the role trusts and grants is up to the test."""

    def __init__(self, account: Account, cluster: Cluster) -> None:
        self.account = account
        self.cluster = cluster
        self.autoscaling = account.sandbox.client("autoscaling")
        self.role_arn = account.create_role(ROLE, {"Service": "nothing.amazonaws.com"})
        issuer = cluster.describe()["identity"]["oidc"]["issuer"]
        self.provider_arn = account.iam.create_open_id_connect_provider(
            Url=issuer, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40]
        )["OpenIDConnectProviderArn"]
        self._issuer = issuer.partition("://")[2]

    def reset(self) -> None:
        """Makes all right again: the role is trusted and grants what is needed, the groups have their first sizes."""
        self.trust_web_identity()
        self.set_policy(policy(self.cluster.name))
        for name, size in ((GROUP, 1), (EMPTY, 0)):
            if self.target(name) != size:
                its = self.group(name)["AutoScalingGroupName"]
                self.autoscaling.set_desired_capacity(AutoScalingGroupName=its, DesiredCapacity=size)
        eventually(lambda: len(self.nodes()) == 2)

    # -- AWS -----------------------------------------------------------------------------------------------------

    def create_group(self, name: str, hop_limit: int = 1, sizes: tuple[int, int, int] = (1, 1, 1), **more: Any) -> None:
        """A managed node group of small nodes (11 pods each).

        Args:
            name: Its name.
            hop_limit: How far answers of its nodes' metadata service reach: 2 is a pod.
            sizes: Its minimum, maximum and present size.
            more: More of ``CreateNodegroup``.
        """
        options = {"HttpTokens": "required", "HttpPutResponseHopLimit": hop_limit}
        template = self.account.ec2.create_launch_template(
            LaunchTemplateName=name, LaunchTemplateData={"MetadataOptions": options}
        )["LaunchTemplate"]
        self.account.eks.create_nodegroup(
            clusterName=self.cluster.name,
            nodegroupName=name,
            subnets=self.account.subnets,
            nodeRole=self.account.node_role,
            instanceTypes=["t3.small"],
            launchTemplate={"id": template["LaunchTemplateId"], "version": "1"},
            scalingConfig=dict(zip(("minSize", "maxSize", "desiredSize"), sizes, strict=True)),
            **more,
        )

    def trust_web_identity(self, service_account: str = NAME, namespace: str = "kube-system") -> None:
        """Lets a service account of the cluster assume the role by its token."""
        claims = {
            f"{self._issuer}:sub": f"system:serviceaccount:{namespace}:{service_account}",
            f"{self._issuer}:aud": "sts.amazonaws.com",
        }
        self._trust({"Federated": self.provider_arn}, ["sts:AssumeRoleWithWebIdentity"], claims)

    def trust_pod_identity(self, service_account: str = NAME) -> None:
        """Lets a service account assume the role by way of the Pod Identity agent."""
        tags = {"aws:RequestTag/kubernetes-service-account": service_account}
        self._trust({"Service": "pods.eks.amazonaws.com"}, ["sts:AssumeRole", "sts:TagSession"], tags)

    def _trust(self, principal: dict[str, str], actions: list[str], condition: dict[str, str]) -> None:
        statement = {"Effect": "Allow", "Principal": principal, "Action": actions}
        document = {"Version": "2012-10-17", "Statement": [statement | {"Condition": {"StringEquals": condition}}]}
        self.account.iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(document))

    def set_policy(self, document: dict[str, Any], role: str = ROLE) -> None:
        """Replaces what a role grants."""
        self.account.iam.put_role_policy(RoleName=role, PolicyName="autoscaler", PolicyDocument=json.dumps(document))

    def group(self, name: str = GROUP) -> dict[str, Any]:
        """The Auto Scaling group of a node group."""
        groups = self.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
        found: dict[str, Any] = next(one for one in groups if f"eks-{name}-" in one["AutoScalingGroupName"])
        return found

    def target(self, name: str = GROUP) -> int:
        """Desired size of a node group."""
        return int(self.group(name)["DesiredCapacity"])

    # -- Kubernetes ----------------------------------------------------------------------------------------------

    def install(self, arguments: dict[str, str] | None = None, annotated: bool = True, **values: Any) -> None:
        """Installs the chart with the flags of :data:`QUICK` and more; ``annotated``: for IRSA."""
        annotations = {"eks.amazonaws.com/role-arn": self.role_arn} if annotated else {}
        given = {
            "fullnameOverride": NAME,
            "awsRegion": REGION,
            "autoDiscovery": {"clusterName": self.cluster.name},
            "image": {"tag": NEWEST_IMAGE},
            "rbac": {"serviceAccount": {"annotations": annotations}},
            "extraArgs": QUICK | (arguments or {}),
            "nodeSelector": {NODE_GROUP_LABEL: GROUP},
            **values,
        }
        file = Path(self.cluster.files.folder) / "values.json"
        file.write_text(json.dumps(given))
        self._helm("upgrade", "--install", NAME, CHART, "--values", file)

    def uninstall(self) -> None:
        """Removes the chart, waits until its pods are gone, and removes what they left."""
        self._helm("uninstall", NAME, "--ignore-not-found")
        eventually(lambda: not self.pods())
        for kind, name in (("configmap", f"{NAME}-status"), ("lease", NAME)):
            self.cluster.kubectl("delete", kind, name, "-n", "kube-system", "--ignore-not-found")
        for namespace in ("default", "kube-system"):
            # All at once: kubectl by itself would delete hundreds one by one.
            self.cluster.kubectl("delete", "--raw", f"/api/v1/namespaces/{namespace}/events")

    def _helm(self, *arguments: str | Path) -> None:
        kubeconfig = ("--kubeconfig", self.cluster.files.admin_kubeconfig, "--namespace", "kube-system")
        sandbox = self.account.sandbox
        sandbox.run([sandbox.layout.bin / "helm", *arguments, *kubeconfig])

    def nodes(self) -> list[dict[str, Any]]:
        """The cluster's nodes."""
        return self.cluster.objects("nodes")

    def pods(self) -> list[dict[str, Any]]:
        """The autoscaler's pods."""
        return self.cluster.objects("pods", "-n", "kube-system", "-l", "app.kubernetes.io/name=aws-cluster-autoscaler")

    def ready(self) -> bool:
        """Whether the autoscaler has a pod, and every one of them is ready."""
        kinds = [{c["type"]: c["status"] for c in pod["status"].get("conditions", ())} for pod in self.pods()]
        return bool(kinds) and all(kind.get("Ready") == "True" for kind in kinds)

    def processes(self) -> set[int]:
        """The autoscalers of the cluster that run on this machine."""
        listed = self.account.sandbox.run(["ps", "-eww", "-o", "pid=,args="]).splitlines()
        mark = str(self.cluster.files.folder)
        return {int(line.split()[0]) for line in listed if "sandbox.autoscaler" in line and mark in line}

    def pod_folders(self) -> list[Path]:
        """What the kubelet keeps of the cluster's pods."""
        return sorted(Path(self.cluster.files.folder, "pods").glob("*"))

    def container(self) -> dict[str, Any]:
        """Status of the container of the autoscaler's only pod; empty while there is none."""
        statuses = [status for pod in self.pods() for status in pod["status"].get("containerStatuses", ())]
        return statuses[0] if len(statuses) == 1 else {}

    def logs(self, of: str = f"deployment/{NAME}", *arguments: str) -> str:
        """What ``kubectl logs`` shows of the autoscaler, or of one pod of it."""
        return self.cluster.kubectl("logs", "-n", "kube-system", of, *arguments, check=False)

    def logged(self, text: str) -> bool:
        """Whether the autoscaler has logged something."""
        return text in self.logs()

    def status(self) -> dict[str, Any]:
        """The status that the autoscaler wrote; empty when there is none."""
        maps = self.cluster.objects("configmaps", "-n", "kube-system", f"--field-selector=metadata.name={NAME}-status")
        parsed: dict[str, Any] = yaml.safe_load(maps[0]["data"]["status"]) if maps else {}
        return parsed

    def runs(self) -> bool:
        """Whether the autoscaler has done its first loop."""
        return self.status().get("autoscalerStatus") == "Running"

    def events(self, reason: str) -> list[dict[str, Any]]:
        """Events of the autoscaler."""
        found = self.cluster.objects("events", "-A", f"--field-selector=reason={reason}")
        return [event for event in found if event["source"].get("component") == "sandbox-autoscaler"]

    def stress(self, replicas: int, **spec: Any) -> None:
        """Asks for so many pods that do nothing; ``spec`` is more of theirs."""
        template = {
            "metadata": {"labels": STRESS_LABELS},
            "spec": {"containers": [{"name": "app", "image": "registry.k8s.io/pause:3.10"}], **spec},
        }
        deployment = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "stress"},
            "spec": {"replicas": replicas, "selector": {"matchLabels": STRESS_LABELS}, "template": template},
        }
        self.cluster.kubectl("apply", "-f", "-", stdin=deployment)

    def relax(self) -> None:
        """Takes the pods back."""
        self.cluster.kubectl("delete", "deployment", "stress", "--ignore-not-found", "--wait=true")
