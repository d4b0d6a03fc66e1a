"""The resources of a stack: their type tokens, and how one refers to another."""

from collections.abc import Iterator
from dataclasses import dataclass

from pulumi_policy import PolicyResource, ResourceValidationArgs

Judged = ResourceValidationArgs | PolicyResource

ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ROLE_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ROLE_ATTACHMENTS = "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive"
USER_ATTACHMENT = "aws:iam/userPolicyAttachment:UserPolicyAttachment"
USER_ATTACHMENTS = "aws:iam/userPolicyAttachmentsExclusive:UserPolicyAttachmentsExclusive"
GROUP_ATTACHMENT = "aws:iam/groupPolicyAttachment:GroupPolicyAttachment"
GROUP_ATTACHMENTS = "aws:iam/groupPolicyAttachmentsExclusive:GroupPolicyAttachmentsExclusive"
ANY_ATTACHMENT = "aws:iam/policyAttachment:PolicyAttachment"
CLUSTER = "aws:eks/cluster:Cluster"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
POD_IDENTITY_ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
LAUNCH_CONFIGURATION = "aws:ec2/launchConfiguration:LaunchConfiguration"
AUTO_SCALING_GROUP = "aws:autoscaling/group:Group"
AUTO_SCALING_TAG = "aws:autoscaling/tag:Tag"
RELEASE = "kubernetes:helm.sh/v3:Release"
CHARTS = ("kubernetes:helm.sh/v3:Chart", "kubernetes:helm.sh/v4:Chart")
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
SERVICE_ACCOUNT = "kubernetes:core/v1:ServiceAccount"
DISRUPTION_BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
CAPACITY_BUFFERS = tuple(
    f"kubernetes:autoscaling.x-k8s.io/{version}:CapacityBuffer" for version in ("v1beta1", "v1alpha1")
)


@dataclass(frozen=True)
class Stack:
    """All resources of a stack."""

    resources: tuple[PolicyResource, ...]

    def of(self, *types: str) -> Iterator[PolicyResource]:
        """Yield the resources of the given types."""
        return (resource for resource in self.resources if resource.resource_type in types)


def used_by(resource: PolicyResource, name: str, *types: str) -> tuple[PolicyResource, ...]:
    """Return the resources of the given types that a property of a resource is computed from.

    This is known before any value is: the name of a group that does not exist yet is unknown, the group itself is not.
    """
    return tuple(used for used in resource.property_dependencies.get(name, ()) if used.resource_type in types)
