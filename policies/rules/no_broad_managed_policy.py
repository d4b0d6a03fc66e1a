"""No role, user or group in the program holds a managed policy that reaches far beyond one cluster's groups."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from pulumi_policy import ResourceValidationArgs, Severity

from .model import stack as types
from .model.properties import peek, texts
from .model.rule import Rule, Settings, text_list

# Where each type holds the policies it gives to a role, user or group. An ARN that a preview does not know yet is
# mostly that of a policy the program makes itself; should it be AWS's, the update judges it before it is attached.
_POLICY_ARNS = {
    types.ROLE: "managedPolicyArns",
    types.ROLE_ATTACHMENT: "policyArn",
    types.ROLE_ATTACHMENTS: "policyArns",
    types.USER_ATTACHMENT: "policyArn",
    types.USER_ATTACHMENTS: "policyArns",
    types.GROUP_ATTACHMENT: "policyArn",
    types.GROUP_ATTACHMENTS: "policyArns",
    types.ANY_ATTACHMENT: "policyArn",
}


def _judge(resource: ResourceValidationArgs, settings: Settings) -> Iterator[str]:
    for arn in texts(peek(resource.props, _POLICY_ARNS[resource.resource_type])):
        owner, _, path = arn.partition(":policy/")
        name = path.rpartition("/")[2]
        if not owner.endswith(":iam::aws") or name in settings.texts("allowed"):
            continue
        if any(fnmatchcase(name, pattern) for pattern in settings.texts("forbidden")):
            yield f"{arn} is attached; expected a policy that allows only what its holder calls."


RULE = Rule(
    name="no-broad-managed-policy",
    reason=(
        "A wide AWS managed policy lets its holder change groups, instances and data of every cluster in the account. "
        "AutoScalingFullAccess is the usual one for Cluster Autoscaler, which needs two write actions."
    ),
    fix="Attach a customer managed policy with the calls that are made, and scope its write actions by tag.",
    types=tuple(_POLICY_ARNS),
    severity=Severity.CRITICAL,
    settings={
        "forbidden": text_list(
            (
                "AdministratorAccess*",
                "PowerUserAccess",
                "SystemAdministrator",
                "IAMFullAccess",
                "AutoScalingFullAccess",
                "AutoScalingConsoleFullAccess",
                "AmazonEC2FullAccess",
                "AmazonECS_FullAccess",
            ),
            "Names of AWS managed policies that no role, user or group may hold; `*` stands for any text. By default "
            "those that can change every Auto Scaling group, or give themselves the right to.",
        ),
        "allowed": text_list((), "Names of AWS managed policies to let pass although a pattern matches them."),
    },
).per_resource(_judge)
