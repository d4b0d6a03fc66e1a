"""Set-ups of Cluster Autoscaler on the cluster ``legacy``, as other tools and people leave them."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from sandbox.adoption import CLUSTER, INSTANCE_TYPE
from sandbox.tests.harness import Sandbox
from tests.versions import newest_image

ROLE = "AmazonEKSClusterAutoscalerRole"
POLICY = "AmazonEKSClusterAutoscalerPolicy"
IMAGE_TAG = newest_image("1.36")
READS = ["autoscaling:Describe*", "ec2:Describe*", "ec2:GetInstanceTypesFromInstanceRequirements", "eks:Describe*"]
WRITES = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
TERRAFORMS_GROUP = "default-20250301120000000100000001"
EKSCTLS_GROUP = "eksctl-legacy-nodegroup-spot-NodeGroup-1A2B3C"

_HELM = f"""helm install cluster-autoscaler sandbox/chart/cluster-autoscaler --namespace kube-system --wait \
  --set autoDiscovery.clusterName={CLUSTER} --set awsRegion=us-east-1 --set image.tag={IMAGE_TAG} """

_IRSA = f"""
provider=$(aws iam create-open-id-connect-provider --url "$ISSUER" --client-id-list sts.amazonaws.com --output text)
policy=$(aws iam create-policy --policy-name {POLICY} --policy-document "$POLICY" --query Policy.Arn --output text)
role=$(aws iam create-role --role-name {ROLE} --assume-role-policy-document "$TRUST" --query Role.Arn --output text)
aws iam attach-role-policy --role-name {ROLE} --policy-arn "$policy"
"""

# As `eksctl create iamserviceaccount` leaves it, and `kubectl apply` with a team's own marks.
_ACCOUNT_BY_EKSCTL = """
kubectl apply --filename - <<END
apiVersion: v1
kind: ServiceAccount
metadata:
  name: cluster-autoscaler
  namespace: kube-system
  labels: {app.kubernetes.io/managed-by: eksctl, team: platform}
  annotations: {eks.amazonaws.com/role-arn: "$role", example.com/owner: platform}
END
"""

# The objects of the public example, cluster-autoscaler-autodiscover.yaml; its rules are shortened.
_EXAMPLE_MANIFEST = f"""
kubectl apply -f - <<'MANIFEST'
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: cluster-autoscaler, labels: {{k8s-app: cluster-autoscaler}}}}
rules: [{{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: cluster-autoscaler, labels: {{k8s-app: cluster-autoscaler}}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-autoscaler}}
subjects: [{{kind: ServiceAccount, name: cluster-autoscaler, namespace: kube-system}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: cluster-autoscaler, namespace: kube-system, labels: {{k8s-app: cluster-autoscaler}}}}
rules: [{{apiGroups: [""], resources: [configmaps], verbs: ["*"]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: cluster-autoscaler, namespace: kube-system, labels: {{k8s-app: cluster-autoscaler}}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: cluster-autoscaler}}
subjects: [{{kind: ServiceAccount, name: cluster-autoscaler, namespace: kube-system}}]
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: cluster-autoscaler
  namespace: kube-system
  labels: {{app: cluster-autoscaler}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: cluster-autoscaler}}}}
  template:
    metadata:
      labels: {{app: cluster-autoscaler}}
      annotations: {{prometheus.io/scrape: "true", prometheus.io/port: "8085"}}
    spec:
      priorityClassName: system-cluster-critical
      serviceAccountName: cluster-autoscaler
      containers:
        - name: cluster-autoscaler
          image: registry.k8s.io/autoscaling/cluster-autoscaler:{IMAGE_TAG}
          env: [{{name: AWS_REGION, value: us-east-1}}]
          resources:
            limits: {{cpu: 100m, memory: 600Mi}}
            requests: {{cpu: 100m, memory: 600Mi}}
          command:
            - ./cluster-autoscaler
            - --v=4
            - --stderrthreshold=info
            - --cloud-provider=aws
            - --skip-nodes-with-local-storage=false
            - --expander=least-waste
            - --node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/{CLUSTER}
