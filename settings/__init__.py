"""Settings of one environment: from Pulumi config to frozen dataclasses, every fault reported at once.

The only reader of Pulumi config. Shapes and types are checked here; what the values mean is checked by the same
functions that the components use, so that a fault is found before any resource is registered.
"""

from settings.arguments import (
    autoscaler_arguments,
    creation_arguments,
    existing_arguments,
    network_arguments,
    node_group_arguments,
    oidc_provider_arguments,
    role_arguments,
)
from settings.reading import load, parse
from settings.rules import faults, refuse_output
from settings.shapes import Key, NodeGroup, Settings, known_keys

__all__ = [
    "Key",
    "NodeGroup",
    "Settings",
    "autoscaler_arguments",
    "creation_arguments",
    "existing_arguments",
    "faults",
    "known_keys",
    "load",
    "network_arguments",
    "node_group_arguments",
    "oidc_provider_arguments",
    "parse",
    "refuse_output",
    "role_arguments",
]
