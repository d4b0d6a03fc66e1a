"""Set-ups of Cluster Autoscaler on the cluster ``legacy``, as other tools and people leave them."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from sandbox.adoption import CLUSTER, INSTANCE_TYPE, NODE_GROUP
from sandbox.tests.harness import Sandbox
from tests.versions import newest_image

ROLE = "AmazonEKSClusterAutoscalerRole"
POLICY = "AmazonEKSClusterAutoscalerPolicy"
IMAGE_TAG = newest_image("1.36")
READS = ["autoscaling:Describe*", "ec2:Describe*", "ec2:GetInstanceTypesFromInstanceRequirements", "eks:Describe*"]
WRITES = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
OF_EKSCTL = "eksctl-legacy-nodegroup-spot-NodeGroup-1A2B3C"
OF_TERRAFORM = "gpu-20250301120000000100000001"
OF_A_TEAM = "system"

_SOON: Any = {"Delay": 1, "MaxAttempts": 120}

_HELM = f"""helm install cluster-autoscaler sandbox/chart/cluster-autoscaler --namespace kube-system --wait \
  --set autoDiscovery.clusterName={CLUSTER} --set awsRegion=us-east-1 --set image.tag={IMAGE_TAG} """

_POLICY = f"""
policy=$(aws iam create-policy --policy-name {POLICY} --policy-document "$POLICY" --query Policy.Arn --output text)
"""
_ROLE = f"""
role=$(aws iam create-role --role-name {ROLE} --assume-role-policy-document "$TRUST" --query Role.Arn --output text)
aws iam attach-role-policy --role-name {ROLE} --policy-arn "$policy"
"""
_PROVIDER = 'aws iam create-open-id-connect-provider --url "$ISSUER" --client-id-list sts.amazonaws.com\n'
_IRSA = _PROVIDER + _POLICY + _ROLE

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

# The objects, names and flags of the public example (kubernetes/autoscaler, cluster-autoscaler/cloudprovider/aws/
# examples/cluster-autoscaler-autodiscover.yaml), without its service account, which `eksctl` made. Its rules are wider.
_EXAMPLE_MANIFEST = f"""
kubectl apply --filename - <<END
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
metadata: {{name: cluster-autoscaler, namespace: kube-system, labels: {{app: cluster-autoscaler}}}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: cluster-autoscaler}}}}
  template:
    metadata:
      labels: {{app: cluster-autoscaler}}
      annotations: {{prometheus.io/scrape: "true", prometheus.io/port: "8085"}}
    spec:
      priorityClassName: system-cluster-critical
      securityContext: {{runAsNonRoot: true, runAsUser: 65534, fsGroup: 65534}}
      serviceAccountName: cluster-autoscaler
      containers:
        - name: cluster-autoscaler
          image: registry.k8s.io/autoscaling/cluster-autoscaler:{IMAGE_TAG}
          imagePullPolicy: Always
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
          volumeMounts:
            - {{name: ssl-certs, mountPath: /etc/ssl/certs/ca-certificates.crt, readOnly: true}}
      volumes:
        - {{name: ssl-certs, hostPath: {{path: /etc/ssl/certs/ca-bundle.crt}}}}
END
kubectl -n kube-system rollout status deployment/cluster-autoscaler --timeout 60s
"""

# A team's own names; the pods use the role of the one group whose metadata service answers them.
_OWN_MANIFEST = f"""
kubectl -n kube-system create serviceaccount autoscaler
kubectl create clusterrolebinding autoscaler --clusterrole cluster-admin --serviceaccount kube-system:autoscaler
kubectl apply --filename - <<END
apiVersion: apps/v1
kind: Deployment
metadata: {{name: autoscaler, namespace: kube-system}}
spec:
  selector: {{matchLabels: {{k8s-app: autoscaler}}}}
  template:
    metadata: {{labels: {{k8s-app: autoscaler}}}}
    spec:
      serviceAccountName: autoscaler
      nodeSelector: {{eks.amazonaws.com/nodegroup: {OF_A_TEAM}}}
      containers:
        - name: autoscaler
          image: registry.k8s.io/autoscaling/cluster-autoscaler:{IMAGE_TAG}
          env: [{{name: AWS_REGION, value: us-east-1}}]
          command:
            - ./cluster-autoscaler
            - --cloud-provider=aws
            - --node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/{CLUSTER}
            - --scale-down-unneeded-time=20m
            - --v=2
