"""Cluster Autoscaler moved between its ways to credentials, as in docs/credentials.md, and watched all the while."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytest
from kubernetes import client

from sandbox.tests.harness import Sandbox
from tests.e2e.doctor.commands import Doctor
from tests.e2e.program.identity import NAMESPACE
from tests.e2e.program.stack import Stack
from tests.e2e.reliability.probe import Watch
from tests.e2e.reliability.suite import AUTOSCALER, AWS, ENGINE, PROVIDER, SERVER, Finding

CLUSTER = "sandbox"
KIND = "Moves between the ways to credentials"
OTHER_ACCOUNT = "cluster-autoscaler-2"
HANDOVER = 15.0
"""Seconds that a move to another service account may leave between the old pods and the new ones, on a busy machine."""


class Step(NamedTuple):
    """The settings of one `up`.

    Attributes:
        credentials: The mode.
        account: Name of the service account; None for the default.
        hop_limit: Hop limit of every node group; None for the default.
    """

    credentials: str
    account: str | None = None
    hop_limit: int | None = None

    def settings(self, stack: Stack) -> dict[str, Any]:
        """The stack's settings, changed for this step."""
        account = {"serviceAccount": self.account} if self.account else {}
        hop_limit = {"hopLimit": self.hop_limit} if self.hop_limit else {}
        return {
            "credentials": self.credentials,
            "autoscaler": {**stack.get("autoscaler"), **account},
            "nodeGroups": [{**group, **hop_limit} for group in stack.get("nodeGroups")],
        }

    def __str__(self) -> str:
        more = [f"account {self.account}"] if self.account else []
        more += [f"hop limit {self.hop_limit}"] if self.hop_limit else []
        return f"{self.credentials} ({', '.join(more)})" if more else self.credentials


HOME = Step("irsa")
TOURS = [
    pytest.param([Step("podIdentity"), Step("irsa", OTHER_ACCOUNT), HOME], id="IRSA, Pod Identity, IRSA"),
    pytest.param([Step("nodeRole"), Step("irsa", hop_limit=2), HOME], id="IRSA, node role, IRSA"),
    pytest.param(
        [
            Step("podIdentity"),
            Step("nodeRole", OTHER_ACCOUNT),
            Step("podIdentity", OTHER_ACCOUNT, hop_limit=2),
            Step("podIdentity", OTHER_ACCOUNT),
            HOME,
        ],
        id="IRSA, Pod Identity, node role, Pod Identity, IRSA",
    ),
]


@pytest.fixture
def home(sandbox: Sandbox, stack: Stack) -> Iterator[Stack]:
    """The shared stack; were a tour cut short, it is brought back, and its pods get what belongs to them."""
    yield stack
    if stack.outputs()["credentialsMode"] != HOME.credentials or stack.planned():
        stack.up()
        with sandbox.kubernetes(CLUSTER) as api:
            client.CoreV1Api(api).delete_collection_namespaced_pod(NAMESPACE, label_selector="app=cluster-autoscaler")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("tour", TOURS)
def test_at_no_step_of_a_move_is_the_autoscaler_doubled_or_without_permissions(
    sandbox: Sandbox, home: Stack, finding: Finding, tour: Sequence[Step]
) -> None:
    finding.done(KIND, ", ".join(map(str, [HOME, *tour])), ENGINE, PROVIDER, SERVER, AWS, AUTOSCALER)
    doctor = Doctor(sandbox, home)
    groups = asg_names(home)
    watches = []
    for before, step in zip([HOME, *tour], tour, strict=False):
        with (
            finding.timed(f"up to {step}"),
            Watch(sandbox, CLUSTER, groups["batch"]) as watch,
            home.edited(**step.settings(home)),
        ):
            home.up()
        watches.append(watch)
        doctor.forget_outputs()
        assert whoami(doctor) == step.credentials
        assert asg_names(home) == groups, "a node group was replaced"
        assert watch.most_deployments == 1
        allowed = HANDOVER if step.account != before.account else 0.0
        assert watch.without_permissions <= allowed, (str(step), watch.reasons)
    result = doctor.run("check", "--wait", "120")
    assert result.code == 0, result.out + result.err
    finding.seen(
        "whoami named the mode after every step and the doctor was content; no node group was replaced",
        observations=sum(len(watch.observations) for watch in watches),
        longest_without_permissions=max(watch.without_permissions for watch in watches),
        longest_without_pods=max(watch.without_pods for watch in watches),
        most_deployments=max(watch.most_deployments for watch in watches),
    )


def asg_names(stack: Stack) -> dict[str, str]:
    """Names of the Auto Scaling Groups by node group; EKS makes a new name for each node group that it makes."""
    return {group["name"].rsplit("-", 1)[0]: group["asgName"] for group in stack.outputs()["nodeGroups"]}


def whoami(doctor: Doctor) -> str:
    """The mode in which the running autoscaler gets its credentials, with all that they must allow."""
    result = doctor.run("whoami", "--json")
    assert result.code == 0, result.out + result.err
    assert all(each["allowed"] for each in result.document["permissions"])
    return str(result.document["credentialSource"])
