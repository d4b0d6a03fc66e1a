"""`explain` on the command line, from the JSON that Kubernetes and AWS answer with."""

import copy
import json

import pytest

from components.pure import capacity_buffers, flag_needs
from doctor import cli, clients
from doctor.explain import command
from doctor.readings import Unreadable

from . import snapshots
from .fakes import Cloud, Cluster, node
from .test_explain_reserved import TEMPLATE, buffer

PODS = "/api/v1/pods"
DEPLOYMENTS = "/apis/apps/v1/deployments"
NAMED = ("--cluster", snapshots.CLUSTER, "--region", snapshots.REGION)
CONTAINER = {"name": "app", "resources": {"requests": {"cpu": "1500m", "memory": "1Gi", "nvidia.com/gpu": "1"}}}


def listed(name: str, **spec) -> dict:
    return {
        "metadata": {
            "namespace": "shop",
            "name": name,
            "labels": {"app": "api"},
            "creationTimestamp": "2026-09-01T11:00:00Z",
            "ownerReferences": [{"kind": "ReplicaSet", "name": "api", "controller": True}],
        },
        "spec": {"containers": [CONTAINER], **spec},
        "status": {"phase": "Running"},
    }


@pytest.fixture
def cluster() -> Cluster:
    made = Cluster()
    big = node()
    big["status"] = {"allocatable": {"cpu": "4", "memory": "16Gi", "pods": "58", "nvidia.com/gpu": "2"}}
    made.objects["/api/v1/nodes"] = [big]
    made.objects[PODS] = [
        listed("api-1", nodeName=big["metadata"]["name"], volumes=[{"name": "cache", "emptyDir": {}}]),
        listed("api-9", nodeSelector={"disk": "ssd"}),
    ]
    made.objects["/apis/policy/v1/poddisruptionbudgets"] = [
        {
            "metadata": {"namespace": "shop", "name": "api"},
            "spec": {"selector": {"matchLabels": {"app": "api"}}},
            "status": {"disruptionsAllowed": 0},
        }
    ]
    return made


@pytest.fixture
def run(monkeypatch, capsys, cluster):
    def _run(*arguments, api=None):
        monkeypatch.setattr(command, "connector", lambda *_: lambda _: api or cluster)
        monkeypatch.setattr(command.reading, "instance_types", lambda *_: {})
        with Cloud().attached(), pytest.raises(SystemExit) as stop:
            cli.main(["explain", *arguments])
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return _run


def test_a_node_is_explained_from_what_the_api_lists(run):
    code, out, err = run("node", *NAMED, "--json")
    assert (code, err) == (0, "")
    (answer,) = json.loads(out)["nodes"]
    assert answer["group"] == "eks-workers-0ac1"
    assert answer["utilization"]["shares"] == {"cpu": 0.375, "memory": 0.0625}
    assert [each["rule"] for each in answer["reasons"]][:2] == ["LocalStorageRequested", "NoPlaceToMovePods"]


def test_pods_of_one_workload_that_keep_a_node_for_the_same_reason_are_one_line(run, cluster):
    name = cluster.objects["/api/v1/nodes"][0]["metadata"]["name"]
    volumes = [{"name": "cache", "emptyDir": {}}]
    cluster.objects[PODS] = [listed(f"api-{number}", nodeName=name, volumes=volumes) for number in (1, 2)]
    _, out, _ = run("node", *NAMED)
    assert "  LocalStorageRequested: 2 pods of ReplicaSet shop/api, such as shop/api-1: The pod has local" in out
    assert out.count("LocalStorageRequested") == 1
    _, out, _ = run("node", *NAMED, "--json")
    found = [each for each in json.loads(out)["nodes"][0]["reasons"] if each["rule"] == "LocalStorageRequested"]
    assert [(each["pod"], each["owner"]) for each in found] == [
        ("shop/api-1", "ReplicaSet shop/api"),
        ("shop/api-2", "ReplicaSet shop/api"),
    ]


