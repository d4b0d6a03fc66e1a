"""Which properties of ``eks:index:Cluster`` the stand-in takes, and what must hold among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pulumi
import pulumi_eks as eks

from sandbox.providers.rpc import Failure
from sandbox.providers.schema import object_type, validate
from sandbox.providers.values import UNKNOWN

_DONE: Final = frozenset(
    {
        "accessEntries",
        "authenticationMode",
        "corednsAddonOptions",
        "createOidcProvider",
        "endpointPrivateAccess",
        "endpointPublicAccess",
        "ipFamily",
        "kubeProxyAddonOptions",
        "name",
        "privateSubnetIds",
        "publicAccessCidrs",
        "publicSubnetIds",
        "serviceRole",
        "skipDefaultNodeGroup",
        "skipDefaultSecurityGroups",
        "tags",
        "useDefaultVpcCni",
        "version",
        "vpcId",
    }
)
_AUTHENTICATION_MODES: Final = tuple(mode.value for mode in eks.AuthenticationMode)
_STAND_IN: Final = "the sandbox's stand-in for eks:index:Cluster does not do"


def failures(inputs: Mapping[str, Any]) -> list[Failure]:
    """All that is wrong with the inputs. Outputs among them may have any value."""
    # A resource: the SDK hands it over as one, or as an Output of one.
    plain = {name: _without_outputs(value) for name, value in inputs.items() if name != "serviceRole"}
    schema = object_type(eks.ClusterArgs)
    refused = [
        Failure(name, f"{_STAND_IN} `{name}`{_REASONS.get(name, '')}")
        for name in plain
        if name in schema.fields and name not in _DONE and plain[name] not in (None, False)
    ]
    paths = {failure.property for failure in refused}
    judged = validate({name: value for name, value in plain.items() if name not in paths}, schema)
    return [*refused, *judged, *_part_failures(plain), *_network_failures(plain), *_access_failures(plain)]


_PARTS: Final = {
    "skipDefaultNodeGroup": "the default node group; create separate node groups",
    "skipDefaultSecurityGroups": "security groups; nodes get the one that EKS makes",
    "useDefaultVpcCni": "add-ons; EKS installs its own CNI",
}
_RESOLVE: Final = frozenset({"resolveConflictsOnCreate", "resolveConflictsOnUpdate"})
_REASONS: Final = {
    "roleMappings": ": the sandbox's clusters know access entries only; use accessEntries",
    "userMappings": ": the sandbox's clusters know access entries only; use accessEntries",
}


def _network_failures(inputs: Mapping[str, Any]) -> list[Failure]:
    found = []
    if not inputs.get("vpcId"):
        found.append(Failure("vpcId", f"is missing: {_STAND_IN} the default VPC"))
    if not inputs.get("privateSubnetIds") and not inputs.get("publicSubnetIds"):
        found.append(Failure("privateSubnetIds", "is missing, and so is publicSubnetIds"))
    if inputs.get("publicAccessCidrs") and inputs.get("endpointPublicAccess") is False:
        found.append(Failure("publicAccessCidrs", "can only be given if endpointPublicAccess is true"))
    return found


def _part_failures(inputs: Mapping[str, Any]) -> Iterator[Failure]:
    """The parts that the official package makes by default, and the stand-in never makes."""
    for name, part in _PARTS.items():
        if inputs.get(name) is not True:
            yield Failure(name, f"must be true: {_STAND_IN} {part}")
    for name in ("corednsAddonOptions", "kubeProxyAddonOptions"):
        options = inputs.get(name)
        given = {key for key, value in options.items() if value} if isinstance(options, Mapping) else set()
        # The SDK itself gives how to resolve conflicts.
        done = _RESOLVE if name == "corednsAddonOptions" else {"enabled", *_RESOLVE}
        for key in sorted(given - done):
            yield Failure(f"{name}.{key}", f"{_STAND_IN} `{name}.{key}`")


def _access_failures(inputs: Mapping[str, Any]) -> list[Failure]:
    found = []
    mode = inputs.get("authenticationMode")
    if mode not in (None, UNKNOWN, *_AUTHENTICATION_MODES):
        found.append(Failure("authenticationMode", f"expected {', '.join(_AUTHENTICATION_MODES)}, got {mode!r}"))
    if mode in (None, "CONFIG_MAP", "API_AND_CONFIG_MAP"):
        found.append(Failure("authenticationMode", f"must be API: {_STAND_IN} the ConfigMap aws-auth"))
    return found


def _without_outputs(value: Any) -> Any:
    if isinstance(value, pulumi.Output):
        return UNKNOWN
    if isinstance(value, Mapping):
        return {key: _without_outputs(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_outputs(item) for item in value]
    return value
