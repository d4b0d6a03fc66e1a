"""Who may log in to a cluster, and as whom: EKS tokens and access entries. Plain decisions, no input or output."""

from __future__ import annotations

import base64
import binascii
import datetime
import re
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

TOKEN_PREFIX = "k8s-aws-v1."
"""How the tokens of ``aws eks get-token`` begin; the rest is a presigned STS URL in base64url."""

CLUSTER_HEADER = "x-k8s-aws-id"
"""The signed header that holds the cluster's name, so that a token is good for one cluster only."""

TOKEN_VALIDITY = datetime.timedelta(minutes=15)
"""How long EKS accepts a token, whatever its ``X-Amz-Expires`` is (``aws eks get-token`` writes 60 seconds)."""

_MAX_TOKEN_LENGTH = 16 * 1024
_CLOCK_SKEW = datetime.timedelta(minutes=5)
_ALLOWED_PARAMETERS = frozenset(
    {
        "action",
        "version",
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
    }
)

_POLICY_ARN = re.compile(r"arn:[^:]+:eks::aws:cluster-access-policy/(\w+)")

_VIEW = ("system:aggregate-to-view",)
_EDIT = ("system:aggregate-to-edit", *_VIEW)
_ADMIN = ("system:aggregate-to-admin", *_EDIT)

ACCESS_POLICY_ROLES: Mapping[str, Sequence[str]] = {
    "AmazonEKSClusterAdminPolicy": ("cluster-admin",),
    "AmazonEKSAdminPolicy": _ADMIN,
    "AmazonEKSEditPolicy": _EDIT,
    "AmazonEKSViewPolicy": _VIEW,
}
"""EKS access policies that the sandbox knows -> ClusterRoles of Kubernetes with the same permissions.

They are the parts of ``admin``, ``edit`` and ``view``, which themselves are empty until the controller manager has put
them together, seconds after the cluster is ACTIVE. Like EKS's policies they know no custom resources.
"""


class Refused(Exception):
    """The caller is not let in; the message contains the reason."""


@dataclass(frozen=True)
class AssociatedPolicy:
    """An access policy on an access entry.

    Attributes:
        arn: Its ARN.
        scope: ``cluster`` or ``namespace``.
    """

    arn: str
    scope: str


@dataclass(frozen=True)
class AccessEntry:
    """An access entry of a cluster.

    Attributes:
        principal_arn: The IAM user or role that it lets in.
        kind: ``STANDARD``, or a kind for nodes such as ``EC2_LINUX``.
        username: Name in Kubernetes; empty for EKS's default.
        groups: Groups in Kubernetes.
        policies: Access policies.
    """

    principal_arn: str
    kind: str = "STANDARD"
    username: str = ""
    groups: tuple[str, ...] = ()
    policies: tuple[AssociatedPolicy, ...] = ()


@dataclass(frozen=True)
class Caller:
    """Who signed the token, in the words of STS GetCallerIdentity."""

    arn: str
    user_id: str


@dataclass(frozen=True)
class User:
    """Who the caller is in Kubernetes."""

    username: str
    uid: str
    groups: tuple[str, ...]
    extra: Mapping[str, Sequence[str]]


def policy_group(policy: str) -> str:
    """The Kubernetes group that carries an access policy; a binding gives it the policy's ClusterRole."""
    return f"eks-access-policy:{policy}"


def presigned_url(token: str, emulator: str, now: datetime.datetime) -> str:
    """The STS URL that a token carries, after every check that needs no other service.

    The signature and the cluster's name in it are for STS to judge: see :data:`CLUSTER_HEADER`.

    Args:
        token: What ``aws eks get-token`` put out.
        emulator: URL of the emulated AWS; a token that was signed for any other STS is refused.
        now: The time.

    Raises:
        Refused: It is no such token, or aims elsewhere, or is too old.
    """
    if len(token) > _MAX_TOKEN_LENGTH:
        raise Refused(f"the token is longer than {_MAX_TOKEN_LENGTH} characters")
    encoded = token.removeprefix(TOKEN_PREFIX)
    try:
        url = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True).decode()
        parts = urllib.parse.urlsplit(url)
        pairs = urllib.parse.parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(f"the token does not hold a URL in base64url: {error}") from error
    if f"{parts.scheme}://{parts.netloc}" != emulator or parts.path not in ("", "/"):
        raise Refused(
            f"the token was signed for {parts.scheme}://{parts.netloc}{parts.path}, not for the sandbox's STS at "
            f"{emulator}; set AWS_ENDPOINT_URL={emulator} where `aws eks get-token` runs"
        )
    parameters = {name.lower(): value for name, value in pairs}
    if unknown := sorted(parameters.keys() - _ALLOWED_PARAMETERS):
        raise Refused(f"the token's URL has parameters that do not belong there: {', '.join(unknown)}")
    if len(parameters) != len(pairs):
        raise Refused("the token's URL has a parameter twice")
    if parameters.get("action") != "GetCallerIdentity":
        raise Refused(f"the token's URL asks for {parameters.get('action')!r}, not for GetCallerIdentity")
    if CLUSTER_HEADER not in parameters.get("x-amz-signedheaders", "").lower().split(";"):
        raise Refused(f"the token's signature does not cover the header {CLUSTER_HEADER}")
    _check_age(parameters.get("x-amz-date", ""), now)
    return url