MANIFEST
kubectl -n kube-system rollout status deployment/cluster-autoscaler --timeout 60s
"""


class SetUp(NamedTuple):
    """One set-up.

    Attributes:
        account: Name of its service account.
        commands: Shell commands that make it; empty if there is no autoscaler.
        prepare: Makes its groups of nodes.
        clean: Shell commands that remove what is left after the stack is destroyed.
    """

    account: str
    commands: str
    prepare: Callable[[Sandbox], None]
    clean: str


def _nothing(_: Sandbox) -> None:
    pass


def _group_by_terraform(sandbox: Sandbox) -> None:
    """A managed node group with the name and tags that terraform-aws-modules/eks gives it, scaled to zero."""
    eks = sandbox.client("eks")
    like = eks.describe_nodegroup(clusterName=CLUSTER, nodegroupName="workers")["nodegroup"]
    eks.create_nodegroup(
        clusterName=CLUSTER,
        nodegroupName=TERRAFORMS_GROUP,
        nodeRole=like["nodeRole"],
        subnets=like["subnets"],
        instanceTypes=[INSTANCE_TYPE],
        scalingConfig={"minSize": 0, "maxSize": 3, "desiredSize": 0},
        labels={"pool": "gpu"},
        taints=[{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}],
        tags={"Terraform": "true", "Environment": "prod", "Name": "default"},
    )
    soon: Any = {"Delay": 1, "MaxAttempts": 120}
    eks.get_waiter("nodegroup_active").wait(clusterName=CLUSTER, nodegroupName=TERRAFORMS_GROUP, WaiterConfig=soon)


def _group_by_eksctl(sandbox: Sandbox) -> None:
    """An Auto Scaling group as the CloudFormation stack of an unmanaged node group of eksctl leaves it."""
    data = {"ImageId": "ami-12c6146b", "InstanceType": INSTANCE_TYPE}
    made = sandbox.client("ec2").create_launch_template(LaunchTemplateName=EKSCTLS_GROUP, LaunchTemplateData=data)
    tags = {
        "alpha.eksctl.io/cluster-name": CLUSTER,
        "alpha.eksctl.io/nodegroup-name": "spot",
        f"kubernetes.io/cluster/{CLUSTER}": "owned",
        "k8s.io/cluster-autoscaler/enabled": "true",
        f"k8s.io/cluster-autoscaler/{CLUSTER}": "owned",
        "k8s.io/cluster-autoscaler/node-template/label/lifecycle": "spot",
    }
    where: Any = {"ResourceType": "auto-scaling-group", "ResourceId": EKSCTLS_GROUP, "PropagateAtLaunch": True}
    sandbox.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=EKSCTLS_GROUP,
        MinSize=0,
        MaxSize=3,
        LaunchTemplate={"LaunchTemplateId": made["LaunchTemplate"]["LaunchTemplateId"]},
        AvailabilityZones=["us-east-1a"],
        Tags=[{**where, "Key": key, "Value": value} for key, value in tags.items()],
    )


_CLEAN_IRSA = f"""
policy=arn:aws:iam::123456789012:policy/{POLICY}
aws iam detach-role-policy --role-name {ROLE} --policy-arn "$policy" || true
aws iam delete-role --role-name {ROLE} || true
aws iam delete-policy --policy-arn "$policy" || true
for arn in $(aws iam list-open-id-connect-providers --query 'OpenIDConnectProviderList[].Arn' --output text); do
  aws iam delete-open-id-connect-provider --open-id-connect-provider-arn "$arn"
done
"""

SET_UPS = {
    "none": SetUp("", "", _nothing, ""),
    "helm": SetUp(
        "cluster-autoscaler",
        _IRSA
        + _ACCOUNT_BY_EKSCTL
        + _HELM
        + "--set fullnameOverride=cluster-autoscaler"
        + " --set rbac.serviceAccount.create=false --set rbac.serviceAccount.name=cluster-autoscaler",
        _nothing,
        _CLEAN_IRSA,
    ),
    "eksctl": SetUp(
        "cluster-autoscaler",
        _IRSA + _ACCOUNT_BY_EKSCTL + _EXAMPLE_MANIFEST,
        _group_by_eksctl,
        _CLEAN_IRSA
        + f"""
