"""Rules of the third link: the role exists, and only this service account of this cluster can assume it."""

from ..findings import Link, RuleBook

BOOK = RuleBook(
    Link.ROLE,
    "The autoscaler's role",
    "The third link: the role exists, and its trust policy lets only this service account of this cluster assume it. "
    'AWS reports only "not authorized"; the doctor names the condition of the trust policy that does not match.',
)

_REPLACE = "Replace the trust policy with the one in the finding."

EXISTS = BOOK.rule(
    "exists",
    "The role exists",
    "A role that was deleted or misspelled cannot be assumed.",
    "`AccessDenied` for AssumeRoleWithWebIdentity, or `NoSuchEntity` from the Pod Identity agent.",
    "Name a role that exists. In a stack of this project `pulumi up --refresh` creates it again.",
)
PROVIDER = BOOK.rule(
    "oidc-provider",
    "IAM has an OIDC provider for the cluster's issuer",
    "AWS checks the pod's token against the OIDC provider of its issuer and rejects it if there is none.",
    "`InvalidIdentityToken: No OpenIDConnect provider found in your account for https://oidc.eks...`.",
    "Create the provider once for each cluster. A new cluster of the same name has a new issuer.",
)
PROVIDER_AUDIENCE = BOOK.rule(
    "oidc-audience",
    "The OIDC provider accepts the tokens' audience",
    "The provider lists the audiences that it accepts; AWS rejects a token for any other one.",
    "`InvalidIdentityToken: Incorrect token audience`.",
    "Add `sts.amazonaws.com` to the client ID list of the provider. It is the audience in every partition, including "
    "China.",
)
TRUST_ISSUER = BOOK.rule(
    "trust-issuer",
    "The trust policy names this cluster's issuer",
    "A role for another cluster trusts that cluster's tokens, not this one's.",
    "`Not authorized to perform sts:AssumeRoleWithWebIdentity` after the cluster was recreated, or with a copied role.",
    _REPLACE,
)
TRUST_SUBJECT = BOOK.rule(
    "trust-subject",
    "The trust policy names this service account",
    "Namespace and name must be exactly those of the pod's service account.",
    "`Not authorized to perform sts:AssumeRoleWithWebIdentity`. Without `fullnameOverride` the chart names the "
    "service account `<release>-aws-cluster-autoscaler`.",
    f"{_REPLACE} If you have just corrected it, restart the pods. If the trust policy is correct, check the service "
    "control policies for `sts:AssumeRoleWithWebIdentity`.",
)
TRUST_AUDIENCE = BOOK.rule(
    "trust-audience",
    "The trust policy names the tokens' audience",
    "The audience is sts.amazonaws.com in every partition; any other one never matches.",
    "`Not authorized to perform sts:AssumeRoleWithWebIdentity`; the trust policy requires another audience, such as "
    "`sts.amazonaws.com.cn`.",
    _REPLACE,
)
TRUST_POD_IDENTITY = BOOK.rule(
    "trust-pod-identity",
    "The trust policy lets EKS Pod Identity assume the role",
    "pods.eks.amazonaws.com needs sts:AssumeRole and sts:TagSession, under conditions that the session meets.",
    "`AccessDeniedException` from the agent. A trust policy for EC2 or IRSA does not allow Pod Identity. Conditions "
    "on session tags never match if the association disables session tags.",
    _REPLACE,
)
TRUST_NARROW = BOOK.rule(
    "trust-narrow",
    "The trust policy names no other service account",
    "Without a pinned subject every pod of the issuer's cluster, or of the account, can scale this cluster.",
    "No error: the role also works for other service accounts.",
    "Pin the service account: `sub` with StringEquals for IRSA, the request tags for Pod Identity.",
)
THUMBPRINT_REFUSED = BOOK.rule(
    "thumbprint-refused",
    "The OIDC provider has the thumbprint of the issuer's certificate",
    "AWS compares the certificate of the issuer with the thumbprints of the OIDC provider.",
    "`InvalidIdentityToken: OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint`.",
    "Update the thumbprint list of the provider. Do not create a second provider.",
)
KEYS_UNREACHABLE = BOOK.rule(
    "keys-unreachable",
    "AWS can read the issuer's keys",
    "AWS reads the issuer's keys from the internet; a cluster that was recreated has another issuer.",
    "`InvalidIdentityToken: Couldn't retrieve verification key from your identity provider`.",
    "Compare the issuer of the cluster with the URL of the provider, and read the keys with the `curl` command of the "
    "finding.",
)
TOKEN_REFUSED = BOOK.rule(
    "token-refused",
    "AWS accepts the pod's token",
    "AWS rejects a token that has expired or that it cannot read.",
    "`ExpiredTokenException: Token expired`, or another `InvalidIdentityToken`.",
    "Restart the pods. If the error returns, check the kubelet and the clock of the node.",
)
