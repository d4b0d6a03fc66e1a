"""Nodes that follow EC2 instances, and pods that run on them."""

import time

import pytest

from sandbox.tests.kubernetes.eks import eventually

GROUP = "general"
TOLERATE = {"key": "dedicated", "operator": "Exists"}


def deployment(name, replicas, labels, namespace="default", **pod):
    container = {"name": "app", "image": pod.pop("image", "registry.k8s.io/pause:3.10")}
    spec = {"tolerations": [TOLERATE], "containers": [container], **pod}
    template = {"metadata": {"labels": labels}, "spec": spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


def ready(node):
    """Ready, and free of the taint that Kubernetes itself puts on a node which is not."""
    if any(taint["key"] == "node.kubernetes.io/not-ready" for taint in node["spec"].get("taints", [])):
        return False
    return any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", []))


def running(cluster, label):
    return [pod for pod in cluster.objects("pods", "-A", "-l", label) if pod["status"]["phase"] == "Running"]


@pytest.fixture(scope="module")
def nodes(account, cluster):
    """The two nodes of a managed node group, once they are ready."""
    account.eks.create_nodegroup(
        clusterName=cluster.name,
        nodegroupName=GROUP,
        subnets=account.subnets,
        nodeRole=account.node_role,
        instanceTypes=["t3.medium"],
        capacityType="SPOT",
        scalingConfig={"minSize": 0, "maxSize": 4, "desiredSize": 2},
        labels={"team": "payments"},
        taints=[{"key": "dedicated", "value": "yes", "effect": "NO_SCHEDULE"}],
    )
    eventually(lambda: sum(map(ready, cluster.objects("nodes"))) == 2)
    return cluster.objects("nodes")


@pytest.fixture
def autoscaling(account):
    return account.sandbox.client("autoscaling")


def test_each_instance_joins_as_a_node_of_its_name_and_zone(account, cluster, nodes):
    filters = [{"Name": "tag:eks:nodegroup-name", "Values": [GROUP]}]
    reservations = account.ec2.describe_instances(Filters=filters)["Reservations"]
    instances = [instance for reservation in reservations for instance in reservation["Instances"]]
    expected = {
        instance["PrivateDnsName"]: f"aws:///{instance['Placement']['AvailabilityZone']}/{instance['InstanceId']}"
        for instance in instances
    }
    assert {node["metadata"]["name"]: node["spec"]["providerID"] for node in nodes} == expected
    zones = {node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes}
    assert zones == {"us-east-1a", "us-east-1b"}


def test_nodes_have_labels_taints_and_capacity_of_their_group_and_type(cluster, nodes):
    for node in nodes:
        labels = node["metadata"]["labels"]
        assert labels["team"] == "payments"
        assert labels["eks.amazonaws.com/nodegroup"] == GROUP
        assert labels["eks.amazonaws.com/capacityType"] == "SPOT"
        assert labels["node.kubernetes.io/instance-type"] == "t3.medium"
        assert node["spec"]["taints"] == [{"key": "dedicated", "value": "yes", "effect": "NoSchedule"}]
        assert node["status"]["capacity"] | {"cpu": "2", "pods": "17"} == node["status"]["capacity"]
        assert node["status"]["nodeInfo"]["kubeletVersion"].startswith(f"v{cluster.describe()['version']}.")


def test_an_instance_joins_when_it_leaves_its_warm_pool(account, cluster, nodes, autoscaling):
    def joined():
        return {node["spec"]["providerID"].rpartition("/")[2] for node in cluster.objects("nodes")}

    made = {"clusterName": cluster.name, "subnets": account.subnets, "nodeRole": account.node_role}
    pool = {"enabled": True, "poolState": "RUNNING"}
    sizes = {"minSize": 0, "maxSize": 1, "desiredSize": 0}
    account.eks.create_nodegroup(**made, nodegroupName="warm", scalingConfig=sizes, warmPoolConfig=pool)
    group = account.eks.describe_nodegroup(clusterName=cluster.name, nodegroupName="warm")["nodegroup"]
    asg = group["resources"]["autoScalingGroups"][0]["name"]
    (waiting,) = autoscaling.describe_warm_pool(AutoScalingGroupName=asg)["Instances"]
    account.eks.create_nodegroup(**made, nodegroupName="cold", scalingConfig={**sizes, "desiredSize": 1})
    eventually(lambda: len(joined()) == 3)
    assert waiting["InstanceId"] not in joined(), "it runs, and a later one has joined"
    autoscaling.set_desired_capacity(AutoScalingGroupName=asg, DesiredCapacity=1)
    eventually(lambda: waiting["InstanceId"] in joined())
    for name in ("warm", "cold"):
        account.eks.delete_nodegroup(clusterName=cluster.name, nodegroupName=name)
    eventually(lambda: len(joined()) == 2)


def test_pods_run_and_the_scheduler_reports_when_there_are_too_many(cluster, nodes):
    cluster.kubectl("apply", "-f", "-", stdin=deployment("stress", 36, {"app": "stress"}))
    eventually(lambda: len(running(cluster, "app=stress")) == 34)
    (first, second) = eventually(
        lambda: [pod for pod in cluster.objects("pods", "-l", "app=stress") if "nodeName" not in pod["spec"]]
    )
    for pod in (first, second):
        (condition,) = [c for c in pod["status"]["conditions"] if c["type"] == "PodScheduled"]
        assert condition["reason"] == "Unschedulable"
        assert "2 Too many pods" in condition["message"]
    cluster.kubectl("delete", "deployment", "stress")
    eventually(lambda: not cluster.objects("pods", "-l", "app=stress"))


def test_a_pod_without_the_toleration_finds_no_node(cluster, nodes):
    cluster.kubectl("apply", "-f", "-", stdin=deployment("shy", 1, {"app": "shy"}, tolerations=[]))
    (pod,) = eventually(lambda: [p for p in cluster.objects("pods", "-l", "app=shy") if p["status"].get("conditions")])
    assert "untolerated taint" in pod["status"]["conditions"][0]["message"]
    cluster.kubectl("delete", "deployment", "shy")


def test_a_job_completes(cluster, nodes):
    template = {"spec": deployment("", 1, {})["spec"]["template"]["spec"] | {"restartPolicy": "Never"}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"}, "spec": {"template": template}}
    cluster.kubectl("apply", "-f", "-", stdin=job)
    cluster.kubectl("wait", "--for=condition=Complete", "job/once", "--timeout=30s")


@pytest.fixture
def no_kubelet(account):
    """Without the kubelet of the autoscaler's pods, which tests before may have started and tests after may need."""
    account.sandbox.stop("kubelet")
    yield
    account.sandbox.start("kubelet")


@pytest.mark.usefixtures("no_kubelet")
def test_the_autoscalers_pod_is_left_to_its_own_kubelet(cluster, nodes):
    image, labels = "mirror.example:5000/autoscaling/cluster-autoscaler:v1.36.0", {"app": "autoscaler"}
    manifest = deployment("cluster-autoscaler", 1, labels, namespace="kube-system", image=image)
    cluster.kubectl("apply", "-f", "-", stdin=manifest)
    cluster.kubectl("apply", "-f", "-", stdin=deployment("second", 1, {"app": "second"}))
    eventually(lambda: running(cluster, "app=second"))
    time.sleep(1)
    (pod,) = cluster.objects("pods", "-n", "kube-system", "-l", "app=autoscaler")
    assert "nodeName" in pod["spec"]
    assert pod["status"]["phase"] == "Pending"
    assert "containerStatuses" not in pod["status"]

    cluster.kubectl("delete", "deployment", "cluster-autoscaler", "-n", "kube-system")
    time.sleep(1)
    (pod,) = cluster.objects("pods", "-n", "kube-system", "-l", "app=autoscaler")
    assert "deletionTimestamp" in pod["metadata"]


def test_the_node_of_a_terminated_instance_leaves_with_its_pods(cluster, nodes, autoscaling):
    cluster.kubectl("apply", "-f", "-", stdin=deployment("spread", 6, {"app": "spread"}))
    eventually(lambda: len(running(cluster, "app=spread")) == 6)
    leaving = nodes[0]
    autoscaling.terminate_instance_in_auto_scaling_group(
        InstanceId=leaving["spec"]["providerID"].rpartition("/")[2], ShouldDecrementDesiredCapacity=True
    )
    eventually(lambda: len(cluster.objects("nodes")) == 1)
    survivor = nodes[1]["metadata"]["name"]
    eventually(lambda: [p["spec"].get("nodeName") for p in running(cluster, "app=spread")] == [survivor] * 6)
    # The autoscaler's terminating pod too, if it existed: nothing is left to end it in peace.
    assert {p["spec"].get("nodeName") for p in cluster.objects("pods", "-A")} <= {survivor, None}


def test_a_larger_group_brings_more_nodes(account, cluster, nodes, autoscaling):
    group = account.eks.describe_nodegroup(clusterName=cluster.name, nodegroupName=GROUP)["nodegroup"]
    name = group["resources"]["autoScalingGroups"][0]["name"]
    autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=3)
    eventually(lambda: sum(map(ready, cluster.objects("nodes"))) == 3)
