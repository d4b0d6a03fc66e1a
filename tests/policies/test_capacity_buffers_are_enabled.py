import pytest

from policies.rules.capacity_buffers_are_enabled import RULE
from policies.rules.model.stack import CAPACITY_BUFFERS
from tests.policies.compliant import DEPLOYMENT, RELEASE
from tests.policies.judging import UNKNOWN, Declared, judge

BUFFER = Declared(CAPACITY_BUFFERS[0], {"metadata": {"name": "web"}, "spec": {"replicas": 3}})
CONTROLLER, INJECTION = "capacity-buffer-controller-enabled", "capacity-buffer-pod-injection-enabled"
COMMAND = "spec/template/spec/containers/0/command"


def release(**flags: object) -> Declared:
    return RELEASE.but("values/extraArgs", {"expander": "least-waste", **flags})


def deployment(*flags: str) -> Declared:
    return DEPLOYMENT.but(COMMAND, ["./cluster-autoscaler", *flags])


@pytest.mark.parametrize("buffer", [BUFFER, Declared(CAPACITY_BUFFERS[1], BUFFER.props)])
def test_a_buffer_that_the_autoscaler_ignores_is_reported(buffer: Declared) -> None:
    assert judge(RULE, release(), buffer).messages == [
        f"CapacityBuffer subject does nothing: the autoscaler does not set {CONTROLLER} and {INJECTION}."
    ]


@pytest.mark.parametrize(
    ("autoscaler", "missing"),
    [
        (release(**{CONTROLLER: True}), INJECTION),
        (release(**{INJECTION: "true"}), CONTROLLER),
        (release(**{CONTROLLER: "false", INJECTION: True}), CONTROLLER),
        (deployment(f"--{CONTROLLER}=true", f"--{INJECTION}=0"), INJECTION),
        (deployment(f"--{INJECTION}"), CONTROLLER),
        (deployment(f"--{CONTROLLER}", f"--{CONTROLLER}=false", f"--{INJECTION}"), CONTROLLER),
    ],
)
def test_one_flag_is_not_enough(autoscaler: Declared, missing: str) -> None:
    (message,) = judge(RULE, autoscaler, BUFFER).messages
    assert message.endswith(f"does not set {missing}.")


@pytest.mark.parametrize(
    "autoscaler",
    [
        release(**{CONTROLLER: True, INJECTION: "true"}),
        release(**{CONTROLLER: "1", INJECTION: "T"}),
        deployment(f"--{CONTROLLER}", f"--{INJECTION}=True"),
    ],
)
def test_both_flags_pass(autoscaler: Declared) -> None:
    assert judge(RULE, autoscaler, BUFFER).passes


def test_a_stack_without_an_autoscaler_passes() -> None:
    """Another stack may run it."""
    assert judge(RULE, BUFFER).passes


def test_one_autoscaler_of_several_is_enough() -> None:
    assert judge(RULE, release(), deployment(f"--{CONTROLLER}", f"--{INJECTION}"), BUFFER).passes


def test_flags_that_are_not_known_yet_are_undecided() -> None:
    assert judge(RULE, RELEASE.but("values/extraArgs", UNKNOWN), BUFFER).undecided
