"""Costs are those of the command, rounds are in turn, and plans are compared by what they make."""

import os
import sys
from pathlib import Path

import pytest

from benchmarks import plans
from benchmarks.measuring import CommandFailed, Run, ratios, rounds, run, spread
from benchmarks.parts.startup import _parts


def python(source, **options):
    return run([sys.executable, "-c", source], env=os.environ, folder=Path(), **options)


def cost(seconds):
    return Run(seconds, seconds / 2, 1.0, "", "")


def test_the_memory_of_children_counts():
    ends = "import time; time.sleep(0.6)"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', 'x = bytearray(60 << 20); {ends}'])"
    assert python(child).peak_mib > python(ends).peak_mib + 55


def test_the_cpu_time_is_that_of_the_command_alone():
    busy = python("import time; until = time.process_time() + 0.3\nwhile time.process_time() < until: pass")
    assert 0.3 <= busy.cpu_seconds <= busy.seconds + 0.1


def test_both_streams_are_kept_and_a_failure_shows_them():
    assert python("import sys; print(1); print(2, file=sys.stderr)").output == "1\n"
    with pytest.raises(CommandFailed, match=r"(?s)exit code 3:\n.*why"):
        python("import sys; print('why', file=sys.stderr); sys.exit(3)")
    assert python("raise SystemExit(3)", allowed=(0, 3)).seconds > 0


def test_rounds_go_in_turn_and_the_first_does_not_count():
    order = []

    def action(name):
        def act():
            order.append(name)
            return cost(len(order))

        return act

    found = rounds(2, {name: action(name) for name in "ab"})
    assert "".join(order) == "ababab"
    assert [each.seconds for each in found["a"]] == [3, 5]


def test_ratios_are_taken_round_by_round():
    assert ratios([cost(2), cost(9)], [cost(1), cost(3)])["seconds"] == spread([2.0, 3.0])


def state(type_, name, inputs, custom=True):
    return {"type": type_, "urn": f"urn:pulumi:s::p::{type_}::{name}", "inputs": inputs, "custom": custom}


def test_plans_that_make_the_same_do_not_differ():
    ours = [
        state("p:index:Group", "whole", {}, custom=False),
        state("aws:iam/role:Role", "r", {"name": "r-1234567", "__defaults": ["name"], "trust": '{"a": 1}'}),
        state("aws:iam/x:X", "x", {"role": "r-1234567"}),
    ]
    flat = [
        state("aws:iam/x:X", "x", {"role": "r-89abcde"}),
        state("aws:iam/role:Role", "r", {"name": "r-89abcde", "__defaults": ["name"], "trust": '{"a":1}'}),
    ]
    assert plans.differences(ours, flat) == []


@pytest.mark.parametrize("other", [[], [state("t", "n", {"size": 2})], [state("t", "m", {"size": 1})]])
def test_plans_that_make_something_else_differ(other):
    assert plans.differences([state("t", "n", {"size": 1})], other)


def test_the_parts_of_a_start_are_read_from_its_output():
    printed = "Stack sandbox is up (1 min 05 s: tools 0.2 s, processes 5.5 s, pulumi up 59 s).\n"
    parts = _parts(Run(70.0, 1.0, 1.0, "", printed))
    assert parts == {
        "tools": 0.2,
        "processes": 5.5,
        "pulumi up": 59.0,
        "until the doctor reports no broken link": pytest.approx(5.3),
        "in all": 70.0,
    }