aws autoscaling delete-auto-scaling-group --auto-scaling-group-name {EKSCTLS_GROUP} --force-delete
aws ec2 delete-launch-template --launch-template-name {EKSCTLS_GROUP}
""",
    ),
    "terraform": SetUp(
        "cluster-autoscaler-sa",
        _IRSA
        + _HELM
        + "--set rbac.serviceAccount.name=cluster-autoscaler-sa --set extraArgs.scan-interval=5s"
        + " --set-string 'rbac.serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn'=\"$role\"",
        _group_by_terraform,
        _CLEAN_IRSA + f"aws eks delete-nodegroup --cluster-name {CLUSTER} --nodegroup-name {TERRAFORMS_GROUP}\n",
    ),
    # The chart under another name; an association of EKS Pod Identity gives the role.
    "pod-identity": SetUp(
        "cluster-autoscaler",
        f"""
policy=$(aws iam create-policy --policy-name {POLICY} --policy-document "$POLICY" --query Policy.Arn --output text)
role=$(aws iam create-role --role-name {ROLE} --assume-role-policy-document "$PODS" --query Role.Arn --output text)
aws iam attach-role-policy --role-name {ROLE} --policy-arn "$policy"
aws eks create-addon --cluster-name {CLUSTER} --addon-name eks-pod-identity-agent
aws eks wait addon-active --cluster-name {CLUSTER} --addon-name eks-pod-identity-agent
aws eks create-pod-identity-association --cluster-name {CLUSTER} --namespace kube-system \
  --service-account cluster-autoscaler --role-arn "$role"
kubectl -n kube-system create serviceaccount cluster-autoscaler
"""
        + _HELM.replace("install cluster-autoscaler", "install platform")
        + "--set rbac.serviceAccount.create=false --set rbac.serviceAccount.name=cluster-autoscaler",
        _nothing,
        _CLEAN_IRSA + f"aws eks delete-addon --cluster-name {CLUSTER} --addon-name eks-pod-identity-agent\n",
    ),
    # Its own names, and a fixed list of groups.
    "manual": SetUp(
        "autoscaler",
        _IRSA
        + f"""
group=$(aws eks describe-nodegroup --cluster-name {CLUSTER} --nodegroup-name workers \
  --query 'nodegroup.resources.autoScalingGroups[0].name' --output text)
kubectl -n kube-system create serviceaccount autoscaler
kubectl -n kube-system annotate serviceaccount autoscaler eks.amazonaws.com/role-arn="$role"
kubectl create clusterrolebinding autoscaler --clusterrole cluster-admin --serviceaccount kube-system:autoscaler
kubectl apply -f - <<MANIFEST
apiVersion: apps/v1
kind: Deployment
metadata: {{name: autoscaler, namespace: kube-system}}
spec:
  selector: {{matchLabels: {{k8s-app: autoscaler}}}}
  template:
    metadata: {{labels: {{k8s-app: autoscaler}}}}
    spec:
      serviceAccountName: autoscaler
      containers:
        - name: autoscaler
          image: registry.k8s.io/autoscaling/cluster-autoscaler:{IMAGE_TAG}
          env: [{{name: AWS_REGION, value: us-east-1}}]
          command: [./cluster-autoscaler, --cloud-provider=aws, "--nodes=1:3:$group", --scale-down-unneeded-time=20m]
MANIFEST
kubectl -n kube-system rollout status deployment/autoscaler --timeout 60s
""",
        _nothing,
        _CLEAN_IRSA + "kubectl delete clusterrolebinding autoscaler\n",
    ),
}


def documents(sandbox: Sandbox, account: str) -> dict[str, str]:
    """What the commands take from the environment: the issuer, the policy, and the trust in a service account."""
    issuer = sandbox.client("eks").describe_cluster(name=CLUSTER)["cluster"]["identity"]["oidc"]["issuer"]
    owner = sandbox.client("sts").get_caller_identity()["Account"]
    path = issuer.removeprefix("https://")
    policy = {"Statement": [{"Effect": "Allow", "Action": READS + WRITES, "Resource": "*"}], "Version": "2012-10-17"}
    trusted = {f"{path}:sub": f"system:serviceaccount:kube-system:{account}", f"{path}:aud": "sts.amazonaws.com"}
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::{owner}:oidc-provider/{path}"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": trusted},
            }
        ],
    }
    pods = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "pods.eks.amazonaws.com"},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
            }
        ],
    }
    policies = {"POLICY": policy, "TRUST": trust, "PODS": pods}
    return {"ISSUER": issuer, **{name: json.dumps(document) for name, document in policies.items()}}
