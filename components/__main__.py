"""Plugin host: serves the components to programs in any language (`pulumi package add`)."""

import sys
from pathlib import Path

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
    """Pulumi's host of components, which hands over what the components themselves refuse by name."""

    def map_input_properties(
        self,
        inputs: pulumi.Inputs,
        properties: dict[str, PropertyDefinition],
        mapping: dict[str, str],
        component_name: str,
        property_path: str,
    ) -> pulumi.Inputs:
        """Return the inputs by their Python names."""
        if not isinstance(inputs, dict):
            return inputs
        kept = {name: value for name, value in inputs.items() if _is_lost(properties.get(name), value)}
        others = {name: definition for name, definition in properties.items() if name not in kept}
        mapped = super().map_input_properties(inputs, others, mapping, component_name, property_path)
        return {**mapped, **{mapping.get(name, name): value for name, value in kept.items()}}


def _is_lost(definition: PropertyDefinition | None, value: object) -> bool:
    """Return whether Pulumi's own method does not hand a value over (``map_input_properties`` of pulumi 3.272).

    It leaves out names that are not declared, takes an Output or a text in the place of an object for an empty object,
    and calls int() on each whole number, which ends in a TypeError if it is an Output or an object
    (pulumi/provider/experimental/component.py).
    """
    if definition is None:
        return True
    if definition.ref:
        return value is not None and not isinstance(value, dict)
    return definition.type is PropertyType.INTEGER and not isinstance(value, float | int | str)


if __name__ == "__main__":
    errors.naming = errors.plugin_names
    main(Host(COMPONENTS, NAME, version=__version__), sys.argv[1:])
