"""Settings of one environment: Pulumi config, checked against the components' own arguments and rules.

The only reader of Pulumi config. A setting is an argument of a component, in camelCase; ``shapes`` adds what only the
program needs, and every error is reported before any resource is registered.
"""

from settings.moves import move_warnings
from settings.reading import load, parse
from settings.rules import refuse_output, warnings
from settings.shapes import (
    Cluster,
    Creation,
    NodeGroup,
    Settings,
    autoscaler_arguments,
    existing_arguments,
    fields_of,
    headroom_arguments,
    node_group_arguments,
    scaling_group_arguments,
    self_managed_arguments,
)

__all__ = [
    "Cluster",
    "Creation",
    "NodeGroup",
    "Settings",
    "autoscaler_arguments",
    "existing_arguments",
    "fields_of",
    "headroom_arguments",
    "load",
    "move_warnings",
    "node_group_arguments",
    "parse",
    "refuse_output",
    "scaling_group_arguments",
    "self_managed_arguments",
    "warnings",
]
