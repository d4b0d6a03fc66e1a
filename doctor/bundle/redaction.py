"""Remove secrets from the contents of a bundle, and mask account ids on request.

The snapshot has no Secret and no value of an unknown environment variable. What remains is text of other programs and
people: log lines, messages, flags, tags, annotations. It is searched for patterns of credentials.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

HIDDEN = "[redacted]"
"""What is written instead of a secret."""

ANNOTATIONS = ("cluster-autoscaler.kubernetes.io/", "eks.amazonaws.com/", "kubernetes.io/config.")
"""How the annotations begin that are kept: those that a check or an answer reads."""
_ANNOTATED = ("annotations", "pod_annotations")

_NAMES = (
    r"\w*password|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key(?:[_-]?id)?"
    r"|private[_-]?key|client[_-]?secret|secret[_-]?key|secret[_-]?access[_-]?key"
    r"|(?:aws|session|security|access|refresh|auth|id)[_-]?token"
)
_MIXED = r"(?=[A-Za-z0-9/+]*[a-z])(?=[A-Za-z0-9/+]*[A-Z])"

_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), replacement)
    for pattern, replacement in (
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", HIDDEN),
        # A signed request to STS, by which EKS knows its caller.
        (r"k8s-aws-v1\.[\w-]+", HIDDEN),
        # A token of a service account, or any other signed token.
        (r"eyJ[\w-]{6,}(?:\.[\w-]+){1,2}", HIDDEN),
        (r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}", HIDDEN),
        (
            r"gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}|pul-[0-9a-f]{40}",
            HIDDEN,
        ),
        (
            r"(?i)(?<![A-Za-z0-9])((?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?)(?:(?:bearer|basic|negotiate)\s+)?[^\s\"',]+",
            rf"\1{HIDDEN}",
        ),
        (r"(?i)\b(bearer\s+)[\w.~+/=-]{6,}", rf"\1{HIDDEN}"),
        (r"(?i)(x-amz-(?:signature|credential|security-token)|signature)=[^&\s\"',]+", rf"\1={HIDDEN}"),
        (r"([a-zA-Z][\w+.-]*://)[^\s/@:]*:[^\s/@]+@", rf"\1{HIDDEN}@"),
        # A word of an error code, such as InvalidIdentityToken, is no name of a secret: letters stand before it.
        (
            rf"(?i)(?<![A-Za-z0-9])((?:[\w.-]*[_.-])?(?:{_NAMES})[\"']?\s*[:=]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s\"',;&]+)",
            rf"\1{HIDDEN}",
        ),
        # The form of a secret access key, and any other long run of Base64.
        (rf"(?<![A-Za-z0-9/+=]){_MIXED}(?=[A-Za-z0-9/+]*[0-9])[A-Za-z0-9/+]{{40}}(?![A-Za-z0-9/+=])", HIDDEN),
        (rf"(?<![A-Za-z0-9/+=]){_MIXED}[A-Za-z0-9/+]{{60,}}={{0,2}}", HIDDEN),
    )
)
_ACCOUNT = re.compile(r"(?<![0-9A-Za-z])[0-9]{12}(?![0-9A-Za-z])")


def without_secrets(text: str) -> str:
    """Return a text with everything in the form of a credential replaced."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class Accounts:
    """Mask account ids: the same id by the same number throughout one bundle."""

    def __init__(self) -> None:
        self._masks: dict[str, str] = {}

    def mask(self, text: str) -> str:
        """Return a text with every account id replaced by a number of the same length."""
        return _ACCOUNT.sub(lambda match: self._masks.setdefault(match[0], f"{len(self._masks) + 1:012}"), text)


def redacted(document: Any, mask_accounts: bool = False) -> Any:
    """Return a JSON document without secrets, and without annotations that the doctor does not read.

    Args:
        document: JSON values.
        mask_accounts: Whether to mask AWS account ids, too.
    """
    accounts = Accounts()

    def clean(text: str) -> str:
        text = without_secrets(text)
        return accounts.mask(text) if mask_accounts else text

    return _mapped(document, clean)


def _mapped(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_mapped(each, clean) for each in value]
    if isinstance(value, Mapping):
        return {clean(key): _mapped(_kept(each) if key in _ANNOTATED else each, clean) for key, each in value.items()}
    return value


def _kept(annotations: Any) -> Any:
    if not isinstance(annotations, Mapping):
        return annotations
    return {key: value for key, value in annotations.items() if key.startswith(ANNOTATIONS)}
