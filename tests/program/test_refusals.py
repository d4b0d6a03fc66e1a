"""Bad settings end the whole program before it has asked for anything."""

import re

import pytest

from components.errors import FaultsError
from tests.cloud import ISSUER, Cloud, Graph
from tests.program.test_program import run_program
from tests.unit.test_settings import BAD, GOOD, known


@pytest.mark.parametrize(("change", "message"), BAD, ids=[message[:60] for _, message in BAD])
def test_a_bad_setting_ends_the_program_before_it_registers_or_looks_up_anything(change, message):
    graph = Graph()
    with pytest.raises(FaultsError) as refused:
        run_program("dev", graph=graph, **{**GOOD, **change})
    assert message in str(refused.value)
    assert (graph.registrations, graph.invokes) == ([], [])


GROUP = GOOD["nodeGroups"][0]
UNEQUAL = {"instanceTypes": ["m6i.large", "g5.large"], "subnetIds": ["subnet-0000000a"]}
SIZES = {"minSize": 1, "maxSize": 3}
PUBLIC = {"public_subnets": {"subnet-0000000a", "subnet-0000000b"}}


def mixed(**own):
    return {"nodeGroups": [], "autoScalingGroups": [{"name": "mixed", "create": {**SIZES, **own}}]}


@pytest.mark.parametrize(
    ("change", "beginning", "live"),
    [
        ({"cluster": {"name": "series-api", "ipFamily": "ipv6"}}, "cluster.ipFamily: got ipv6", {}),
        ({"nodeGroups": [{**GROUP, **UNEQUAL}]}, "nodeGroups[0].instanceTypes[1]: got g5.large", {}),
        (
            {"nodeGroups": [GROUP, {**GROUP, **UNEQUAL, "name": "spread", "onePerZone": True}]},
            "nodeGroups[1].instanceTypes[1]: got g5.large",
            {},
        ),
        (mixed(**UNEQUAL), "autoScalingGroups[0].create.instanceTypes[1]: got g5.large", {}),
        (
            {"nodeGroups": [{**GROUP, "kubernetesVersion": "1.36"}]},
            "nodeGroups[0].kubernetesVersion: got '1.36'; expected 1.35, the cluster's, at most",
            {"cluster_version": "1.35"},
        ),
        (
            mixed(kubernetesVersion="1.36"),
            "autoScalingGroups[0].create.kubernetesVersion: got '1.36'; expected 1.35, the cluster's, at most",
            {"cluster_version": "1.35"},
        ),
        (mixed(), "cluster.name: got series-api with authentication", {"authentication_mode": "CONFIG_MAP"}),
        ({"nodeGroups": [{**GROUP, "amiType": "AL2_x86_64"}]}, "nodeGroups[0].amiType: got AL2_x86_64 for", {}),
        ({}, "nodeGroups[].subnetIds: got none", PUBLIC),
        (mixed(), "autoScalingGroups[].create.subnetIds: got none", PUBLIC),
        ({"autoscaler": {"flags": {"parallel-drain": True}}}, "autoscaler.flags.parallel-drain: got a flag", {}),
        ({"autoscaler": {"chart": {"version": "9.46.0"}}}, "autoscaler.chart.version: got chart 9.46.0 with", {}),
        ({"autoscaler": {"capacityBuffers": {}}}, "autoscaler.capacityBuffers: got", {"cluster_version": "1.33"}),
        ({}, "cluster.name: got Kubernetes 1.28", {"cluster_version": "1.28"}),
    ],
)
def test_what_only_aws_can_refuse_is_reported_under_the_keys_of_the_file(change, beginning, live):
    cloud = Cloud(cluster_version="1.36")
    for attribute, value in live.items():
        setattr(cloud, attribute, value)
    with pytest.raises(FaultsError) as refused:
        run_program("adopt", cloud=cloud, **{**GOOD, **change})
    assert str(refused.value.faults[0]).startswith(beginning), refused.value
    assert [fault for fault in refused.value.faults if not known(fault.path)] == []


PER_ZONE = {"nodeGroups": [{**GROUP, "onePerZone": True, "subnetIds": ["subnet-0000000a", "subnet-0000000b"]}]}
IMAGE = "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended/image_id"
DEFAULT_AGENT = {"credentials": "podIdentity", "podIdentity": {"agentVersion": "default"}}
ABSENT, DENIED = "couldn't find resource", "AccessDenied: not authorized to perform"


@pytest.mark.parametrize(
    ("change", "name", "path"),
    [
        ({"cluster": {"name": "misspelled"}}, "misspelled", "cluster.name"),
        ({"existingNodeGroups": [{"name": "misspelled"}]}, "misspelled", "existingNodeGroups[0].name"),
        ({"autoScalingGroups": [{"name": "misspelled"}]}, "misspelled", "autoScalingGroups[0].name"),
        ({"oidcProvider": {"create": False}}, ISSUER, "oidcProvider"),
        (PER_ZONE, "subnet-0000000b", "nodeGroups[0].subnetIds[1]"),
        (mixed(), IMAGE, "autoScalingGroups[0].create.amiType"),
        (DEFAULT_AGENT, "eks-pod-identity-agent", "podIdentity.agentVersion"),
    ],
)
@pytest.mark.parametrize(
    ("reason", "got"), [(ABSENT, "which does not exist"), (DENIED, f"which cannot be read: .*{DENIED}")]
)
@pytest.mark.parametrize("preview", [True, False])
def test_what_cannot_be_looked_up_is_an_error_of_the_setting_that_names_it(change, name, path, reason, got, preview):
    cloud = Cloud(preview=preview)
    cloud.failures = {name: reason}
    with pytest.raises(FaultsError) as refused:
        run_program("adopt", cloud=cloud, **{**GOOD, **change})
    (fault,) = refused.value.faults
    assert (fault.path, bool(re.search(rf"{name}, {got}", fault.got))) == (path, True)
    assert "aws " in fault.expected
