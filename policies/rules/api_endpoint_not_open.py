"""The Kubernetes API of a cluster that the program makes is not open to the whole internet."""

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from pulumi_policy import ResourceValidationArgs, Severity

from .model.properties import dig, texts
from .model.rule import Rule, Settings
from .model.stack import CLUSTER


def _judge(cluster: ResourceValidationArgs, _: Settings) -> Iterator[str]:
    network = dig(cluster.props, "vpcConfig")
    # Both defaults are those of EKS: a public endpoint, open to every address.
    if dig(network, "endpointPublicAccess") is False:
        return
    allowed = texts(dig(network, "publicAccessCidrs"))
    if not allowed or _is_everything(allowed):
        yield f"The public endpoint is open to {', '.join(allowed) or '0.0.0.0/0, the default'}."


def _is_everything(cidrs: tuple[str, ...]) -> bool:
    """Return whether networks cover the internet, also in halves: 0.0.0.0/1 and 128.0.0.0/1."""
    networks = [network for network in map(_network, cidrs) if network]
    ipv4 = collapse_addresses(network for network in networks if isinstance(network, IPv4Network))
    ipv6 = collapse_addresses(network for network in networks if isinstance(network, IPv6Network))
    return IPv4Network("0.0.0.0/0") in ipv4 or IPv6Network("::/0") in ipv6


def _network(cidr: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(cidr, strict=False)
    except ValueError:
        return None  # AWS refuses it in its own words.


RULE = Rule(
    name="api-endpoint-not-open",
    reason=(
        "If every address can reach the API server, a stolen token or a vulnerability of the API server is enough to "
        "take over the cluster."
    ),
    fix=(
        "Set vpcConfig.publicAccessCidrs to the networks that need the API, or endpointPublicAccess to false with "
        "endpointPrivateAccess true."
    ),
    types=(CLUSTER,),
    severity=Severity.CRITICAL,
).per_resource(_judge)
