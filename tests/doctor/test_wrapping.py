"""What a terminal shows fits it, and nothing that must be copied is cut."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from doctor.explain.views import UNBLOCK, fitted
from doctor.rendering.wrapping import fit, screen_width
from doctor.whoami import views

WORDS = st.lists(st.text("abc:/-.", min_size=1, max_size=60), min_size=1, max_size=30)
ARN = "arn:aws:iam::123456789012:role/platform/cluster-autoscaler-0123abc"


@given(WORDS, st.integers(40, 120), st.integers(0, 15))
def test_no_word_is_lost_or_cut_and_only_a_long_word_passes_the_edge(words, width, hanging):
    lines = fit("  " + " ".join(words), width, hanging)
    assert " ".join(lines).split() == words
    assert all(len(line) <= width or len(line.split()) == 1 for line in lines)


@given(WORDS)
def test_in_a_pipe_a_line_is_as_it_is(words):
    line = " ".join(words)
    assert fit(line, None, 4) == [line]
    assert screen_width(Console(file=io.StringIO(), width=80)) is None


def test_the_lines_of_an_answer_are_indented_and_a_command_stays_whole():
    command = "kubectl --namespace kube-system label pod " + "a-name-that-is-long " * 5
    text = f"node stays\n  Rule: {'because ' * 12}\n    {UNBLOCK}{command.strip()}\n    {UNBLOCK}{'change it ' * 12}\n"
    lines = list(fitted(text, 80))
    assert f"    {UNBLOCK}{command.strip()}" in lines
    assert [line for line in lines if len(line) > 80] == [f"    {UNBLOCK}{command.strip()}"]
    assert lines[2].startswith("    because")
    assert lines[-1].startswith("      change")


def test_a_fact_is_wrapped_behind_its_name_and_an_arn_stays_whole():
    out = io.StringIO()
    views._print_fact(
        Console(file=out, width=60, force_terminal=True, no_color=True), "role", f"{ARN} and {'more ' * 20}"
    )
    lines = out.getvalue().splitlines()
    assert any(ARN in line for line in lines)
    assert all(line.startswith(" " * 15) for line in lines[1:])
    assert all(len(line) <= 60 or ARN in line for line in lines)
