"""Plugin host: serves the components to programs in any language (`pulumi package add`)."""

import sys
from pathlib import Path
from typing import Any

import pulumi
from pulumi.provider import main
from pulumi.provider.experimental.analyzer import PropertyDefinition, PropertyType
from pulumi.provider.experimental.component import ComponentProvider

if not __package__:
    # Pulumi runs this folder, so the folder itself is on the path. The package is in the folder above (PEP 366).
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    __package__ = Path(__file__).resolve().parent.name

from . import (
    AutoscalerMonitoring,
    AutoscalerRelease,
    AutoscalerRole,
    AutoscalerTags,
    ClusterAddons,
    ClusterAutoscaler,
    ClusterNetwork,
    ClusterOidcProvider,
    EksCluster,
    ExistingNodeGroup,
    ExistingScalingGroup,
    Headroom,
    ManagedNodeGroup,
    SelfManagedNodeGroup,
    __version__,
    errors,
)
from .pure.arguments import camel_case

NAME = "eks-cluster-autoscaler"
COMPONENTS = [
    AutoscalerMonitoring,
    AutoscalerRelease,
    AutoscalerRole,
    AutoscalerTags,
    ClusterAddons,
    ClusterAutoscaler,
    ClusterNetwork,
    ClusterOidcProvider,
    EksCluster,
    ExistingNodeGroup,
    ExistingScalingGroup,
    Headroom,
    ManagedNodeGroup,
    SelfManagedNodeGroup,
]


class Host(ComponentProvider):
    """Pulumi's host of components, for whole numbers that are Outputs as well."""

    def map_input_properties(
        self,
        inputs: pulumi.Inputs,
        properties: dict[str, PropertyDefinition],
        mapping: dict[str, str],
        component_name: str,
        property_path: str,
    ) -> pulumi.Inputs:
        """Return the inputs by their Python names."""
        # Pulumi's own method calls int() on each whole number, which ends in a TypeError if it is an Output
        # (pulumi/provider/experimental/component.py, map_input_properties, of pulumi 3.272).
        given: dict[str, Any] = dict(inputs)
        later = {
            name
            for name, definition in properties.items()
            if definition.type is PropertyType.INTEGER and isinstance(given.get(name), pulumi.Output)
        }
        others = {name: definition for name, definition in properties.items() if name not in later}
        mapped = super().map_input_properties(inputs, others, mapping, component_name, property_path)
        return {**mapped, **{mapping[name]: given[name] for name in later}}


if __name__ == "__main__":
    errors.spelling = camel_case
    main(Host(COMPONENTS, NAME, version=__version__), sys.argv[1:])
