"""`python -m scripts.fleet` on three stacks: real engine, two clusters of the emulated AWS."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import yaml

from components.pure import iam
from sandbox.layout import ACCOUNT_ID, REGION
from sandbox.tests.harness import Sandbox
from tests.e2e.program.checkout import Checkout
from tests.e2e.program.stack import PROJECT, inventory, remove_shared
from tests.markdown import ROOT

EU, TYPO, US = "prod-eu", "prod-typo", "prod-us"


def settings(cluster: str, **changes: str) -> str:
    document: dict[str, Any] = yaml.safe_load((ROOT / "Pulumi.adopt.yaml").read_text())
    document["config"] |= {
        f"{PROJECT}:{key}": value for key, value in {"cluster": {"name": cluster}, **changes}.items()
    }
    return yaml.safe_dump(document)


@pytest.fixture
def checkout(sandbox: Sandbox, two_clusters: tuple[str, str], tmp_path: Path) -> Iterator[Checkout]:
    """A checkout, at a commit, with three stacks, of which none is selected; destroyed afterwards."""
    before = inventory(sandbox)
    first, second = two_clusters
    files = {
        EU: settings(first),
        US: settings(second),
        TYPO: settings(first, credentials="irsaa"),
        "dev": settings(first),
    }
    made = Checkout(sandbox, tmp_path, files)
    (tmp_path / ".gitignore").write_text("build/\n")
    made.shell(
        f"for stack in {EU} {TYPO} {US} dev; do pulumi stack init $stack; done\n"
        "git init --quiet\n"
        "git add .\n"
        "git -c user.name=t -c user.email=t@example.com commit --quiet --message fleet"
    )
    yield made
    made.shell(f"for stack in {EU} {TYPO} {US} dev; do pulumi destroy --yes --remove --stack $stack; done")
    for cluster in two_clusters:
        remove_shared(sandbox, cluster)
    assert inventory(sandbox) == before


@contextmanager
def name_taken(sandbox: Sandbox, cluster: str) -> Iterator[None]:
    """A policy that was created outside Pulumi has the name of the autoscaler's, and so AWS refuses the second."""
    client = sandbox.client("iam")
    identity = iam.ClusterIdentity("aws", REGION, ACCOUNT_ID, cluster)
    name, document = iam.autoscaler_policy_name(identity), json.dumps(iam.autoscaler_policy(identity))
    arn = client.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"]
    yield
    client.delete_policy(PolicyArn=arn)


def fleet(checkout: Checkout, arguments: str) -> tuple[int, str]:
    """Exit code and output."""
    out = checkout.shell(f"code=0; python -m scripts.fleet {arguments} || code=$?; echo code $code")
    output, _, code = out.rpartition("code ")
    return int(code), output


def most_at_a_time(checkout: Checkout) -> int:
    updates = [
        json.loads(checkout.shell(f"pulumi stack history --json --stack {stack}"))[0] for stack in (EU, TYPO, US)
    ]
    spans = [(each["startTime"], each["endTime"]) for each in updates]
    return max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)


@pytest.mark.full
def test_a_failure_stops_no_other_stack_and_a_resumed_run_takes_only_what_failed(
    sandbox: Sandbox, checkout: Checkout, two_clusters: tuple[str, str]
) -> None:
    with name_taken(sandbox, two_clusters[1]):
        code, out = fleet(checkout, "up --stacks 'prod-*' --parallel 2")
    assert code == 1
    typo, us, count = out.splitlines()[-3:]
    assert typo == (
        f"{TYPO} did not succeed: pulumi ended with exit code 1: settings: 1 error "
        "credentials: got 'irsaa'; expected one of irsa, podIdentity, nodeRole"
    )
    assert us.startswith(f"{US} did not succeed: pulumi ended with exit code 1: creating aws:iam/policy:Policy")
    assert "EntityAlreadyExists" in us
    assert count.startswith("up: 1 of 3 succeeded.")
    assert most_at_a_time(checkout) == 2
    assert "every link holds" in (checkout.folder / "build" / "fleet" / f"{EU}-doctor.log").read_text()

    code, out = fleet(checkout, "check --stacks 'prod-[eu]*'")
    assert code == 1
    assert f"{EU}: succeeded" in out
    assert f"{US} did not succeed: the doctor ended with exit code" in out

    code, out = fleet(checkout, "up --stacks 'prod-*' --resume")
    assert code == 1
    assert f"{US}: succeeded" in out
    assert f"{EU}:" not in out
    assert "up: 1 of 2 succeeded, 1 left out" in out
    for cluster in two_clusters:
        api = kubernetes.client.AppsV1Api(sandbox.kubernetes(cluster))
        assert api.read_namespaced_deployment("cluster-autoscaler", "kube-system").status.ready_replicas

    code, out = fleet(checkout, "check --stacks 'prod-[eu]*'")
    assert code == 0
    assert out.count("every link holds") == 2
    selected = [each["name"] for each in json.loads(checkout.shell("pulumi stack ls --json")) if each["current"]]
    assert selected == ["dev"], "the user's next command works on the stack that the user selected"
