"""Settings edited at random, as people do over months: each `up` converges, a second has nothing to do, all is well.

Hypothesis draws the edits, the same ones in every run. The stack stays up from step to step of one example.
"""

import copy
import string
import time
from collections import Counter
from typing import Any, ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.e2e.doctor.commands import Doctor
from tests.e2e.program.stack import Stack, inventory
from tests.e2e.reliability.suite import AWS, DOCTOR, ENGINE, PROVIDER, SERVER, Finding

KIND = "Settings edited at random"
EXAMPLES, STEPS = 3, 8

DURATIONS = st.sampled_from(["3s", "10s", "90s", "10m"])
WORDS = st.text(string.ascii_lowercase, min_size=1, max_size=8)
TAINTS = st.lists(
    st.fixed_dictionaries(
        {"key": WORDS, "value": WORDS, "effect": st.sampled_from(["NoSchedule", "PreferNoSchedule"])}
    ),
    max_size=2,
    unique_by=lambda taint: taint["key"],
)
CREDENTIALS = ("irsa", "podIdentity")
"""Out of `podIdentity` the service account changes, too, as in docs/credentials.md. `nodeRole` replaces every node at
each move, which test_moves.py does."""


class Edits(RuleBasedStateMachine):
    """One stack whose settings are edited."""

    stack: ClassVar[Stack]
    doctor: ClassVar[Doctor]
    done: ClassVar[list[str]]
    seconds: ClassVar[list[float]]

    @initialize(number=st.integers(0, 2**32))
    def begin(self, number: int) -> None:
        """The settings as they were; a step of one example is no step of the next."""
        # Hypothesis begins with the simplest example of all, in which every step is the same.
        assume(number)
        self._original = copy.deepcopy(self.stack.document)
        self._accounts = 0

    def teardown(self) -> None:
        """Back to where it began, by an `up` as good as any."""
        if hasattr(self, "_original"):
            moved = self.stack.get("credentials") == "podIdentity"
            self.stack.document = self._original
            if moved:
                self._another_account()
            self._apply("back to the beginning")
            self.stack.document = self._original
            if moved:
                self._apply("the service account's first name")

    @rule(expander=st.sampled_from(["random", "least-waste", "most-pods", "least-waste,random"]))
    def choose_expander(self, expander: str) -> None:
        self._edit("expander", expander=expander)

    @rule(name=st.sampled_from(["batch", "general", ".*"]), weight=st.integers(1, 99))
    def choose_priorities(self, name: str, weight: int) -> None:
        self._edit("expander priority", expander="priority", expanderPriorities={str(weight): [f".*{name}.*"]})

    @rule(unneeded=DURATIONS, delay=DURATIONS)
    def choose_times(self, unneeded: str, delay: str) -> None:
        self._edit("scale-down times", scaleDownUnneededTime=unneeded, scaleDownDelayAfterAdd=delay)

    @rule(replicas=st.integers(1, 3))
    def choose_replicas(self, replicas: int) -> None:
        self._edit("replicas", replicas=replicas, minAvailable=None)

    @rule(replicas=st.integers(2, 3))
    def choose_disruption_budget(self, replicas: int) -> None:
        self._edit("disruption budget", replicas=replicas, minAvailable=replicas - 1)

    @rule(name=st.sampled_from(["system-cluster-critical", "system-node-critical"]))
    def choose_priority_class(self, name: str) -> None:
        self._edit("priority class", priorityClassName=name)

    @rule(cpu=st.integers(1, 20), memory=st.integers(100, 900))
    def choose_resources(self, cpu: int, memory: int) -> None:
        self._edit("resources", resources={"cpu": f"{cpu * 10}m", "memory": f"{memory}Mi"})

    @rule(total=st.integers(5, 50))
    def choose_flag(self, total: int) -> None:
        self._edit("flag", flags={**self.stack.get("autoscaler").get("flags", {}), "max-nodes-total": total})

    @rule(more=st.integers(1, 5))
    def choose_largest_size(self, more: int) -> None:
        self._edit_group("largest size", maxSize=2 + more)

    @rule(labels=st.dictionaries(WORDS, WORDS, max_size=3))
    def choose_labels(self, labels: dict[str, str]) -> None:
        self._edit_group("labels", labels=labels)

    @rule(taints=TAINTS)
    def choose_taints(self, taints: list[dict[str, str]]) -> None:
        self._edit_group("taints", taints=taints)

    @precondition(lambda self: len(self.stack.get("nodeGroups")) < 4)
    @rule(name=WORDS, taints=TAINTS)
    def add_group(self, name: str, taints: list[dict[str, str]]) -> None:
        groups = [group for group in self.stack.get("nodeGroups") if group["name"] != f"extra-{name}"]
        self.stack.set("nodeGroups", [*groups, {"name": f"extra-{name}", "minSize": 0, "maxSize": 2, "taints": taints}])
        self._apply("group more")

    @precondition(lambda self: len(self.stack.get("nodeGroups")) > 2)
    @rule()
    def remove_group(self) -> None:
        self.stack.set("nodeGroups", self.stack.get("nodeGroups")[:-1])
        self._apply("group less")

    @rule(tags=st.dictionaries(WORDS, WORDS, max_size=3))
    def choose_tags(self, tags: dict[str, str]) -> None:
        self.stack.set("tags", {"environment": "sandbox", **tags})
        self._apply("tags")

    @rule(mode=st.sampled_from(CREDENTIALS))
    def choose_credentials(self, mode: str) -> None:
        if self.stack.get("credentials") == "podIdentity" != mode:
            self._another_account()
        self.stack.set("credentials", mode)
        self._apply(f"credentials {mode}")

    def _another_account(self) -> None:
        self._accounts += 1
        self._change(serviceAccount=f"cluster-autoscaler-{self._accounts}")

    def _edit(self, what: str, **changes: object) -> None:
        """Another behaviour of the autoscaler; None takes a setting out."""
        if "expander" in changes:
            changes = {"expanderPriorities": None, **changes}
        self._change(**changes)
        self._apply(what)

    def _change(self, **changes: object) -> None:
        wanted = {**self.stack.get("autoscaler"), **changes}
        self.stack.set("autoscaler", {key: value for key, value in wanted.items() if value is not None})

    def _edit_group(self, what: str, **changes: Any) -> None:
        """Another shape of the group whose nodes come and go; the first one carries the autoscaler."""
        first, second, *others = self.stack.get("nodeGroups")
        self.stack.set("nodeGroups", [first, {**second, **changes}, *others])
        self._apply(what)

    def _apply(self, what: str) -> None:
        started = time.monotonic()
        self.stack.up()
        self.seconds.append(time.monotonic() - started)
        self.done.append(what)
        assert self.stack.planned() == [], what
        self._ask_doctor(what)

    def _ask_doctor(self, what: str) -> None:
        self.doctor.forget_outputs()
        result = self.doctor.run("check", "--wait", "120")
        assert result.code == 0, (what, result.out, result.err)


