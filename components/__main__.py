"""Plugin host: serves the components to programs in any language (`pulumi package add`)."""

import sys
from pathlib import Path

from pulumi.provider.experimental import component_provider_host

if not __package__:
    # Pulumi runs this folder, so the folder itself is on the path. The package is in the folder above (PEP 366).
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    __package__ = Path(__file__).resolve().parent.name

from . import (
    AutoscalerRelease,
    AutoscalerRole,
    AutoscalerTags,
    ClusterAutoscaler,
    ClusterNetwork,
    ClusterOidcProvider,
    EksCluster,
    ExistingNodeGroup,
    ManagedNodeGroup,
    __version__,
    errors,
)
from .pure.arguments import camel_case

NAME = "eks-cluster-autoscaler"
COMPONENTS = [
    AutoscalerRelease,
    AutoscalerRole,
    AutoscalerTags,
    ClusterAutoscaler,
    ClusterNetwork,
    ClusterOidcProvider,
    EksCluster,
    ExistingNodeGroup,
    ManagedNodeGroup,
]

if __name__ == "__main__":
    errors.spelling = camel_case
    component_provider_host(name=NAME, components=COMPONENTS, version=__version__)
