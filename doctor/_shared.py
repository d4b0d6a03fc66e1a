"""The one door to the pure modules shared with the components, under whichever name those are installed.

In an installed package the components are ``eks_cluster_autoscaler``; in a checkout they are ``components``.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.pure import (
        compatibility,
        discovery,
        durations,
        flag_needs,
        flags,
        iam,
        kubeconfig,
        startup_taints,
        validation,
        versions,
    )
else:
    try:
        from eks_cluster_autoscaler.pure import (
            compatibility,
            discovery,
            durations,
            flag_needs,
            flags,
            iam,
            kubeconfig,
            startup_taints,
            validation,
            versions,
        )
    except ModuleNotFoundError as missing:
        if missing.name != "eks_cluster_autoscaler":
            raise
        from components.pure import (
            compatibility,
            discovery,
            durations,
            flag_needs,
            flags,
            iam,
            kubeconfig,
            startup_taints,
            validation,
            versions,
        )

__all__ = [
    "compatibility",
    "discovery",
    "durations",
    "flag_needs",
    "flags",
    "iam",
    "kubeconfig",
    "startup_taints",
    "validation",
    "versions",
]
