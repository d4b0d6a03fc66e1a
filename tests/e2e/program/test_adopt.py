"""The commonest real case: a cluster and a node group made outside Pulumi, adopted, in all three credential modes."""

from sandbox.tests.harness import Sandbox
from tests.e2e.program.stack import Stack, inventory

CLUSTER = "legacy"


def test_an_adopted_cluster_keeps_all_that_was_there(sandbox: Sandbox, legacy: dict[str, list[str]]) -> None:
    eks, asg = sandbox.client("eks"), sandbox.client("autoscaling")
    group = eks.describe_nodegroup(clusterName=CLUSTER, nodegroupName="workers")["nodegroup"]
    name = group["resources"]["autoScalingGroups"][0]["name"]

    def tags() -> dict[str, str]:
        found = asg.describe_tags(Filters=[{"Name": "auto-scaling-group", "Values": [name]}])["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    tags_before = tags()
    stack = Stack(sandbox, "adopt")
    for mode in ("irsa", "podIdentity", "nodeRole"):
        stack.set("credentials", mode)
        stack.up()
        outputs = stack.outputs()
        assert outputs["releaseStatus"] == "deployed"
        assert outputs["credentialsMode"] == mode
        (adopted,) = outputs["nodeGroups"]
        assert (adopted["asgName"], adopted["managed"]) == (name, False)
        assert stack.planned() == []
    stack.destroy()
    assert inventory(sandbox) == legacy
    assert tags() == tags_before, "what EKS put there must outlive us"
    assert (
        eks.describe_nodegroup(clusterName=CLUSTER, nodegroupName="workers")["nodegroup"]["labels"] == group["labels"]
    )
