"""AWS's API failing: once, and the call is tried again; for ever, and the error names resource and cause."""

import copy
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from sandbox.private_api import PrivateApi
from tests.e2e.program.stack import Stack
from tests.e2e.reliability.engine import pending
from tests.e2e.reliability.suite import Finding, case
from tests.e2e.reliability.victim import Victim

Call = tuple[str, str]
"""Service and action."""

CAUSES = {
    "throttle": "({action}): R",
    "500": "({action}): An internal error has occurred.",
    "cut": "ConnectionClosedError: ",
    "timeout": "ReadTimeoutError: ",
}
"""Fault -> how the error tells it; of throttling: Rate exceeded, Request limit exceeded."""
FAULTS = tuple(CAUSES)

ONCE = "An API call that fails once"
FOR_EVER = "An API call that fails for ever"


class Calls(NamedTuple):
    """What the engine asks of AWS, in the order in which it first asks."""

    up: list[Call]
    destroy: list[Call]


@pytest.fixture(scope="session")
def calls(whole_stack: Victim) -> Calls:
    """Recorded from an undisturbed `up` and `destroy` of the whole stack."""
    found = []
    for up in (True, False):
        whole_stack.ensure(up=not up)
        whole_stack.emulator.forget_calls()
        whole_stack.ensure(up=up)
        found.append(list(whole_stack.emulator.calls()))
    return Calls(*found)


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_call_may_fail_once(victim: Victim, calls: Calls, finding: Finding, fault: str) -> None:
    """All of a run in one: a run that survives them all survives each."""
    there_and_back(ONCE, survive, victim, calls, finding, fault)
    finding.seen(
        "every call was tried again; both runs ended well, nothing was made twice or left",
        actions=len(calls.up) + len(calls.destroy),
    )


@pytest.mark.full
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_call_may_fail_for_ever(victim: Victim, calls: Calls, finding: Finding, fault: str) -> None:
    ups, destroys = there_and_back(FOR_EVER, outlive, victim, calls, finding, fault)
    finding.seen(
        f"`up` failed {ups} times and `destroy` {destroys} times, each with an error that names resource and cause and "
        "with nothing of unknown end; when all calls worked again, both ended well, and nothing was made twice or left",
        actions=len(calls.up) + len(calls.destroy),
    )


Through = Callable[[Victim, Callable[..., str], list[Call], str], int]
"""A way to bring a command to its good end though calls of it fail; it returns how many runs failed."""


def there_and_back(
    kind: str, through: Through, victim: Victim, calls: Calls, finding: Finding, fault: str
) -> tuple[int, int]:
    """An `up` and a `destroy` of the whole stack, with all that there should be and no more after each.

    Returns:
        How many runs of either failed.
    """
    finding.done(kind, f"each action of `up` ({told(calls.up)}) and of `destroy` ({told(calls.destroy)}): {fault}")
    victim.ensure(up=False)
    victim.is_up = True  # in part, should this fail: the next test destroys it
    with finding.timed("seconds of up"):
        ups = through(victim, victim.stack.up, calls.up, fault)
    victim.check_up()
    with finding.timed("seconds of destroy"):
        destroys = through(victim, victim.stack.destroy, calls.destroy, fault)
    victim.check_down()
    return ups, destroys


def survive(victim: Victim, command: Callable[..., str], calls: list[Call], fault: str) -> int:
    """Runs a command in which the first call of each action fails."""
    victim.emulator.forget_calls()
    inject(victim.emulator, calls, fault)
    command()
    assert victim.emulator.faults() == [], "an action that was not called, so nothing was proved of it"
    made = victim.emulator.calls()
    assert [call for call in calls if made[call] < 2] == [], "a call that failed and was not made again"
    return 0


def outlive(victim: Victim, command: Callable[..., str], calls: list[Call], fault: str) -> int:
    """Runs a command with all actions failing; those that a run dies of work in the next one, until all have failed.

    Returns:
        How many runs failed.
    """
    failing, runs = list(calls), 0
    while failing:
        victim.emulator.clear_faults()
        inject(victim.emulator, failing, fault, "forever")
        victim.emulator.forget_calls()
        said = command(check=False)
        hit = [call for call in victim.emulator.calls() if call in failing]
        # Where two calls of one operation fail, its error tells one of them: the other has its turn in a later run.
        told_of = [call for call in hit if CAUSES[fault].format(action=call[1]) in said]
        assert told_of, (hit, said)
        assert re.search(r"aws:\w+/\w+:\w+ '[\w.-]+': |opening the aws provider: ", said), said
        assert "Traceback" not in said
        assert pending(victim.stack) == []
        failing = [call for call in failing if call not in told_of]
        runs += 1
    victim.emulator.clear_faults()
    command()
    return runs