def test_a_pod_is_explained_from_what_the_api_lists(run):
    code, out, _ = run("pod", "shop/api-9", *NAMED, "--json")
    assert code == 0
    document = json.loads(out)
    assert document["requests"] == "1500m CPU, 1024Mi memory, 1 nvidia.com/gpu"
    assert document["groups"][0]["reasons"] == ["label disk=ssd is missing"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pod", "api-9"), "Got the pod 'api-9'; expected NAMESPACE/NAME"),
        (("pod", "shop/none"), "The pod shop/none does not exist"),
        (("node", "none"), "Got the node none; expected one of"),
        (("node", "--price", "m6i.large"), "--price: got 'm6i.large'; expected TYPE=PRICE"),
        (("node", "--price", "m6i.large=nan"), "expected TYPE=PRICE"),
    ],
)
def test_a_mistake_is_reported_in_one_line(run, arguments, words):
    code, out, err = run(*arguments, *NAMED)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err


@pytest.mark.parametrize("part", ["persistentvolumes", "poddisruptionbudgets"])
def test_a_right_that_the_reader_lacks_is_named(run, cluster, part):
    cluster.denied.add(part)
    code, _, err = run("node", *NAMED)
    assert code == 2
    assert part in err
    assert "allow `" in err


def test_an_api_server_out_of_reach_is_reported(run):
    code, _, err = run("node", *NAMED, api=Unreadable("your kubeconfig", False, "no such file"))
    assert code == 2
    assert "no such file" in err


def test_without_the_right_to_ask_ec2_sizes_are_unknown():
    cloud = Cloud()
    cloud.denied.add("DescribeInstanceTypes")
    with cloud.attached():
        assert command.reading.instance_types(clients.Aws(snapshots.REGION), ["m6i.large"]) == {}


def test_the_autoscalers_own_count_is_shown_with_the_nodes(run, cluster):
    words = "The autoscaler's own count (/metrics; a reason that is gone keeps its last number): NoPlaceToMovePods 2."
    assert words not in run("node", *NAMED)[1]
    cluster.pages["/metrics"] = 'cluster_autoscaler_unremovable_nodes_count{reason="14"} 2'
    assert words in run("node", *NAMED)[1]
    assert json.loads(run("node", *NAMED, "--json")[1])["counted"] == {"NoPlaceToMovePods": 2}


def test_each_list_is_read_once_for_an_answer(run, cluster):
    run("pod", "shop/api-9", *NAMED)
    lists = ("nodes", "pods", "persistentvolumes")
    again = [call for call in cluster.calls if call in {f"list /api/v1/{name}" for name in lists}]
    # The snapshot reads nodes, pending pods and volumes, the answer all of them with more of each.
    assert sorted(again) == sorted([f"list /api/v1/{name}" for name in lists] * 2)
    assert cluster.calls.count("list /apis/policy/v1/poddisruptionbudgets") == 1
    assert cluster.calls.count("list /apis/apps/v1/daemonsets") == 1


BUFFERS = f"/apis/{capacity_buffers.API_VERSION}/{capacity_buffers.PLURAL}"


def test_buffers_are_not_read_without_the_flag_that_turns_them_on(run, cluster):
    cluster.denied.add(capacity_buffers.PLURAL)
    code, _, err = run("node", *NAMED)
    assert (code, err) == (0, "")
    assert not [call for call in cluster.calls if "buffers" in call or "podtemplates" in call]


def working_on_buffers(cluster):
    (container,) = cluster.objects[DEPLOYMENTS][0]["spec"]["template"]["spec"]["containers"]
    container["command"] = [*container["command"], f"--{flag_needs.INJECTION_FLAG}=true"]


@pytest.mark.parametrize("version", capacity_buffers.VERSIONS)
def test_a_buffer_that_keeps_a_node_is_named(run, cluster, version):
    working_on_buffers(cluster)
    cluster.objects[PODS] = []
    cluster.objects[BUFFERS.replace(capacity_buffers.VERSIONS[0], version)] = [buffer()]
    template = copy.deepcopy(TEMPLATE)
    del template["template"]["spec"]["nodeSelector"]
    cluster.objects["/api/v1/podtemplates"] = [template]
    code, out, err = run("node", *NAMED)
    assert (code, err) == (0, "")
    assert "Pods and the CapacityBuffer default/headroom-burst request 90% of its cpu" in out


@pytest.mark.parametrize("part", ["capacitybuffers", "podtemplates"])
def test_without_the_right_to_list_buffers_there_is_no_answer_that_could_be_wrong(run, cluster, part):
    working_on_buffers(cluster)
    cluster.objects[BUFFERS] = [buffer()]
    cluster.denied.add(part)
    code, _, err = run("node", *NAMED)
    assert code == 2
    assert part in err
    assert "allow `" in err
