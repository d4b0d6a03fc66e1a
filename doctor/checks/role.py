"""Third link: the role exists, and lets this service account of this cluster, and no other, assume it."""

from collections.abc import Iterator, Sequence

from .. import credentials
from .._shared import iam
from ..case import Case, broken
from ..documents import Request, TrustVerdict, judge_trust, repaired_trust
from ..facts import Association, Cluster, OidcProvider, Role, Source
from ..findings import Finding, Link, RuleBook
from ..readings import Unreadable

BOOK = RuleBook(Link.ROLE)

EXISTS = BOOK.rule("exists", "The role exists", "A role that was deleted or misspelled cannot be assumed.")
PROVIDER = BOOK.rule(
    "oidc-provider",
    "IAM has an OIDC provider for the cluster's issuer",
    "AWS checks the pod's token against the OIDC provider of its issuer and rejects it if there is none.",
)
PROVIDER_AUDIENCE = BOOK.rule(
    "oidc-audience",
    "The OIDC provider accepts the tokens' audience",
    "The provider lists the audiences that it accepts; AWS rejects a token for any other one.",
)
TRUST_ISSUER = BOOK.rule(
    "trust-issuer",
    "The trust policy names this cluster's issuer",
    "A role for another cluster trusts that cluster's tokens, not this one's.",
)
TRUST_SUBJECT = BOOK.rule(
    "trust-subject",
    "The trust policy names this service account",
    "Namespace and name must be exactly those of the pod's service account.",
)
TRUST_AUDIENCE = BOOK.rule(
    "trust-audience",
    "The trust policy names the tokens' audience",
    "The audience is sts.amazonaws.com in every partition; any other one never matches.",
)
TRUST_POD_IDENTITY = BOOK.rule(
    "trust-pod-identity",
    "The trust policy lets EKS Pod Identity assume the role",
    "pods.eks.amazonaws.com needs sts:AssumeRole and sts:TagSession, under conditions that the session meets.",
)
TRUST_NARROW = BOOK.rule(
    "trust-narrow",
    "The trust policy names no other service account",
    "Without a pinned subject every pod of the issuer's cluster, or of the account, can scale this cluster.",
)

POD_IDENTITY_SERVICE = "pods.eks.amazonaws.com"


def check(case: Case, earlier: Sequence[Finding]) -> Iterator[Finding]:
    """Look at the role, its trust and the OIDC provider."""
    facts = case.snapshot.aws
    if case.source in (None, Source.STATIC_KEYS) or not facts.role_arn:
        yield _without_role(case, earlier)
        return
    if isinstance(facts.role, Unreadable):
        yield EXISTS.unread(facts.role)
        return
    if facts.role is None:
        intended = case.snapshot.intent.role_arn if case.snapshot.intent else None
        yield EXISTS.broken(
            f"IAM has no role {facts.role_arn}.",
            "an existing role",
            case.mender.give_role(case.source, intended or "ARN_OF_AN_EXISTING_ROLE"),
        )
        return
    yield EXISTS.ok(f"{facts.role.arn}.")
    if case.cluster is None:
        if isinstance(facts.cluster, Unreadable):
            yield TRUST_ISSUER.unread(facts.cluster)
    elif case.source is Source.IRSA:
        yield from _provider(case, case.cluster)
        yield from _web_identity(case, facts.role, case.cluster)
    elif case.source is Source.POD_IDENTITY:
        yield from _pod_identity(case, facts.role, case.cluster)


def _without_role(case: Case, earlier: Sequence[Finding]) -> Finding:
    causes = broken(earlier, "pod.deployment", "service-account")
    if causes:
        return EXISTS.after(causes)
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
        return EXISTS.unread(unread)
    if case.source is Source.STATIC_KEYS:
        return EXISTS.ok("The autoscaler uses an access key and needs no role.")
    return EXISTS.warning(
        "The node of the autoscaler's pod has no role, or the pod has no node.",
        "a role",
        case.mender.give_role(case.source, "ROLE_ARN"),
    )


def _provider(case: Case, cluster: Cluster) -> Iterator[Finding]:
    provider = case.snapshot.aws.oidc_provider
    if isinstance(provider, Unreadable):
        yield PROVIDER.unread(provider)
    elif provider is None:
        yield PROVIDER.broken(
            f"IAM has no OIDC provider for {cluster.issuer}.",
            "an OIDC provider for this issuer",
            case.mender.create_provider(cluster.issuer),
        )
    else:
        yield PROVIDER.ok(provider.arn)
        yield _provider_audience(case, provider)


