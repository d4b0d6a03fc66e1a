import pytest

from policies.rules.api_endpoint_not_open import RULE
from tests.policies.compliant import CLUSTER
from tests.policies.judging import UNKNOWN, Declared, judge

CIDRS = "vpcConfig/publicAccessCidrs"


@pytest.mark.parametrize(
    "cidrs",
    [
        ["0.0.0.0/0"],
        ["203.0.113.0/24", "0.0.0.0/0"],
        ["::/0"],
        ["0.0.0.0/1", "128.0.0.0/1"],
        ["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/1"],
    ],
)
def test_an_endpoint_open_to_all_addresses_is_refused(cidrs: list[str]) -> None:
    assert judge(RULE, CLUSTER.but(CIDRS, cidrs)).messages == [f"The public endpoint is open to {', '.join(cidrs)}."]


@pytest.mark.parametrize("cluster", [CLUSTER.without(CIDRS), CLUSTER.but(CIDRS, []), CLUSTER.without("vpcConfig")])
def test_the_default_of_eks_is_refused(cluster: Declared) -> None:
    assert judge(RULE, cluster).messages == ["The public endpoint is open to 0.0.0.0/0, the default."]


@pytest.mark.parametrize("cidrs", [["203.0.113.7/32"], ["10.0.0.0/8", "2001:db8::/32"]])
def test_an_endpoint_open_to_some_networks_passes(cidrs: list[str]) -> None:
    assert judge(RULE, CLUSTER.but(CIDRS, cidrs)).passes


def test_a_private_endpoint_passes() -> None:
    assert judge(RULE, CLUSTER.without(CIDRS).but("vpcConfig/endpointPublicAccess", False)).passes


def test_networks_that_are_not_known_yet_are_undecided() -> None:
    assert judge(RULE, CLUSTER.but(CIDRS, UNKNOWN)).undecided
    assert judge(RULE, CLUSTER.but(CIDRS, ["10.0.0.0/8", UNKNOWN])).undecided
