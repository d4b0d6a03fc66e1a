"""The engine, killed in the middle: the next run converges, nothing is orphaned and nothing is made twice."""

import time
from collections import Counter

import pytest

from tests.e2e.reliability.engine import Engine, switches
from tests.e2e.reliability.killed_stack import CLUSTER, KilledStack, Point
from tests.e2e.reliability.recovery import Repair, counts, is_stuck
from tests.e2e.reliability.suite import AWS, ENGINE, PROVIDER, Finding

ANSWERED = (ENGINE, PROVIDER, AWS)


@pytest.fixture(scope="module")
def uninterrupted(whole_stack: KilledStack) -> Counter[str]:
    """What an undisturbed run makes."""
    whole_stack.ensure(up=False)
    whole_stack.ensure(up=True)
    return counts(whole_stack.stack) - whole_stack.before


def started(type_: str, times: int = 1) -> Point:
    """The n-th operation on a type of resource has begun."""
    return lambda engine: sum(e.stage == "started" and e.type == type_ for e in engine.events()) >= times


def finished(type_: str) -> Point:
    """The engine knows the end of the first operation on a type of resource."""
    return lambda engine: any(e.stage == "finished" and e.type == type_ for e in engine.events())


def begun(operations: int) -> Point:
    """So many operations have begun, of whatever kind."""
    return lambda engine: sum(e.stage == "started" for e in engine.events()) >= operations


class Unanswered:
    """AWS has carried out a call and the engine will never hear of it."""

    def __init__(self, service: str, action: str) -> None:
        self.call = service, action
        self._injected = False

    def __call__(self, engine: Engine) -> bool:
        emulator = switches(engine.sandbox)
        if not self._injected:
            emulator.inject(*self.call, "timeout", done=True)
        # Once it has hit, the next run that is killed at this point needs another one.
        self._injected = bool(emulator.faults())
        return not self._injected


def installing(engine: Engine) -> bool:
    """Helm has written down that it installs, and has not finished."""
    return bool(started("kubernetes:helm.sh/v3:Release")(engine)) and is_stuck(engine.stack, CLUSTER)


def summary(repair: Repair) -> str:
    if not repair.pending:
        return "nothing was in flight; the next run converged"
    what = f"{repair.pending} operation{'s' if repair.pending > 1 else ''} of unknown end"
    adopted = f", {repair.adopted} resource{'s' if repair.adopted > 1 else ''} found in AWS and imported"
    return f"{what}{adopted if repair.adopted else ''}; the next run converged"


UP: list[tuple[str, Point]] = [
    ("the stack itself has begun", begun(1)),
    ("AWS has made the VPC, unknown to the engine", Unanswered("ec2", "CreateVpc")),
    ("20 operations have begun", begun(20)),
    ("AWS has made the NAT gateway, unknown to the engine", Unanswered("ec2", "CreateNatGateway")),
    ("AWS has made the cluster's role, unknown to the engine", Unanswered("iam", "CreateRole")),
    ("AWS is creating the cluster, unknown to the engine", Unanswered("eks", "CreateCluster")),
    ("the cluster is recorded", finished("aws:eks/cluster:Cluster")),
    ("AWS has made a node group, unknown to the engine", Unanswered("eks", "CreateNodegroup")),
    ("Helm is installing the release", installing),
    ("the release, the last resource, is recorded", finished("kubernetes:helm.sh/v3:Release")),
]
DESTROY: list[tuple[str, Point]] = [
    ("the first deletion has begun", begun(1)),
    ("the release is being uninstalled", started("kubernetes:helm.sh/v3:Release")),
    ("the release is gone", finished("kubernetes:helm.sh/v3:Release")),
    ("AWS has deleted the policy, unknown to the engine", Unanswered("iam", "DeletePolicy")),
    ("AWS is deleting a node group, unknown to the engine", Unanswered("eks", "DeleteNodegroup")),
    ("AWS has deleted a launch template, unknown to the engine", Unanswered("ec2", "DeleteLaunchTemplate")),
    ("AWS is deleting the cluster, unknown to the engine", Unanswered("eks", "DeleteCluster")),
    ("the cluster is gone", finished("aws:eks/cluster:Cluster")),
    ("AWS has deleted a subnet, unknown to the engine", Unanswered("ec2", "DeleteSubnet")),
    ("AWS has deleted the VPC, unknown to the engine", Unanswered("ec2", "DeleteVpc")),
]
ALTERNATELY = [
    pytest.param(command, what, point, id=f"{command} when {what}")
    for pair in zip(UP, DESTROY, strict=True)
    for command, (what, point) in zip(("up", "destroy"), pair, strict=True)
]
"""An `up`, then a `destroy`: each begins where the one before it left the stack."""


@pytest.mark.parametrize(("command", "what", "point"), ALTERNATELY)
def test_the_run_after_a_kill_converges(
    killed: KilledStack, uninterrupted: Counter[str], finding: Finding, command: str, what: str, point: Point
) -> None:
    finding.done(f"The engine killed (SIGKILL) during `{command}`", f"killed when {what}", *ANSWERED)
    killed.ensure(up=command == "destroy")
    killed.is_up = True  # or anything between: the next case finds out
    repair = killed.kill(command, point, what)
    started_at = time.monotonic()
    if command == "up":
        killed.stack.up()
        killed.check_up()
        assert counts(killed.stack) - killed.before == uninterrupted
    else:
        killed.stack.destroy()
        killed.check_down()
    finding.seen(
        summary(repair),
        in_flight=repair.pending,
        imported=repair.adopted,
        orphaned=0,
        seconds_of_the_next_run=time.monotonic() - started_at,
    )


SHORT = [5, 8]
"""Of `UP`, for every day: as the cluster is being made, and the release."""


def test_a_stack_that_is_killed_again_and_again_converges_and_goes(killed: KilledStack, finding: Finding) -> None:
    finding.done(
        "The engine killed (SIGKILL) during `up`",
        f"one stack, killed {len(SHORT)} times on its way up and once on its way down",
        *ANSWERED,
    )
    killed.ensure(up=False)
    killed.is_up = True
    repairs = [killed.kill("up", UP[index][1], UP[index][0]) for index in SHORT]
    with finding.timed("seconds of the next run"):
        killed.stack.up()
    killed.check_up()
    repairs.append(killed.kill("destroy", DESTROY[4][1], DESTROY[4][0]))
    killed.stack.destroy()
    killed.check_down()
    in_flight, imported = sum(each.pending for each in repairs), sum(each.adopted for each in repairs)
    finding.seen("`up`, then `destroy` converged", in_flight=in_flight, imported=imported, orphaned=0)