def _audience(case: Case) -> str:
    annotations = case.service_account.annotations if case.service_account else {}
    return annotations.get(credentials.AUDIENCE_ANNOTATION, iam.AUDIENCE)


def _provider_audience(case: Case, provider: OidcProvider) -> Finding:
    audience = _audience(case)
    if audience in provider.audiences:
        return PROVIDER_AUDIENCE.ok(f"The OIDC provider accepts the audience {audience}.")
    return PROVIDER_AUDIENCE.broken(
        f"The OIDC provider accepts the audiences {', '.join(provider.audiences) or '(none)'}; "
        f"the pod's token is for {audience}.",
        iam.AUDIENCE,
        case.mender.add_audience(provider.arn),
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
    mend = case.mender.trust(role.name, repaired_trust(role.trust, right, request))
    if verdict.allowed:
        yield TRUST_ISSUER.ok(f"The role trusts {provider_arn}.")
        yield TRUST_SUBJECT.ok(f"The role trusts {context[subject]}.{_unjudged(verdict)}")
        yield TRUST_AUDIENCE.ok(f"The role trusts the audience {context[audience]}.")
        yield _narrow(case, verdict, role, mend)
        return
    if provider_arn not in verdict.principals and "*" not in verdict.principals:
        trusted = ", ".join(verdict.principals) or "no OIDC provider at all"
        yield TRUST_ISSUER.broken(f"The role trusts {trusted}.", provider_arn, mend)
        return
    yield TRUST_ISSUER.ok(f"The role trusts {provider_arn}.")
    if not verdict.refusals:
        yield TRUST_SUBJECT.broken(
            "The trust policy does not allow sts:AssumeRoleWithWebIdentity, or denies it.",
            "sts:AssumeRoleWithWebIdentity",
            mend,
        )
        return
    for refusal in verdict.refusals:
        rule = TRUST_AUDIENCE if refusal.key.lower() == audience.lower() else TRUST_SUBJECT
        given = refusal.given if refusal.given is not None else "no such claim"
        yield rule.broken(
            f"{refusal.operator} {refusal.key} expects {' or '.join(refusal.wanted)}; the pod's token has {given}.",
            context.get(refusal.key, "no such condition"),
            mend,
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
    mend = case.mender.trust(role.name, repaired_trust(role.trust, right, request))
    if verdict.allowed:
        yield TRUST_POD_IDENTITY.ok(
            f"The role trusts {POD_IDENTITY_SERVICE} for {namespace}/{account} of this cluster.{_unjudged(verdict)}"
        )
        yield _narrow(case, verdict, role, mend)
    elif POD_IDENTITY_SERVICE not in verdict.principals:
        trusted = ", ".join(verdict.principals) or "no service"
        yield TRUST_POD_IDENTITY.broken(f"The role trusts {trusted}.", POD_IDENTITY_SERVICE, mend)
    elif verdict.refusals:
        refusal = verdict.refusals[0]
        given = refusal.given if refusal.given is not None else "no such tag"
        yield TRUST_POD_IDENTITY.broken(
            f"{refusal.operator} {refusal.key} expects {' or '.join(refusal.wanted)}; the session has {given}.",
            context.get(refusal.key, "no such condition"),
            mend,
        )
    else:
        missing = " and ".join(verdict.missing_actions) or "the session, because a statement denies it"
        yield TRUST_POD_IDENTITY.broken(f"The trust policy does not allow {missing}.", " and ".join(actions), mend)


def _first(associations: tuple[Association, ...] | Unreadable) -> Association | None:
    return None if isinstance(associations, Unreadable) or not associations else associations[0]


def _unjudged(verdict: TrustVerdict) -> str:
    return f" Not judged: {', '.join(verdict.unjudged)}." if verdict.unjudged else ""


def _narrow(case: Case, verdict: TrustVerdict, role: Role, mend: str) -> Finding:
    identity = [key for key in verdict.loose if key.endswith((":sub", "/kubernetes-service-account"))]
    if identity:
        return TRUST_NARROW.warning(
            f"The trust policy of {role.name} does not pin {', '.join(sorted(identity))}.",
            "this service account only",
            mend,
        )
    return TRUST_NARROW.ok("The trust policy pins the service account.")
