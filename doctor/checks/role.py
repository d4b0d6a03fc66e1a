"""Third link: the role exists, and only this service account of this cluster can assume it."""

from collections.abc import Iterator, Sequence

from .. import credentials
from .._shared import iam
from ..case import Case, broken
from ..documents import Request, TrustVerdict, judge_trust, repaired_trust
from ..facts import Association, Cluster, OidcProvider, Role, Source
from ..findings import Finding
from ..readings import Unreadable
from ..rules import role as rules

POD_IDENTITY_SERVICE = "pods.eks.amazonaws.com"


def check(case: Case, earlier: Sequence[Finding]) -> Iterator[Finding]:
    """Check the role, its trust policy and the OIDC provider."""
    facts = case.snapshot.aws
    if case.source in (None, Source.STATIC_KEYS) or not facts.role_arn:
        yield _without_role(case, earlier)
        return
    if malformed := broken(earlier, "service-account.role-arn"):
        yield rules.EXISTS.after(malformed)
        return
    if isinstance(facts.role, Unreadable):
        yield rules.EXISTS.unread(facts.role)
        return
    if facts.role is None:
        yield rules.EXISTS.broken(f"IAM has no role {facts.role_arn}.", "an existing role", _create_role(case))
        return
    yield rules.EXISTS.ok(f"The role {facts.role.arn} exists.")
    if case.cluster is None:
        if isinstance(facts.cluster, Unreadable):
            yield rules.TRUST_ISSUER.unread(facts.cluster)
    elif case.source is Source.IRSA:
        yield from _provider(case, case.cluster)
        yield from _web_identity(case, facts.role, case.cluster)
    elif case.source is Source.POD_IDENTITY:
        yield from _pod_identity(case, facts.role, case.cluster)


def _create_role(case: Case) -> str:
    intended = case.snapshot.intent.role_arn if case.snapshot.intent else None
    if intended and case.source is not Source.NODE_ROLE:
        return case.fixer.give_role(case.source, intended)
    return f"Create the role {case.role_name} again, or give the autoscaler a role that exists."


def _without_role(case: Case, earlier: Sequence[Finding]) -> Finding:
    causes = broken(earlier, "pod.deployment", "service-account")
    if causes:
        return rules.EXISTS.after(causes)
    kubernetes, aws = case.snapshot.kubernetes, case.snapshot.aws
    facts: tuple[object, ...] = (
        kubernetes.deployments,
        kubernetes.service_accounts,
        aws.associations,
        aws.machine,
        kubernetes.pods,
    )
    unread = next((fact for fact in facts if isinstance(fact, Unreadable)), None)
    if unread:
        return rules.EXISTS.unread(unread)
    if case.source is Source.STATIC_KEYS:
        return rules.EXISTS.ok("The autoscaler uses an access key and needs no role.")
    return rules.EXISTS.warning(
        "The node of the autoscaler's pod has no role, or the pod has no node.",
        "a role",
        case.fixer.give_role(case.source, ""),
    )


def _provider(case: Case, cluster: Cluster) -> Iterator[Finding]:
    provider = case.snapshot.aws.oidc_provider
    if isinstance(provider, Unreadable):
        yield rules.PROVIDER.unread(provider)
    elif provider is None:
        yield rules.PROVIDER.broken(
            f"IAM has no OIDC provider for {cluster.issuer}.",
            "an OIDC provider for this issuer",
            case.fixer.create_provider(cluster.issuer),
        )
    else:
        yield rules.PROVIDER.ok(f"IAM has the OIDC provider {provider.arn}.")
        yield _provider_audience(case, provider)


def _audience(case: Case) -> str:
    annotations = case.service_account.annotations if case.service_account else {}
    return annotations.get(credentials.AUDIENCE_ANNOTATION, iam.AUDIENCE)


def _provider_audience(case: Case, provider: OidcProvider) -> Finding:
    audience = _audience(case)
    if audience in provider.audiences:
        return rules.PROVIDER_AUDIENCE.ok(f"The OIDC provider accepts the audience {audience}.")
    return rules.PROVIDER_AUDIENCE.broken(
        f"The OIDC provider accepts the audiences {', '.join(provider.audiences) or '(none)'}; "
        f"the pod's token is for {audience}.",
        iam.AUDIENCE,
        case.fixer.add_audience(provider.arn),
    )


