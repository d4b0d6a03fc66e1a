"""Which properties of ``eks:index:Cluster`` the stand-in takes, and what must hold among them."""

from __future__ import annotations

from collections.abc import Mapping
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
        "bootstrapSelfManagedAddons",
        "clusterSecurityGroup",
        "clusterSecurityGroupTags",
        "clusterTags",
        "corednsAddonOptions",
        "createOidcProvider",
        "deletionProtection",
        "enableConfigMapMutable",
        "enabledClusterLogTypes",
        "encryptionConfigKeyArn",
        "endpointPrivateAccess",
        "endpointPublicAccess",
        "instanceRole",
        "instanceRoles",
        "ipFamily",
        "kubeProxyAddonOptions",
        "kubernetesServiceIpAddressRange",
        "name",
        "nodeSecurityGroupTags",
        "privateSubnetIds",
        "providerCredentialOpts",
        "publicAccessCidrs",
        "publicSubnetIds",
        "serviceRole",
        "skipDefaultNodeGroup",
        "skipDefaultSecurityGroups",
        "subnetIds",
        "tags",
        "upgradePolicy",
        "useDefaultVpcCni",
        "version",
        "vpcCniOptions",
        "vpcId",
    }
)
_CNI_DONE: Final = frozenset(
    {"addonVersion", "resolveConflictsOnCreate", "resolveConflictsOnUpdate", "serviceAccountRoleArn"}
)
_AUTHENTICATION_MODES: Final = tuple(mode.value for mode in eks.AuthenticationMode)
_STAND_IN: Final = "the sandbox's stand-in for eks:index:Cluster does not do"


def failures(inputs: Mapping[str, Any]) -> list[Failure]:
    """All that is wrong with the inputs. Outputs among them may have any value."""
    plain = {name: _without_outputs(value) for name, value in inputs.items()}
    schema = object_type(eks.ClusterArgs)
    refused = [
        Failure(name, f"{_STAND_IN} `{name}`{_REASONS.get(name, '')}")
        for name in plain
        if name in schema.fields and name not in _DONE and plain[name] not in (None, False)
    ]
    paths = {failure.property for failure in refused}
    judged = validate({name: value for name, value in plain.items() if name not in paths}, schema)
    return [*refused, *judged, *_cni_failures(plain), *_network_failures(plain), *_access_failures(plain)]


_REASONS: Final = {
    "roleMappings": ": the sandbox's clusters know access entries only; use accessEntries",
    "userMappings": ": the sandbox's clusters know access entries only; use accessEntries",
}


def supports_access_entries(inputs: Mapping[str, Any]) -> bool:
    """Whether the cluster takes access entries."""
    return inputs.get("authenticationMode") in ("API", "API_AND_CONFIG_MAP")


def supports_config_map(inputs: Mapping[str, Any]) -> bool:
    """Whether the cluster takes the ConfigMap ``aws-auth``: EKS's default."""
    return inputs.get("authenticationMode") in (None, "CONFIG_MAP", "API_AND_CONFIG_MAP")


def _network_failures(inputs: Mapping[str, Any]) -> list[Failure]:
    found = []
    if not inputs.get("vpcId"):
        found.append(Failure("vpcId", f"is missing: {_STAND_IN} the default VPC"))
    divided = [name for name in ("publicSubnetIds", "privateSubnetIds") if inputs.get(name)]
    if inputs.get("subnetIds") and divided:
        found.append(Failure("subnetIds", f"cannot be given together with {' and '.join(divided)}"))
    if not inputs.get("subnetIds") and not divided:
        found.append(Failure("subnetIds", "is missing, and so are publicSubnetIds and privateSubnetIds"))
    if inputs.get("publicAccessCidrs") and inputs.get("endpointPublicAccess") is False:
        found.append(Failure("publicAccessCidrs", "can only be given if endpointPublicAccess is true"))
    if inputs.get("skipDefaultNodeGroup") is not True:
        reason = f"must be true: {_STAND_IN} the default node group; make node groups of your own"
        found.append(Failure("skipDefaultNodeGroup", reason))
    return found


def _access_failures(inputs: Mapping[str, Any]) -> list[Failure]:
    found = []
    mode = inputs.get("authenticationMode")
    if mode not in (None, UNKNOWN, *_AUTHENTICATION_MODES):
        found.append(Failure("authenticationMode", f"expected {', '.join(_AUTHENTICATION_MODES)}, got {mode!r}"))
    if inputs.get("accessEntries") and not supports_access_entries(inputs):
        found.append(Failure("accessEntries", "needs authenticationMode API or API_AND_CONFIG_MAP"))
    if inputs.get("instanceRoles") and mode == "API":
        found.append(Failure("instanceRoles", "cannot be given with authenticationMode API"))
    if inputs.get("instanceRoles") and inputs.get("instanceRole"):
        found.append(Failure("instanceRoles", "cannot be given together with instanceRole"))
    return found


def _cni_failures(inputs: Mapping[str, Any]) -> list[Failure]:
    options = inputs.get("vpcCniOptions")
    known = object_type(eks.VpcCniOptionsArgs).fields
    return [
        Failure(f"vpcCniOptions.{name}", f"{_STAND_IN} `vpcCniOptions.{name}`")
        for name in (options if isinstance(options, Mapping) else ())
        if name in known and name not in _CNI_DONE
    ]


def _without_outputs(value: Any) -> Any:
    if isinstance(value, pulumi.Output):
        return UNKNOWN
    if isinstance(value, Mapping):
        return {key: _without_outputs(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_outputs(item) for item in value]
    return value