END
kubectl -n kube-system rollout status deployment/autoscaler --timeout 60s
"""


class SetUp(NamedTuple):
    """One set-up.

    Attributes:
        account: Name of its service account.
        commands: Shell commands that make its autoscaler; empty if there is none.
        groups: Makes its groups of nodes.
    """

    account: str
    commands: str
    groups: Callable[[Sandbox], None] = lambda _: None


def _node_group(name: str, *, hop_limit: int, **settings: Any) -> Callable[[Sandbox], None]:
    """A managed node group with a launch template of the same name, on the role and subnets of the first group."""

    def make(sandbox: Sandbox) -> None:
        eks = sandbox.client("eks")
        first = eks.describe_nodegroup(clusterName=CLUSTER, nodegroupName=NODE_GROUP)["nodegroup"]
        metadata = {"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": hop_limit}
        sandbox.client("ec2").create_launch_template(
            LaunchTemplateName=name, LaunchTemplateData={"MetadataOptions": metadata}
        )
        eks.create_nodegroup(
            clusterName=CLUSTER,
            nodegroupName=name,
            nodeRole=first["nodeRole"],
            subnets=first["subnets"],
            launchTemplate={"name": name, "version": "1"},
            instanceTypes=[INSTANCE_TYPE],
            **settings,
        )
        eks.get_waiter("nodegroup_active").wait(clusterName=CLUSTER, nodegroupName=name, WaiterConfig=_SOON)

    return make


def _group_by_eksctl(sandbox: Sandbox) -> None:
    """An Auto Scaling group as the CloudFormation stack of an unmanaged node group of eksctl leaves it."""
    data = {"ImageId": "ami-12c6146b", "InstanceType": INSTANCE_TYPE}
    sandbox.client("ec2").create_launch_template(LaunchTemplateName=OF_EKSCTL, LaunchTemplateData=data)
    tags = {
        "alpha.eksctl.io/cluster-name": CLUSTER,
        "alpha.eksctl.io/nodegroup-name": "spot",
        f"kubernetes.io/cluster/{CLUSTER}": "owned",
        "k8s.io/cluster-autoscaler/enabled": "true",
        f"k8s.io/cluster-autoscaler/{CLUSTER}": "owned",
        "k8s.io/cluster-autoscaler/node-template/label/lifecycle": "spot",
    }
    where: Any = {"ResourceType": "auto-scaling-group", "ResourceId": OF_EKSCTL, "PropagateAtLaunch": True}
    sandbox.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=OF_EKSCTL,
        MinSize=0,
        MaxSize=3,
        LaunchTemplate={"LaunchTemplateName": OF_EKSCTL},
        AvailabilityZones=["us-east-1a"],
        Tags=[{**where, "Key": key, "Value": value} for key, value in tags.items()],
    )


SET_UPS = {
    "none": SetUp("", ""),
    "helm": SetUp(
        "cluster-autoscaler",
        "sh sandbox/autoscaler_by_helm.sh",  # what a reader of the page types, by `make sandbox-cluster`
    ),
    "eksctl": SetUp("cluster-autoscaler", _IRSA + _ACCOUNT_BY_EKSCTL + _EXAMPLE_MANIFEST, _group_by_eksctl),
    # A group as terraform-aws-modules/eks 21 makes it (modules/eks-managed-node-group/main.tf), and the values by which
    # aws-ia/eks-blueprints-addons (main.tf, module cluster_autoscaler) installs the chart with helm_release.
    "terraform": SetUp(
        "cluster-autoscaler-sa",
        _IRSA
        + _HELM
        + "--set rbac.serviceAccount.name=cluster-autoscaler-sa --set extraArgs.scan-interval=5s"
        + " --set-string 'rbac.serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn'=\"$role\"",
        _node_group(
            OF_TERRAFORM,
            hop_limit=1,
            scalingConfig={"minSize": 0, "maxSize": 3, "desiredSize": 0},
            labels={"pool": "gpu"},
            taints=[{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}],
            tags={"Terraform": "true", "Environment": "prod", "Name": "gpu"},
        ),
    ),
    # The chart under another name; an association of EKS Pod Identity gives the role.
    "pod-identity": SetUp(
        "cluster-autoscaler",
        _POLICY
        + _ROLE
        + f"""
