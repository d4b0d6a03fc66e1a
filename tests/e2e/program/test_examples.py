"""Every Python example on the sandbox, with the components under the name that they have when they are installed."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import kubernetes
import pytest

from sandbox.layout import REGION
from sandbox.tests.harness import Sandbox
from tests.e2e.program.stack import Stack, inventory, remove_shared

ROOT = Path(__file__).parents[3]
CHART = ROOT / "sandbox" / "chart" / "cluster-autoscaler"
CLUSTER_ARGUMENTS = "cluster_arguments(cluster)"

Deploy = Callable[..., AbstractContextManager[dict[str, object]]]


@pytest.fixture
def deployed(sandbox: Sandbox, tmp_path: Path) -> Deploy:
    """Deploy a copy of an example, preview it again, give its outputs, and destroy it; AWS is then as it was before."""

    @contextmanager
    def deploy(example: str, *config: str, stay: Sequence[str] = ()) -> Iterator[dict[str, object]]:
        folder = tmp_path / example
        folder.mkdir()
        for name in ("__main__.py", "Pulumi.yaml"):
            (folder / name).write_text((ROOT / "examples" / example / name).read_text())
        (folder / "eks_cluster_autoscaler").symlink_to(ROOT / "components")
        _replace(
            folder / "Pulumi.yaml",
            "runtime: python",
            f"runtime: {{name: python, options: {{toolchain: pip, virtualenv: {sys.prefix}}}}}",
        )
        _replace(
            folder / "__main__.py",
            CLUSTER_ARGUMENTS,
            # The public chart repository may be out of reach here.
            f'{{**{CLUSTER_ARGUMENTS}, "chart": {{"location": {str(CHART)!r}}}}}',
        )

        def pulumi(*arguments: str) -> str:
            return sandbox.pulumi(*arguments, "--stack", "example", folder=folder)

        before = inventory(sandbox)
        sandbox.pulumi("stack", "init", "example", folder=folder)
        pulumi("config", "set-all", "--path", *(f"--plaintext={pair}" for pair in config))
        try:
            pulumi("up", "--yes", "--skip-preview")
            pulumi("preview", "--expect-no-changes")
            yield sandbox.pulumi_json("stack", "output", "--json", "--stack", "example", folder=folder)
        finally:
            pulumi("destroy", "--yes", "--skip-preview", "--remove")
        # Their OIDC providers belong to all workloads of the adopted clusters.
        for cluster in stay:
            remove_shared(sandbox, cluster)
        assert inventory(sandbox) == before, "destroy leaves nothing else behind"

    return deploy


def _replace(file: Path, old: str, new: str) -> None:
    file.write_text(file.read_text().replace(old, new))


def _autoscaler_runs(sandbox: Sandbox, cluster: str) -> bool:
    """Return whether a cluster has a ready pod of the autoscaler."""
    api = kubernetes.client.AppsV1Api(sandbox.kubernetes(cluster))
    return bool(api.read_namespaced_deployment("cluster-autoscaler", "kube-system").status.ready_replicas)


def test_a_consumer_adds_a_node_group_that_the_autoscaler_finds(
    sandbox: Sandbox, stack: Stack, deployed: Deploy
) -> None:
    with deployed("add-to-cluster", f"clusterStack=organization/eks-cluster-autoscaler/{stack.name}") as outputs:
        keys = ("k8s.io/cluster-autoscaler/enabled", "k8s.io/cluster-autoscaler/sandbox")
        filters = [{"Name": "tag-key", "Values": [key]} for key in keys]
        groups = sandbox.client("autoscaling").describe_auto_scaling_groups(Filters=filters)["AutoScalingGroups"]
        assert outputs["asgNames"]["extra"] in [group["AutoScalingGroupName"] for group in groups]  # type: ignore[index]
        assert stack.planned() == [], "the owner's stack is not touched"


def test_a_self_managed_group_gets_the_tags_and_loses_them_again(sandbox: Sandbox, deployed: Deploy, asg: str) -> None:
    def tags() -> dict[str, str]:
        filters = [{"Name": "auto-scaling-group", "Values": [asg]}]
        found = sandbox.client("autoscaling").describe_tags(Filters=filters)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    with deployed("self-managed-asg", f"region={REGION}", f"asgName={asg}", "clusterName=main") as outputs:
        assert tags() == outputs["tags"]
        assert tags()["k8s.io/cluster-autoscaler/main"] == "owned"
    assert tags() == {}


def test_an_autoscaler_runs_on_a_cluster_that_pulumi_eks_creates(sandbox: Sandbox, deployed: Deploy) -> None:
    sandbox.start()
    with deployed("with-pulumi-eks", f"zones[0]={REGION}a", f"zones[1]={REGION}b") as outputs:
        iam = sandbox.client("iam")
        cluster = sandbox.client("eks").describe_cluster(name="with-pulumi-eks")["cluster"]
        issuer = cluster["identity"]["oidc"]["issuer"].removeprefix("https://")
        providers = [each["Arn"] for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
        (provider,) = [arn for arn in providers if arn.endswith(issuer)]
        role = iam.get_role(RoleName=str(outputs["roleArn"]).rpartition("/")[2])["Role"]
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Federated": provider}
        assert _autoscaler_runs(sandbox, "with-pulumi-eks")


@pytest.mark.full
def test_each_of_two_clusters_gets_an_autoscaler_with_a_role_for_its_own_groups(
    sandbox: Sandbox, deployed: Deploy, two_clusters: tuple[str, str]
) -> None:
    config = [f"clusters[{index}]={name}" for index, name in enumerate(two_clusters)]
    with deployed("two-clusters", f"region={REGION}", *config, stay=two_clusters) as outputs:
        assert len({outputs[f"{name}RoleArn"] for name in two_clusters}) == 2
        assert all(_autoscaler_runs(sandbox, name) for name in two_clusters)