def _check_age(date: str, now: datetime.datetime) -> None:
    try:
        signed = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    except ValueError as error:
        raise Refused(f"the token's X-Amz-Date is {date!r}; expected a time like 20260131T235959Z") from error
    if not -_CLOCK_SKEW <= now - signed <= TOKEN_VALIDITY:
        raise Refused(f"the token was signed at {signed:%H:%M:%S} UTC, and is good for {TOKEN_VALIDITY} from then")


def principal_of(caller_arn: str) -> str:
    """The ARN by which access entries know a caller: the role of a role session, else the caller itself.

    A session's ARN has lost the path of its role; role names are unique without it, so :func:`find_entry` ignores it.
    """
    session = re.fullmatch(r"arn:([^:]+):sts::(\d+):assumed-role/([^/]+)/.+", caller_arn)
    return "arn:{}:iam::{}:role/{}".format(*session.groups()) if session else caller_arn


def find_principal(caller_arn: str, principals: Iterable[str]) -> str | None:
    """Which of the access entries' principals the caller is."""
    wanted = principal_of(caller_arn)
    return next((principal for principal in principals if _without_role_path(principal) == wanted), None)


def _without_role_path(principal_arn: str) -> str:
    return re.sub(r":role/.*/", ":role/", principal_arn)


def user_of_entry(caller: Caller, entry: AccessEntry) -> User:
    """Who the caller becomes by an access entry.

    Raises:
        Refused: The entry holds something that the sandbox does not act out.
    """
    if entry.kind != "STANDARD":
        raise Refused(f"the access entry is of type {entry.kind}, for nodes; the sandbox's nodes do not log in by IAM")
    groups = [*entry.groups, *(policy_group(_known_policy(policy)) for policy in entry.policies)]
    username = entry.username or _default_username(caller.arn)
    return User(
        username=username.replace("{{SessionName}}", caller.arn.rpartition("/")[2].replace("@", "-"))
        .replace("{{SessionNameRaw}}", caller.arn.rpartition("/")[2])
        .replace("{{AccountID}}", caller.arn.split(":")[4]),
        uid=caller.user_id,
        groups=tuple(dict.fromkeys(groups)),
        extra=_extra(caller),
    )


def user_of_creator(caller: Caller) -> User:
    """Who the creator of a cluster is when the cluster knows no access entries (mode ``CONFIG_MAP``)."""
    return User(username="kubernetes-admin", uid=caller.user_id, groups=("system:masters",), extra=_extra(caller))


def _known_policy(policy: AssociatedPolicy) -> str:
    match = _POLICY_ARN.fullmatch(policy.arn)
    name = match[1] if match else policy.arn
    if name not in ACCESS_POLICY_ROLES:
        known = ", ".join(ACCESS_POLICY_ROLES)
        raise Refused(f"the access entry has the policy {name}; the sandbox knows {known}")
    if policy.scope != "cluster":
        raise Refused(
            f"the access entry has {name} for single namespaces; the sandbox knows access scope `cluster` only"
        )
    return name


def _default_username(caller_arn: str) -> str:
    head, is_session, _ = caller_arn.partition(":assumed-role/")
    if not is_session:
        return caller_arn
    return f"{head}:assumed-role/{caller_arn.split('/')[1]}/{{{{SessionName}}}}"


def _extra(caller: Caller) -> Mapping[str, Sequence[str]]:
    return {
        "arn": [caller.arn],
        "canonicalArn": [principal_of(caller.arn)],
        "principalId": [caller.user_id.partition(":")[0]],
    }