def inject(emulator: PrivateApi, calls: list[Call], fault: str, times: int | str = 1) -> None:
    """A fault for the next calls of each action."""
    for service, action in calls:
        emulator.inject(service, action, fault, times)


def told(calls: list[Call]) -> str:
    """How many actions of which service."""
    services = Counter(service for service, _ in calls)
    return ", ".join(f"{count} of {service}" for service, count in sorted(services.items()))


@pytest.fixture
def growing(stack: Stack) -> Iterator[Stack]:
    """The stack with a node group more in its settings, not yet in the cloud; gone again afterwards."""
    group = {"name": "extra", "minSize": 0, "maxSize": 1}
    with stack.edited(nodeGroups=[*copy.deepcopy(stack.get("nodeGroups")), group]):
        yield stack
    stack.up()
    assert stack.planned() == []


def test_faults_of_several_kinds_in_one_up_are_got_over(growing: Stack, emulator: PrivateApi, finding: Finding) -> None:
    """A call that is not answered takes ten seconds: test_locks has one in its short form."""
    faults = {
        ("iam", "CreateRole"): "throttle",
        ("ec2", "CreateLaunchTemplate"): "500",
        ("eks", "CreateNodegroup"): "cut",
        ("eks", "DescribeNodegroup"): "throttle",
        ("iam", "AttachRolePolicy"): "cut",
        ("autoscaling", "CreateOrUpdateTags"): "throttle",
    }
    finding.done(ONCE, "a node group added; " + ", ".join(f"{action}: {f}" for (_, action), f in faults.items()))
    for call, fault in faults.items():
        emulator.inject(*call, fault)
    with finding.timed("seconds of up"):
        growing.up()
    assert emulator.faults() == []
    assert growing.planned() == []
    finding.seen("every call was tried again; `up` ended well", actions=len(faults))


@pytest.mark.parametrize(
    ("service", "action", "fault", "expected"),
    [
        case(
            "sts",
            "GetCallerIdentity",
            "throttle",
            "opening the aws provider: Throttling (GetCallerIdentity): Rate exceeded",
            id="sts throttle",
        ),
        case(
            "iam",
            "CreateRole",
            "throttle",
            "creating aws:iam/role:Role 'extra-node': Throttling (CreateRole): Rate exceeded",
            id="iam throttle",
            short=True,
        ),
        case(
            "ec2",
            "CreateLaunchTemplate",
            "500",
            "creating aws:ec2/launchTemplate:LaunchTemplate 'extra': InternalFailure (CreateLaunchTemplate): "
            "An internal error has occurred.",
            id="ec2 500",
        ),
        case(
            "eks",
            "CreateNodegroup",
            "throttle",
            "creating aws:eks/nodeGroup:NodeGroup 'extra': ThrottlingException (CreateNodegroup): Rate exceeded",
            id="eks throttle",
        ),
        case(
            "eks",
            "CreateNodegroup",
            "500",
            "creating aws:eks/nodeGroup:NodeGroup 'extra': InternalFailure (CreateNodegroup): "
            "An internal error has occurred.",
            id="eks 500",
        ),
        case(
            "eks",
            "CreateNodegroup",
            "cut",
            "creating aws:eks/nodeGroup:NodeGroup 'extra': ConnectionClosedError: "
            "Connection was closed before we received a valid response",
            id="eks cut",
        ),
        case(
            "eks",
            "CreateNodegroup",
            "timeout",
            "creating aws:eks/nodeGroup:NodeGroup 'extra': ReadTimeoutError: Read timeout on endpoint URL",
            id="eks timeout",
        ),
        case(
            "eks",
            "DescribeNodegroup",
            "500",
            "aws:eks/nodeGroup:NodeGroup 'extra': InternalFailure (DescribeNodegroup): An internal error has occurred.",
            id="eks 500 when read",
        ),
        case(
            "autoscaling",
            "CreateOrUpdateTags",
            "cut",
            "creating aws:autoscaling/tag:Tag 'extra-enabled': ConnectionClosedError: "
            "Connection was closed before we received a valid response",
            id="autoscaling cut",
        ),
    ],
)
def test_a_call_that_always_fails_is_told_with_resource_and_cause_and_the_next_up_goes_on(
    growing: Stack, emulator: PrivateApi, finding: Finding, service: str, action: str, fault: str, expected: str
) -> None:
    finding.done(FOR_EVER, f"a node group added; {service} {action}: {fault}")
    emulator.inject(service, action, fault, "forever")
    emulator.forget_calls()
    with finding.timed("seconds until the error"):
        said = growing.up(check=False)
    tries = emulator.calls()[service, action]
    assert expected in said
    assert "Traceback" not in said
    assert pending(growing) == []
    emulator.clear_faults()
    growing.up()
    assert growing.planned() == []
    finding.seen(f"`{expected}`; nothing of unknown end; the next `up` converged", tries=tries)
