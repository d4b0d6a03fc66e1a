"""The autoscaler's role for EKS Pod Identity is trusted to one service account of one cluster.

AWS documents a trust of pods.eks.amazonaws.com without conditions for its own add-ons. Roles of others are not judged.
"""

from collections.abc import Iterator

from pulumi_policy import PolicyResource

from .model.iam import Statement, trust
from .model.roles import is_the_autoscalers
from .model.rule import Rule, Settings
from .model.stack import ROLE, Stack

NAMESPACE = "aws:RequestTag/kubernetes-namespace"
SERVICE_ACCOUNT = "aws:RequestTag/kubernetes-service-account"

_CLUSTER_KEYS = ("aws:RequestTag/eks-cluster-arn", "aws:RequestTag/eks-cluster-name", "aws:SourceArn")
_ACTIONS = ("sts:AssumeRole", "sts:TagSession")


def trusts_pod_identity(statement: Statement) -> bool:
    """Return whether a statement lets EKS Pod Identity assume the role."""
    return statement.allows_action("sts:AssumeRole") and "pods.eks.amazonaws.com" in statement.principals.get(
        "Service", ()
    )


def _judge(role: PolicyResource, stack: Stack, _: Settings) -> Iterator[str]:
    for statement in filter(trusts_pod_identity, trust(role)):
        if not is_the_autoscalers(role, stack):
            return
        for what, keys in (
            ("namespace", (NAMESPACE,)),
            ("service account", (SERVICE_ACCOUNT,)),
            ("cluster", _CLUSTER_KEYS),
        ):
            if not any(statement.equals(key) for key in keys):
                yield f"Statement {statement.label} is open to any {what}; expected StringEquals {' or '.join(keys)}."
        for action in _ACTIONS:
            if not statement.allows_action(action):
                yield f"Statement {statement.label} does not allow {action}, without which no pod gets credentials."


RULE = Rule(
    name="pod-identity-trust-is-narrow",
    reason=(
        "A principal that may create Pod Identity associations can give a role that trusts pods.eks.amazonaws.com "
        "alone to any pod of any cluster in the account. The autoscaler's role can terminate instances."
    ),
    fix=(
        "Allow sts:AssumeRole and sts:TagSession, and require by StringEquals aws:RequestTag/kubernetes-namespace, "
        "aws:RequestTag/kubernetes-service-account and aws:RequestTag/eks-cluster-arn."
    ),
    types=(ROLE,),
).per_stack(_judge)
