"""A role for a service account is trusted to exactly that account, by issuer, subject and audience."""

import re
from collections.abc import Iterator

from pulumi_policy import ResourceValidationArgs, Severity

from .model.iam import Statement, trust
from .model.roles import is_cluster_issuer
from .model.rule import Rule, Settings
from .model.stack import ROLE

AUDIENCE = "sts.amazonaws.com"

_ACTION = "sts:AssumeRoleWithWebIdentity"
_ACCOUNTS = "system:serviceaccount:"
_SUBJECT = re.compile(r"system:serviceaccount:[a-z0-9]([-a-z0-9]*[a-z0-9])?:[a-z0-9]([-.a-z0-9]*[a-z0-9])?")


def trusted_subjects(statement: Statement) -> tuple[str, ...]:
    """Return the subjects that a statement pins for the OIDC providers it trusts, none if it trusts no provider."""
    return tuple(subject for issuer in _issuers(statement) for subject in statement.equals(f"{issuer}:sub"))


def _issuers(statement: Statement) -> tuple[str, ...]:
    if not statement.allows_action(_ACTION):
        return ()
    federated = statement.principals.get("Federated", ())
    return tuple(arn.partition(":oidc-provider/")[2] for arn in federated if ":oidc-provider/" in arn)


def _judge(role: ResourceValidationArgs, _: Settings) -> Iterator[str]:
    for statement in trust(role):
        for issuer in _issuers(statement):
            if is_cluster_issuer(issuer) or _speaks_of_accounts(statement, issuer):
                yield from _judge_issuer(statement, issuer)


def _speaks_of_accounts(statement: Statement, issuer: str) -> bool:
    """Return whether a statement names service accounts, which only Kubernetes has; those of CI name repositories."""
    key = f"{issuer}:sub".lower()
    values = (value for keys in statement.conditions.values() for value in keys.get(key, ()))
    return any(value.startswith(_ACCOUNTS) for value in values)


def _judge_issuer(statement: Statement, issuer: str) -> Iterator[str]:
    if "*" in issuer:
        yield f"Statement {statement.label} trusts {issuer}; expected the OIDC provider of one cluster."
        return
    subjects, audiences = statement.equals(f"{issuer}:sub"), statement.equals(f"{issuer}:aud")
    if not subjects:
        yield (
            f"Statement {statement.label} does not pin {issuer}:sub by StringEquals; any service account of the "
            "cluster, or every one that a pattern matches, can take the role."
        )
    for subject in subjects:
        if not _SUBJECT.fullmatch(subject):
            yield (
                f"Statement {statement.label} trusts the subject {subject}; expected "
                "system:serviceaccount:<namespace>:<service account>, without wildcards."
            )
    # IAM compares the audience with the provider's client IDs in any case, and other workloads may have their own.
    of_others = bool(subjects) and not any("autoscaler" in subject for subject in subjects)
    if audiences != (AUDIENCE,) and not of_others:
        given = ", ".join(audiences) or "nothing"
        yield f"Statement {statement.label} pins {issuer}:aud to {given}; expected {AUDIENCE} by StringEquals."


RULE = Rule(
    name="irsa-trust-pins-service-account",
    reason=(
        "A missing or loose condition on sub or aud lets other pods assume the role. A condition on another issuer "
        "never matches, so no pod can assume it."
    ),
    fix=(
        "Trust one OIDC provider, and require by StringEquals <issuer>:sub = "
        "system:serviceaccount:<namespace>:<service account> and <issuer>:aud = sts.amazonaws.com, where <issuer> is "
        "what follows oidc-provider/ in the provider's ARN."
    ),
    types=(ROLE,),
    severity=Severity.CRITICAL,
).per_resource(_judge)