def _web_identity(case: Case, role: Role, cluster: Cluster) -> Iterator[Finding]:
    if case.deployment is None:
        return
    path = iam.issuer_path(cluster.issuer)
    provider_arn = f"arn:{cluster.partition}:iam::{role.arn.split(':')[4]}:oidc-provider/{path}"
    namespace, account = case.deployment.namespace, case.account_of_role
    subject, audience = f"{path}:sub", f"{path}:aud"
    context = {subject: iam.subject(namespace, account), audience: _audience(case)}
    request = Request("Federated", provider_arn, ("sts:AssumeRoleWithWebIdentity",), context)
    verdict = judge_trust(role.trust, request)
    right = iam.irsa_trust(provider_arn, cluster.issuer, namespace, account)
    fix = case.fixer.trust(role.name, repaired_trust(role.trust, right, request))
    if verdict.allowed:
        yield rules.TRUST_ISSUER.ok(f"The role trusts {provider_arn}.")
        yield rules.TRUST_SUBJECT.ok(f"The role trusts {context[subject]}.{_unjudged(verdict)}")
        yield rules.TRUST_AUDIENCE.ok(f"The role trusts the audience {context[audience]}.")
        yield _narrow(verdict, role, fix)
        return
    if provider_arn not in verdict.principals and "*" not in verdict.principals:
        trusted = ", ".join(verdict.principals) or "no OIDC provider"
        yield rules.TRUST_ISSUER.broken(f"The role {role.name} trusts {trusted}.", provider_arn, fix)
        return
    yield rules.TRUST_ISSUER.ok(f"The role trusts {provider_arn}.")
    if not verdict.refusals:
        yield rules.TRUST_SUBJECT.broken(
            f"The trust policy of {role.name} does not allow sts:AssumeRoleWithWebIdentity, or denies it.",
            "sts:AssumeRoleWithWebIdentity",
            fix,
        )
        return
    for refusal in verdict.refusals:
        rule = rules.TRUST_AUDIENCE if refusal.key.lower() == audience.lower() else rules.TRUST_SUBJECT
        given = refusal.given if refusal.given is not None else "no such claim"
        yield rule.broken(
            f"The trust policy of {role.name} requires {refusal.operator} {refusal.key} {' or '.join(refusal.wanted)}; "
            f"the pod's token has {given}.",
            context.get(refusal.key, "no such condition"),
            fix,
        )


def _pod_identity(case: Case, role: Role, cluster: Cluster) -> Iterator[Finding]:
    if case.deployment is None:
        return
    namespace, account = case.deployment.namespace, case.deployment.service_account
    tags = {
        "eks-cluster-arn": cluster.arn,
        "eks-cluster-name": cluster.name,
        "kubernetes-namespace": namespace,
        "kubernetes-service-account": account,
    }
    associations = case.snapshot.aws.associations
    association = _first(associations)
    sends_tags = association is None or association.sends_session_tags
    context = {f"aws:RequestTag/{key}": value for key, value in tags.items()} if sends_tags else {}
    context |= {"aws:SourceAccount": cluster.account, "aws:SourceArn": cluster.arn}
    actions = ("sts:AssumeRole", "sts:TagSession") if sends_tags else ("sts:AssumeRole",)
    request = Request("Service", POD_IDENTITY_SERVICE, actions, context)
    verdict = judge_trust(role.trust, request)
    right = iam.pod_identity_trust(cluster.arn, namespace, account)
    fix = case.fixer.trust(role.name, repaired_trust(role.trust, right, request))
    if verdict.allowed:
        yield rules.TRUST_POD_IDENTITY.ok(
            f"The role trusts {POD_IDENTITY_SERVICE} for {namespace}/{account} of this cluster.{_unjudged(verdict)}"
        )
        yield _narrow(verdict, role, fix)
    elif POD_IDENTITY_SERVICE not in verdict.principals:
        trusted = ", ".join(verdict.principals) or "no service"
        yield rules.TRUST_POD_IDENTITY.broken(f"The role {role.name} trusts {trusted}.", POD_IDENTITY_SERVICE, fix)
    elif verdict.refusals:
        refusal = verdict.refusals[0]
        given = refusal.given if refusal.given is not None else "no such tag"
        yield rules.TRUST_POD_IDENTITY.broken(
            f"The trust policy of {role.name} requires {refusal.operator} {refusal.key} {' or '.join(refusal.wanted)}; "
            f"the session has {given}.",
            context.get(refusal.key, "no such condition"),
            fix,
        )
    else:
        missing = " and ".join(verdict.missing_actions) or "the session, because a statement denies it"
        yield rules.TRUST_POD_IDENTITY.broken(
            f"The trust policy of {role.name} does not allow {missing}.", " and ".join(actions), fix
        )


def _first(associations: tuple[Association, ...] | Unreadable) -> Association | None:
    return None if isinstance(associations, Unreadable) or not associations else associations[0]


def _unjudged(verdict: TrustVerdict) -> str:
    return f" Not judged: {', '.join(verdict.unjudged)}." if verdict.unjudged else ""


def _narrow(verdict: TrustVerdict, role: Role, fix: str) -> Finding:
    identity = [key for key in verdict.loose if key.endswith((":sub", "/kubernetes-service-account"))]
    if identity:
        return rules.TRUST_NARROW.warning(
            f"The trust policy of {role.name} does not pin {', '.join(sorted(identity))}.",
            "a trust policy for this service account only",
            fix,
        )
    return rules.TRUST_NARROW.ok(f"The trust policy of {role.name} pins the service account.")
