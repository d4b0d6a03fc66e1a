"""Plugin host: serves the components to programs in any language (`pulumi package add`)."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Python put this folder itself on the path; the package is found from the folder above.
sys.path[0] = str(HERE.parent)

from pulumi.provider.experimental import component_provider_host

import components
from components import errors
from components.pure.arguments import camel_case

NAME = "eks-cluster-autoscaler"
COMPONENTS = [
    components.AutoscalerRelease,
    components.AutoscalerRole,
    components.AutoscalerTags,
    components.ClusterAutoscaler,
    components.ClusterNetwork,
    components.ClusterOidcProvider,
    components.EksCluster,
    components.ExistingNodeGroup,
    components.ManagedNodeGroup,
]

if __name__ == "__main__":
    errors.spelling = camel_case
    component_provider_host(name=NAME, components=COMPONENTS, version=components.__version__)
