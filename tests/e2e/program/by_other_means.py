"""Set-ups of Cluster Autoscaler on the cluster ``legacy``, as other tools and people leave them."""

import json
from typing import NamedTuple

from sandbox.adoption import CLUSTER
from sandbox.tests.harness import Sandbox
from tests.versions import newest_image

ROLE = "AmazonEKSClusterAutoscalerRole"
POLICY = "AmazonEKSClusterAutoscalerPolicy"
IMAGE_TAG = newest_image("1.36")
READS = ["autoscaling:Describe*", "ec2:Describe*", "ec2:GetInstanceTypesFromInstanceRequirements", "eks:Describe*"]
WRITES = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]

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


class SetUp(NamedTuple):
    """One set-up.

    Attributes:
        account: Name of its service account.
        commands: Shell commands that make it; empty if there is no autoscaler.
        clean: Shell commands that remove what is left after the stack is destroyed.
    """

    account: str
    commands: str
    clean: str


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
    "none": SetUp("", "", ""),
    "helm": SetUp(
        "cluster-autoscaler",
        _IRSA
        + _ACCOUNT_BY_EKSCTL
        + _HELM
        + "--set fullnameOverride=cluster-autoscaler"
        + " --set rbac.serviceAccount.create=false --set rbac.serviceAccount.name=cluster-autoscaler",
        _CLEAN_IRSA,
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
    policies = {"POLICY": policy, "TRUST": trust}
    return {"ISSUER": issuer, **{name: json.dumps(document) for name, document in policies.items()}}
