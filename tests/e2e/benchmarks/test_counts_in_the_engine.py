"""What the engine makes of the program, counted: resources, and calls of the AWS API by program and doctor."""

import re
from collections.abc import Iterator

import pytest

from benchmarks import plans
from benchmarks.bench import PROGRAMS, Bench, Stack, opened
from benchmarks.parts.doctor import DOCTOR
from benchmarks.parts.preview import flat_settings
from benchmarks.settings import dev_like
from sandbox.providers.aws.session import USER_AGENT
from tests.benchmarks.golden import assert_recorded

pytestmark = pytest.mark.full

READS = re.compile(r"\w+:(Describe|List|Get)\w+")


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """A separate sandbox, in which nothing else calls AWS."""
    with opened() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def cluster(bench: Bench) -> str:
    return bench.adopted_cluster()


@pytest.fixture(scope="module")
def stack(bench: Bench, cluster: str) -> Stack:
    """The development environment, on an adopted cluster; up once a test has asked for ``made``."""
    return bench.stack("dev-like", dev_like(cluster))


@pytest.fixture(scope="module")
def made(bench: Bench, stack: Stack) -> dict[str, int]:
    """The writes that the first up of the stack made."""
    bench.forget_calls()
    stack.up()
    return writes(bench)


def test_the_development_environment_is_planned_with_the_recorded_resources_and_calls(
    bench: Bench, cluster: str, stack: Stack
) -> None:
    bench.forget_calls()
    plan = stack.plan()
    assert_recorded("resources of the development environment", dict(sorted(plans.types(plan).items())))
    assert_recorded("AWS calls of a preview", dict(sorted(bench.calls(USER_AGENT).items())))
    flat = bench.stack("flat", flat_settings(cluster), PROGRAMS / "flat")
    assert plans.differences(plan, flat.plan()) == []


def test_an_up_makes_the_recorded_writes_and_a_second_one_none(
    bench: Bench, stack: Stack, made: dict[str, int]
) -> None:
    assert_recorded("AWS writes of an up", dict(sorted(made.items())))
    bench.forget_calls()
    stack.up()
    assert writes(bench) == {}


@pytest.mark.usefixtures("made")
def test_the_doctor_makes_the_recorded_calls(bench: Bench, cluster: str) -> None:
    def check(*options: str) -> None:
        bench.python("doctor", "check", "--cluster", cluster, "--region", "us-east-1", *options)

    check("--wait", "60")
    bench.forget_calls()
    check()
    assert_recorded("AWS calls of a check in the engine", dict(sorted(bench.calls(DOCTOR).items())))


def writes(bench: Bench) -> dict[str, int]:
    """The program's calls but for reads, of which there are more the longer AWS takes."""
    return {call: times for call, times in bench.calls(USER_AGENT).items() if not READS.fullmatch(call)}
