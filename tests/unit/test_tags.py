"""AWS tags: one rule, and every component that takes some applies it."""

import pytest

from components import asg_tags, autoscaler_role, cluster, cluster_autoscaler, node_group, oidc_provider
from components.pure import validation


def test_the_prefix_of_the_tutorials_is_refused_with_the_right_one_named():
    (fault,) = validation.tags("tags", {"eks:cluster-autoscaler/enabled": "true"})
    assert "k8s.io/cluster-autoscaler/" in fault.expected
    assert "does not discover" in " ".join(fault.expected.split())


@pytest.mark.parametrize(
    ("key", "value"), [("team", ""), ("k8s.io/cluster-autoscaler/x", "owned"), ("a b:c/d=e+f-g@h.i_j", "Ünïcode 1")]
)
def test_a_tag_of_legal_characters_passes(key, value):
    assert validation.tags("tags", {key: value}) == []


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("AWS:team", "", "another prefix"),
        ("a#b", "", "a tag key of letters"),
        ("a", "b\n", "a tag value of letters"),
        ("", "", "1 to 128"),
        ("k" * 129, "", "1 to 128"),
        ("a", "v" * 257, "256 at most"),
    ],
)
def test_a_tag_that_aws_refuses_is_refused(key, value, message):
    (fault,) = validation.tags("tags", {key: value})
    assert message in fault.expected
    assert fault.path == f"tags[{key!r}]"


@pytest.mark.parametrize(("count", "refused"), [(50, False), (51, True)])
def test_fifty_tags_and_no_more_fit_on_a_resource(count, refused):
    assert bool(validation.tags("tags", {f"key-{number}": "" for number in range(count)})) is refused


@pytest.mark.parametrize(
    ("labels", "by_eks", "refused"), [(48, False, False), (49, False, True), (45, True, False), (46, True, True)]
)
def test_a_group_may_have_fifty_tags_including_its_own_and_those_of_eks(labels, by_eks, refused):
    advertised = {f"label-{number}": "x" for number in range(labels)}
    args = {"asg_name": "", "cluster_name": "api", "labels": advertised, "managed_by_eks": by_eks}
    assert bool(asg_tags.faults(args)) is refused


@pytest.mark.parametrize(
    ("faults", "args"),
    [
        (autoscaler_role.faults, {"cluster_arn": "", "credentials": "podIdentity"}),
        (
            cluster_autoscaler.faults,
            {
                "cluster_arn": "arn:aws:eks:us-east-1:123456789012:cluster/api",
                "cluster_name": "api",
                "kubernetes_version": "1.35",
                "credentials": "podIdentity",
            },
        ),
        (node_group.faults, {"cluster_name": "api", "min_size": 0, "max_size": 1, "subnet_ids": ["subnet-00000001"]}),
        (oidc_provider.faults, {"issuer": ""}),
    ],
)
def test_every_component_that_takes_tags_checks_them(faults, args):
    assert faults(args) == []
    assert [fault.path for fault in faults({**args, "tags": {"aws:team": "x"}})] == ["tags['aws:team']"]


def test_the_tags_of_a_created_cluster_are_checked():
    create = {
        "kubernetes_version": "1.35",
        "vpc_id": "vpc-00000001",
        "private_subnet_ids": ["subnet-00000001", "subnet-00000002"],
    }
    assert cluster.faults({"name": "api", "create": create}) == []
    found = cluster.faults({"name": "api", "create": {**create, "tags": {"aws:team": "x"}}})
    assert [fault.path for fault in found] == ["create.tags['aws:team']"]
