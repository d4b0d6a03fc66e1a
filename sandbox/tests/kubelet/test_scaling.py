"""The whole loop with real pods, scheduler, groups and IAM: nodes come and go, or do not and it is said why."""

import json

import pytest

from sandbox.tests.kubelet.installation import EMPTY, GROUP, policy
from sandbox.tests.kubernetes.eks import eventually


@pytest.fixture
def installed(installation):
    installation.install()
    eventually(installation.runs, 60)
    return installation


def messages(installation, reason):
    return [event["message"] for event in installation.events(reason)]


def test_pods_make_nodes_come_and_their_end_makes_them_go(installed):
    installed.stress(15)
    eventually(lambda: installed.running() == 15, 60)

    name = installed.group()["AutoScalingGroupName"]
    assert installed.target() == 2
    assert f"pod triggered scale-up: [{{{name} 1->2 (max: 3)}}]" in messages(installed, "TriggeredScaleUp")
    assert f"Scale-up: group {name} size set to 2 instead of 1 (max: 3)" in messages(installed, "ScaledUpGroup")

    installed.relax()
    eventually(lambda: installed.target() == 1, 60)
    eventually(lambda: len(installed.nodes()) == 2)
    assert any("Scale-down: empty node" in message for message in messages(installed, "ScaleDownEmpty"))


def test_a_group_at_its_maximum_grows_no_more_and_the_pods_are_told(installed):
    installed.stress(40)
    eventually(lambda: installed.running() >= 31, 60)

    assert installed.target() == 3

    def told():
        return [
            message for message in messages(installed, "NotTriggerScaleUp") if "max node group size reached" in message
        ]

    assert "1 node(s) had untolerated taint {empty: yes}" in eventually(told)[0]


def test_a_group_without_nodes_grows_by_what_eks_tells_of_it(installed):
    tolerations = [{"key": EMPTY, "operator": "Exists"}]
    installed.stress(1, nodeSelector={"pool": EMPTY}, tolerations=tolerations)
    eventually(lambda: installed.running() == 1, 60)
    assert installed.target(EMPTY) == 1

    installed.relax()
    eventually(lambda: installed.target(EMPTY) == 0, 60)


def test_a_group_without_nodes_stays_so_when_eks_may_not_be_asked(installation):
    document = policy(installation.cluster.name)
    document["Statement"][0]["Action"] = [a for a in document["Statement"][0]["Action"] if not a.startswith("eks:")]
    installation.set_policy(document)
    installation.install()
    eventually(installation.runs, 60)
    installation.stress(1, nodeSelector={"pool": EMPTY}, tolerations=[{"key": EMPTY, "operator": "Exists"}])

    (message,) = eventually(lambda: messages(installation, "NotTriggerScaleUp"))
    assert "2 node(s) didn't match Pod's node affinity/selector" in message
    assert "Failed to query the managed nodegroup empty" in installation.logs()
    assert "AccessDeniedException" in installation.logs()


def test_a_group_that_must_not_be_written_to_is_left_alone_for_a_while(installation):
    foreign = policy("another-cluster")
    installation.set_policy(foreign)
    installation.install()
    eventually(installation.runs, 60)
    installation.stress(15)

    (failure,) = eventually(lambda: messages(installation, "FailedToScaleUpGroup"))
    assert "is not authorized to perform: autoscaling:SetDesiredCapacity" in failure

    def workers():
        groups = installation.status().get("nodeGroups", ())
        return next((g for g in groups if f"eks-{GROUP}-" in g["name"] and g["scaleUp"]["status"] == "Backoff"), None)

    backoff = eventually(workers)["scaleUp"]["backoffInfo"]
    assert "SetDesiredCapacity" in backoff["errorMessage"]
    assert installation.target() == 1


def test_without_the_discovery_tag_there_is_nothing_to_scale(installation):
    group = installation.group()["AutoScalingGroupName"]
    tag = {"ResourceId": group, "ResourceType": "auto-scaling-group", "Key": "k8s.io/cluster-autoscaler/enabled"}
    installation.autoscaling.delete_tags(Tags=[tag])
    try:
        installation.install()
        eventually(installation.runs, 60)

        assert group not in [found["name"] for found in installation.status()["nodeGroups"]]
    finally:
        installation.autoscaling.create_or_update_tags(Tags=[tag | {"Value": "true", "PropagateAtLaunch": False}])


def test_a_missing_permission_of_an_informer_is_a_silent_wait_in_good_health(installation):
    installation.install()
    role = json.loads(installation.cluster.kubectl("get", "clusterrole", "cluster-autoscaler", "-o", "json"))
    for rule in role["rules"]:
        rule["resources"] = [name for name in rule["resources"] if name != "volumeattachments"]
    installation.cluster.kubectl("replace", "-f", "-", stdin=role)
    installation.cluster.kubectl("delete", "pods", "-n", "kube-system", "--all")

    eventually(lambda: installation.logged("volumeattachments.storage.k8s.io is forbidden"), 60)
    assert "Waiting for caches to sync..." in installation.logs()
    assert installation.status()["autoscalerStatus"] == "Initializing"
    assert "running" in installation.container()["state"]
    assert installation.container()["restartCount"] == 0
