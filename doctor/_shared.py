"""The one door to the pure modules shared with the components, under whichever name those are installed.

In an installed package the components are ``eks_cluster_autoscaler``; in a checkout they are ``components``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    "capacity_buffers",
    "compatibility",
    "discovery",
    "durations",
    "flag_needs",
    "flags",
    "iam",
    "kubeconfig",
    "startup_taints",
    "suggestions",
    "validation",
    "versions",
]

if TYPE_CHECKING:
    from components.pure import (
        capacity_buffers,
        compatibility,
        discovery,
        durations,
        flag_needs,
        flags,
        iam,
        kubeconfig,
        startup_taints,
        suggestions,
        validation,
        versions,
    )
else:
    try:
        import eks_cluster_autoscaler.pure as _pure
    except ModuleNotFoundError as missing:
        if missing.name != "eks_cluster_autoscaler":
            raise
        import components.pure as _pure
    globals().update({name: import_module(f"{_pure.__name__}.{name}") for name in __all__})