aws eks create-addon --cluster-name {CLUSTER} --addon-name eks-pod-identity-agent
aws eks create-pod-identity-association --cluster-name {CLUSTER} --namespace kube-system \
  --service-account cluster-autoscaler --role-arn "$role"
kubectl -n kube-system create serviceaccount cluster-autoscaler
"""
        + _HELM.replace("install cluster-autoscaler", "install platform")
        + "--set rbac.serviceAccount.create=false --set rbac.serviceAccount.name=cluster-autoscaler",
    ),
    "manual": SetUp(
        "autoscaler",
        _POLICY
        + f"""
role=$(aws eks describe-nodegroup --cluster-name {CLUSTER} --nodegroup-name {OF_A_TEAM} \
  --query nodegroup.nodeRole --output text)
aws iam attach-role-policy --role-name "${{role##*/}}" --policy-arn "$policy"
"""
        + _OWN_MANIFEST,
        _node_group(OF_A_TEAM, hop_limit=2, scalingConfig={"minSize": 1, "maxSize": 3, "desiredSize": 1}),
    ),
}

REMOVE_AUTOSCALER = """
helm --namespace kube-system list --all --short | xargs --no-run-if-empty helm --namespace kube-system uninstall
kubectl -n kube-system delete deployments,replicasets --all
kubectl -n kube-system delete --ignore-not-found serviceaccount cluster-autoscaler cluster-autoscaler-sa autoscaler
kubectl -n kube-system delete --ignore-not-found role,rolebinding cluster-autoscaler
kubectl delete --ignore-not-found clusterrole,clusterrolebinding cluster-autoscaler autoscaler
"""
"""Removes any autoscaler from the cluster, whatever a test left of it."""


def remove_from_aws(sandbox: Sandbox) -> None:
    """Remove what a set-up made in AWS, as far as it exists."""
    eks, ec2, iam = (sandbox.client(service) for service in ("eks", "ec2", "iam"))
    for association in eks.list_pod_identity_associations(clusterName=CLUSTER)["associations"]:
        eks.delete_pod_identity_association(clusterName=CLUSTER, associationId=association["associationId"])
    for name in {*eks.list_nodegroups(clusterName=CLUSTER)["nodegroups"]} - {NODE_GROUP}:
        eks.delete_nodegroup(clusterName=CLUSTER, nodegroupName=name)
        eks.get_waiter("nodegroup_deleted").wait(clusterName=CLUSTER, nodegroupName=name, WaiterConfig=_SOON)
    with suppress(ClientError):
        sandbox.client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=OF_EKSCTL, ForceDelete=True)
    for name in (OF_EKSCTL, OF_TERRAFORM, OF_A_TEAM):
        with suppress(ClientError):
            ec2.delete_launch_template(LaunchTemplateName=name)
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        if policy["PolicyName"] == POLICY:
            for role in iam.list_entities_for_policy(PolicyArn=policy["Arn"])["PolicyRoles"]:
                iam.detach_role_policy(RoleName=role["RoleName"], PolicyArn=policy["Arn"])
            iam.delete_policy(PolicyArn=policy["Arn"])
    if ROLE in {role["RoleName"] for role in iam.list_roles()["Roles"]}:
        iam.delete_role(RoleName=ROLE)


def documents(sandbox: Sandbox, kind: str, account: str) -> dict[str, str]:
    """What the commands take from the environment: the issuer, the policy, and the trust in a service account."""
    issuer = sandbox.client("eks").describe_cluster(name=CLUSTER)["cluster"]["identity"]["oidc"]["issuer"]
    owner = sandbox.client("sts").get_caller_identity()["Account"]
    path = issuer.removeprefix("https://")
    policy = {"Statement": [{"Effect": "Allow", "Action": READS + WRITES, "Resource": "*"}], "Version": "2012-10-17"}
    trusted = {f"{path}:sub": f"system:serviceaccount:kube-system:{account}", f"{path}:aud": "sts.amazonaws.com"}
    by_token = {
        "Principal": {"Federated": f"arn:aws:iam::{owner}:oidc-provider/{path}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": trusted},
    }
    by_agent = {"Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    statement = {"Effect": "Allow", **(by_agent if kind == "pod-identity" else by_token)}
    policies = {"POLICY": policy, "TRUST": {"Statement": [statement], "Version": "2012-10-17"}}
    return {"ISSUER": issuer, **{name: json.dumps(document) for name, document in policies.items()}}
