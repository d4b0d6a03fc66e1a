"""No role of the program holds a managed policy that reaches far beyond one cluster's groups."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from pulumi_policy import ResourceValidationArgs, Severity

from .model.properties import peek, texts
from .model.rule import Rule, Settings, text_list
from .model.stack import ROLE

# Where each type holds the policies it gives to a role. An ARN that a preview does not know yet is mostly that of a
# policy the program makes itself; should it be AWS's, the update judges it before it is attached.
_POLICY_ARNS = {
    ROLE: "managedPolicyArns",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "policyArn",
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": "policyArns",
    "aws:iam/policyAttachment:PolicyAttachment": "policyArn",
}


def _judge(resource: ResourceValidationArgs, settings: Settings) -> Iterator[str]:
    for arn in texts(peek(resource.props, _POLICY_ARNS[resource.resource_type])):
        owner, _, path = arn.partition(":policy/")
        name = path.rpartition("/")[2]
        if not owner.endswith(":iam::aws") or name in settings.texts("allowed"):
            continue
        if any(fnmatchcase(name, pattern) for pattern in settings.texts("forbidden")):
            yield f"{arn} is attached; expected a policy that allows only what the role's holder calls."


RULE = Rule(
    name="no-broad-managed-policy",
    reason=(
        "A wide AWS managed policy lets whoever holds the role change groups, instances and data of every cluster in "
        "the account. AutoScalingFullAccess is the usual one for Cluster Autoscaler, which needs two write actions."
    ),
    fix="Attach a customer managed policy with the calls that are made, and scope its write actions by tag.",
    types=tuple(_POLICY_ARNS),
    severity=Severity.CRITICAL,
    settings={
        "forbidden": text_list(
            ("*FullAccess", "*FullAccessV2", "*PowerUser*", "AdministratorAccess*", "SystemAdministrator"),
            "Names of AWS managed policies that no role may hold; `*` stands for any text.",
        ),
        "allowed": text_list((), "Names of AWS managed policies to let pass although a pattern matches them."),
    },
).per_resource(_judge)
