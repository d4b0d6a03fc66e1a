"""The plugin's host hands over all that a program writes; the component refuses by name what is wrong."""

import asyncio

import pulumi
import pytest

from components import FaultsError
from components.__main__ import COMPONENTS, NAME, Host
from components.errors import checked
from components.node_group import ManagedNodeGroup
from components.node_group_args import ManagedNodeGroupArgs

GIVEN = {"clusterName": "api", "minSize": 0.0, "maxSize": 3.0, "subnetIds": ["subnet-0000000a"]}
LATER = "an Output"
"""Stands for an Output, which exists in an event loop only."""


def mapped(**changes):
    async def in_a_loop():
        host = Host(COMPONENTS, NAME, version="1.0.0")
        inputs = {**GIVEN, **changes}
        return host.map_inputs(later(inputs), host._component_defs["ManagedNodeGroup"])

    return asyncio.run(in_a_loop())


def later(value):
    if value == LATER:
        return pulumi.Output.from_input({})
    return {key: later(each) for key, each in value.items()} if isinstance(value, dict) else value


def test_what_is_right_has_its_python_names():
    pool = {"minSize": 1.0, "poolState": "RUNNING"}
    found = mapped(warmPool=pool, taints=[{"key": "a", "effect": "NoSchedule"}], maxSize=LATER)
    assert found["warm_pool"] == {"min_size": 1, "pool_state": "RUNNING"}
    assert found["taints"] == [{"key": "a", "effect": "NoSchedule"}]
    assert isinstance(found["max_size"], pulumi.Output)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"warmPool": "RUNNING"}, "warm_pool: got 'RUNNING'; expected an object with keys"),
        ({"warmPool": []}, r"warm_pool: got \[\]; expected an object with keys"),
        ({"warmPool": LATER}, "warm_pool: got an Output; expected a plain value"),
        ({"warmPool": {"minSize": LATER}}, "warm_pool.min_size: got an Output; expected a plain value"),
        ({"warmPool": {"state": "RUNNING"}}, "warm_pool.state: got an unknown key"),
        ({"taints": ["a"]}, r"taints\[0\]: got 'a'; expected an object with keys"),
        ({"minSize": {}}, r"min_size: got \{\}; expected a whole number"),
        ({"warmpool": {}}, "warmpool: got an unknown key"),
    ],
)
def test_what_is_wrong_is_refused_instead_of_left_out(change, message):
    with pytest.raises(FaultsError, match=message):
        checked(ManagedNodeGroup, "general", mapped(**change), ManagedNodeGroupArgs, lambda args: [])
