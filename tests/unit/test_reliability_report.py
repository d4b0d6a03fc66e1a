"""What the report holds of a run of the reliability suite."""

import runpy
from pathlib import Path

import pytest

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "reliability_report.py"))
CONDITIONS = {"date": "2026-11-01", "machine": "2 cores", "versions": "Pulumi v3"}


def properties(values):
    inner = "".join(f'<property name="{name}" value="{value}"/>' for name, value in values.items())
    return f"<properties>{inner}</properties>"


def case(name="", inside="", conditions=CONDITIONS, **reported):
    name = name or f"test_{reported.get('done')}"
    reported = {key.replace("figure_", "figure: "): value for key, value in reported.items()}
    return f'<testcase classname="tests" name="{name}">{properties(conditions | reported)}{inside}</testcase>'


def run(*cases):
    return f'<testsuites><testsuite name="pytest">{"".join(cases)}</testsuite></testsuites>'


def test_the_conditions_and_the_counts_come_first():
    text = SCRIPT["report"](run(case(kind="A", done="x"), case(kind="A", done="y"), case(kind="B", done="z")))
    assert "- 2026-11-01: 2 cores; Pulumi v3\n- Cases: all 3 of the suite. 3 passed at once; none failed.\n" in text
    assert "| A | 2 | 0 |\n| B | 1 | 0 |" in text


def test_each_kind_is_a_table_with_its_own_figures():
    text = SCRIPT["report"](
        run(
            case(kind="A", done="killed", seen="converged", answered="engine", figure_seconds="1.5"),
            case(kind="B", done="throttled", seen="retried", figure_tries="2"),
            case(kind="A", done="killed later", seen="nothing left", figure_left="0"),
        )
    )
    first, second = text.split("## A\n")[1].split("## B\n")
    assert first.strip().splitlines() == [
        "| what was done | what was seen | answered by | seconds | left |",
        "| --- | --- | --- | --- | --- |",
        "| killed | converged | engine | 1.5 |  |",
        "| killed later | nothing left |  |  | 0 |",
    ]
    assert "| throttled | retried |  | 2 |" in second


def test_rows_of_several_days_show_their_own():
    later = CONDITIONS | {"date": "2026-11-02", "versions": "Pulumi v4"}
    text = SCRIPT["report"](run(case(done="x", seen="old")), run(case(done="y", seen="new", conditions=later)))
    assert "- 2026-11-01: 2 cores; Pulumi v3\n- 2026-11-02: 2 cores; Pulumi v4\n" in text
    assert "| x | old |  | 2026-11-01 |" in text
    assert "| y | new |  | 2026-11-02 |" in text


def test_the_order_is_that_of_names_whichever_worker_was_first():
    reported = SCRIPT["report"](run(case("test_b", done="second"), case("test_a", done="first")))
    assert reported.index("| first |") < reported.index("| second |")


def test_a_failed_case_is_reported_even_if_it_printed_nothing_itself():
    text = SCRIPT["report"](run(case("test_x[a]", '<failure message="assert 1 == 2&#10;more">trace</failure>')))
    assert "0 passed at once; 1 failed." in text
    assert "| test_x[a] | **FAILED**: assert 1 == 2 |" in text


def test_a_case_that_failed_counts_by_its_second_run_and_the_page_shows_it():
    first = run(case("test_x", '<failure message="no"/>', done="old"), case("test_y", done="kept"))
    text = SCRIPT["report"](first, run(case("test_x", done="new")))
    assert "- Cases: all 2 of the suite. 1 passed at once, 1 on a second run; none failed.\n" in text
    assert "| new |" in text
    assert "| kept |" in text
    assert "old" not in text


def test_cases_of_the_suite_that_were_not_run_are_named_by_their_kind():
    module = "tests.e2e.reliability.test_moves"
    suite = [("tests", "test_x"), (module, "test_a[1]"), (module, "test_a[2]"), ("tests.other", "test_b")]
    text = SCRIPT["report"](run(case("test_x", done="x")), suite=lambda: suite)
    assert "- Cases: 1 of the 4 of the suite. 1 passed at once; none failed.\n" in text
    assert "- Not in this run: Moves between the ways to credentials (2), other (1).\n" in text


def test_a_case_that_fails_twice_has_failed():
    failing = run(case("test_x", '<failure message="no"/>', done="x"))
    assert "- Cases: all 1 of the suite. 0 passed at once; 1 failed.\n" in SCRIPT["report"](failing, failing)


def test_pytest_lists_the_suite_as_the_xml_spells_it():
    found = SCRIPT["listed"]()
    kinds = {SCRIPT["_kind_of_module"](classname) for classname, _ in found}
    assert len(found) == len(set(found)) > len(kinds)
    assert {"Moves between the ways to credentials", "Upgrades", "The lock of a stack"} <= kinds


def test_what_would_break_the_table_does_not():
    text = SCRIPT["report"](run(case(kind="A", done="a | b", seen="one&#10;two")))
    assert r"| a \| b | one two |  |" in text


def test_of_two_tries_the_last_one_counts():
    twice = '<property name="done" value="old"/><property name="done" value="new"/>'
    text = SCRIPT["report"](run(case(), f'<testcase name="t"><properties>{twice}</properties></testcase>'))
    assert "| new |" in text
    assert "old" not in text


@pytest.mark.parametrize(
    ("junit", "reported"),
    [
        ("not XML", "no XML"),
        (run(), "it names no test"),
        (run(case(conditions={"date": "today"})), "lacks its machine, versions"),
        (run(case("test_y", "<skipped/>")), "test_y was skipped"),
    ],
)
def test_what_is_no_run_of_the_suite_writes_no_report(junit, reported, tmp_path, capsys):
    source, target = tmp_path / "run.xml", tmp_path / "report.md"
    source.write_text(junit)
    assert SCRIPT["main"]([str(source), str(target)]) == 2
    assert reported in capsys.readouterr().err
    assert not target.exists()