@pytest.mark.timeout(3600)
def test_after_any_edit_up_converges_and_the_doctor_finds_nothing(stack: Stack, finding: Finding) -> None:
    finding.done(
        KIND,
        f"{EXAMPLES} x {STEPS} edits drawn by Hypothesis, each applied by `up`, and back again",
        *(ENGINE, PROVIDER, SERVER, DOCTOR, AWS),
    )
    before, document = inventory(stack.sandbox), copy.deepcopy(stack.document)

    class Run(Edits):
        """The machine on this stack, with a separate tally."""

    Run.stack, Run.doctor, Run.done, Run.seconds = stack, Doctor(stack.sandbox, stack), [], []
    try:
        run_state_machine_as_test(
            Run,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=1 + STEPS,  # the beginning is one
                derandomize=True,
                database=None,
                deadline=None,
                # A step takes half a minute: what failed is reported at once and not made smaller.
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        stack.document = document
    after = inventory(stack.sandbox)
    assert {kind: len(after[kind]) for kind in after} == {kind: len(before[kind]) for kind in before}
    assert {kind: after[kind] for kind in ("clusters", "vpcs", "subnets")} == {
        kind: before[kind] for kind in ("clusters", "vpcs", "subnets")
    }
    edits = Counter(Run.done)
    finding.seen(
        ", ".join(sorted(edits)) + ": each second preview was empty and the doctor content",
        ups=len(Run.done),
        slowest_up=max(Run.seconds),
    )
