"""Every rule of the doctor, one module for each link: title, why, what you see and how to fix stand here once.

``docs/doctor/`` and ``docs/troubleshooting.md`` are generated from them.
"""

from ..findings import Rule
from . import autoscaler, groups, pending_pods, permissions, pod, role, service_account

BOOKS = (
    pod.BOOK,
    service_account.BOOK,
    role.BOOK,
    permissions.BOOK,
    groups.BOOK,
    autoscaler.BOOK,
    pending_pods.BOOK,
)


def all_rules() -> tuple[Rule, ...]:
    """Return every rule that a finding may be about, in the order of the chain."""
    return tuple(rule for book in BOOKS for rule in book.rules)
