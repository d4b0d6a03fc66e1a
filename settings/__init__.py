"""Settings of one environment: Pulumi config, checked against the components' own arguments and rules.

The only reader of Pulumi config. A setting is an argument of a component, in camelCase; ``shapes`` adds what only the
program needs, and every error is reported before any resource is registered.
"""

from settings.homes import existing_resource as existing_resource
from settings.homes import naming as naming
from settings.homes import scaling_resource as scaling_resource
from settings.moves import move_warnings as move_warnings
from settings.moves import other_cluster as other_cluster
from settings.reading import load as load
from settings.reading import parse as parse
from settings.rules import refuse_output as refuse_output
from settings.shapes import Cluster as Cluster
from settings.shapes import Creation as Creation
from settings.shapes import NodeGroup as NodeGroup
from settings.shapes import Settings as Settings
from settings.shapes import autoscaler_arguments as autoscaler_arguments
from settings.shapes import existing_arguments as existing_arguments
from settings.shapes import fields_of as fields_of
from settings.shapes import has_new_node_roles as has_new_node_roles
from settings.shapes import headroom_arguments as headroom_arguments
from settings.shapes import ip_family_of as ip_family_of
from settings.shapes import network_arguments as network_arguments
from settings.shapes import node_group_arguments as node_group_arguments
from settings.shapes import scaling_group_arguments as scaling_group_arguments
from settings.shapes import self_managed_arguments as self_managed_arguments
from settings.unintended import warnings as warnings
