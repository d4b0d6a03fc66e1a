"""Nodes are at most as new as their cluster, in both kinds of group that are created."""

from contextlib import nullcontext

import pytest

from components import FaultsError

from . import test_node_group_hatches as managed
from . import test_self_managed_node_group as self_managed


@pytest.mark.parametrize(
    ("group", "type_"),
    [(managed.group, managed.NODE_GROUP), (self_managed.group, self_managed.GROUP)],
    ids=["managed", "self-managed"],
)
@pytest.mark.parametrize("later", [set(), {"cluster_version"}, {"kubernetes_version", "cluster_version"}])
@pytest.mark.parametrize(("version", "fits"), [("1.34", True), ("1.35", True), ("1.36", False)])
def test_nodes_newer_than_the_cluster_are_refused_once_both_versions_are_known(group, type_, later, version, fits):
    given = {"kubernetes_version": version, "cluster_version": "1.35"}
    plain = {key: value for key, value in given.items() if key not in later}
    outputs = {key: value for key, value in given.items() if key in later}
    expected = r"kubernetes_version: got '1\.36'; expected 1\.35, the cluster's, at most"
    with nullcontext() if fits else pytest.raises(FaultsError, match=expected):
        assert group(later=outputs, **plain).one(type_)
