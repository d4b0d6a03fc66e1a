"""What the autoscaler reports when its role lacks a permission."""

from sandbox.tests.kubelet.installation import EMPTY, GROUP, policy
from sandbox.tests.kubernetes.eks import eventually


def messages(installation, reason):
    return [event["message"] for event in installation.events(reason)]


def test_without_describe_nodegroup_an_empty_group_does_not_scale_up(installation):
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


def test_a_group_that_the_role_may_not_scale_is_backed_off(installation):
    of_another_cluster = policy("another-cluster")
    installation.set_policy(of_another_cluster)
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
