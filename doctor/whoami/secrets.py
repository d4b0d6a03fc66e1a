"""Keep secrets out of all output: a holder that never prints its value, and a filter for other texts."""

import re
from dataclasses import dataclass

HIDDEN = "[hidden]"

_LIKE_SECRETS = re.compile(
    r"eyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JSON Web Token
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{12,}"  # the id of an access key
    r"|(?i:secret_?access_?key|session_?token)\W+[\w/+=.-]+"
)


@dataclass(frozen=True, repr=False)
class Secret:
    """A value that does not show in ``repr``, ``str``, a format or a traceback."""

    value: str

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, _specification: str) -> str:
        return HIDDEN


def hide(text: str, *known: Secret) -> str:
    """Return a text without these secrets, and without anything that has the form of one."""
    for secret in known:
        if secret.value:
            text = text.replace(secret.value, HIDDEN)
    return _LIKE_SECRETS.sub(HIDDEN, text)
