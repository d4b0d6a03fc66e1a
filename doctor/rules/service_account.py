"""Rules of the second link: the pod's service account has one AWS role, and the pod carries its credentials."""

from ..findings import Link, RuleBook

BOOK = RuleBook(
    Link.SERVICE_ACCOUNT,
    "The autoscaler's credentials",
    "The second link: the pod's service account has one AWS role, and the pod carries the credentials of that role. "
    "There are three sources: IRSA (an annotation), EKS Pod Identity (an association), and the node's role. If "
    "several are set, an access key in the environment wins, then the association, then the annotation, then the "
    "node's role.",
)

EXISTS = BOOK.rule(
    "exists",
    "The service account exists",
    "A Deployment may name a service account that does not exist; Kubernetes then creates no pod.",
    "The events of the ReplicaSet show `serviceaccount ... not found`, and no pod is created. With `rbac.create: "
    "false` the chart names a service account that it does not create.",
    "Create the service account, or let the chart create it: set `rbac.create` and `rbac.serviceAccount.create`. A "
    "stack of this project owns the service account: `pulumi up --refresh` creates it again.",
)
ROLE_ARN = BOOK.rule(
    "role-arn",
    "The annotation is the ARN of a role",
    "EKS does not check the annotation; AWS rejects it when the pod requests credentials.",
    "`ValidationError: ... is invalid` because the annotation holds a role name, or an ARN in quotes.",
    "Set the annotation to the complete ARN.",
)
SOURCE = BOOK.rule(
    "source",
    "The credentials come from one source, the intended one",
    "If several sources are set, one wins silently, and it may not be the one you maintain.",
    "The autoscaler does not use the role that you maintain. The annotation is on another service account, an "
    "association overrides the annotation, or an access key in the environment overrides both.",
    "Keep one source. In a stack of this project `pulumi up --refresh` restores the annotation or the association. "
    "Then restart the pods, because EKS gives a pod its credentials when the pod is created.",
)
INJECTED = BOOK.rule(
    "injected",
    "The pods carry the credentials of their service account",
    "EKS adds credentials when a pod is created: an older pod falls back to the node's role.",
    "`kubectl get pod --output yaml` shows no `AWS_ROLE_ARN` (IRSA) or `AWS_CONTAINER_CREDENTIALS_FULL_URI` (Pod "
    "Identity), although the service account has a role.",
    "Run `kubectl rollout restart` on the Deployment.",
)
ROLE_IN_USE = BOOK.rule(
    "role-in-use",
    "The autoscaler calls AWS with its own role",
    "Calls with the node's role mean that the service account's role is not used.",
    "An `AccessDenied` in the log names another role, often the node's: `assumed-role/<node role>/i-...`.",
    "Restart the pods; then check [the source](#source).",
)
AGENT = BOOK.rule(
    "pod-identity-agent",
    "The EKS Pod Identity agent runs",
    "The agent on each node hands out the credentials; without it every request fails.",
    "`connection refused` or `i/o timeout` for `169.254.170.23`.",
    "Install the add-on `eks-pod-identity-agent`. It must run on the node of the autoscaler's pod, and tolerate its "
    "taints.",
)
AGENT_VERSION = BOOK.rule(
    "pod-identity-version",
    "The autoscaler's version supports Pod Identity",
    "Older AWS SDKs reject the agent's address 169.254.170.23.",
    '`invalid endpoint host, "169.254.170.23", only loopback hosts are allowed` in the log. Pod Identity needs '
    "1.26.7, 1.27.6, 1.28.3, or any 1.29; the default images of charts 9.29 to 9.34 are older.",
    "Raise `image.tag`.",
)
HOP_LIMIT = BOOK.rule(
    "hop-limit",
    "The pod can reach the node's credentials",
    "With a hop limit of 1 the instance metadata service does not answer pods.",
    "`NoCredentialProviders`, `EC2MetadataError`, or timeouts of `169.254.169.254`.",
    "Give the service account its own role (IRSA). Otherwise set the hop limit to 2 on the instances and in the "
    "launch template.",
)
CLOCK_SKEW = BOOK.rule(
    "clock-skew",
    "The node's clock is correct",
    "AWS rejects a request whose time differs from its own by more than five minutes.",
    "`RequestExpired`, `RequestTimeTooSkewed`, or `Signature expired`.",
    "Correct the time service of the node, or replace the node.",
)
KEY_REFUSED = BOOK.rule(
    "key-refused",
    "AWS knows the access key in use",
    "AWS rejects a key that was deleted or that belongs to another partition.",
    "`InvalidClientTokenId` or `UnrecognizedClientException`.",
    "Remove the access key from the pod, so that the service account's role is used.",
)
NODE_ROLE = BOOK.rule(
    "node-role",
    "The node's role has no scaling permissions",
    "Every pod on a node has the permissions of the node's role; they also hide a service account's role that does "
    "not work.",
    "No error: the autoscaler also works without the service account's role.",
    "Remove the scaling permissions (often `AutoScalingFullAccess`) from the node's role.",
)
NO_CREDENTIALS = BOOK.rule(
    "no-credentials",
    "The autoscaler finds credentials",
    "Without credentials the autoscaler exits at its start.",
    "`NoCredentialProviders` or `no EC2 IMDS role found` in the log, although the service account has a role.",
    "Restart the pods; then check that the role belongs to the service account that the pods use.",
)
