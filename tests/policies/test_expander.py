from policies.rules.expander import RULE
from tests.policies.compliant import DEPLOYMENT, RELEASE
from tests.policies.judging import UNKNOWN, judge

VALUE = "values/extraArgs/expander"
FLAG = "spec/template/spec/containers/0/command/2"
DEFAULT_MESSAGE = "The flag expander is not set; its default is random up to 1.32 and least-waste from 1.33 on."


def test_the_default_is_refused_because_it_changes_with_the_version() -> None:
    assert judge(RULE, RELEASE.without(VALUE)).messages == [DEFAULT_MESSAGE]
    assert judge(RULE, RELEASE.without("values/extraArgs")).messages == [DEFAULT_MESSAGE]
    assert judge(RULE, DEPLOYMENT.but(FLAG, "--v=4")).messages == [DEFAULT_MESSAGE]


def test_a_name_that_ends_the_program_is_left_to_the_mandatory_rule() -> None:
    assert judge(RULE, RELEASE.but(VALUE, "price")).passes


def test_a_chain_of_names_passes() -> None:
    assert judge(RULE, DEPLOYMENT.but(FLAG, "--expander=priority,least-waste")).passes
    assert judge(RULE, RELEASE.but(VALUE, "most-pods,least-waste")).passes


def test_the_priority_expander_needs_its_priorities() -> None:
    priority = RELEASE.but(VALUE, "priority,least-waste")
    assert judge(RULE, priority).messages == ["expander is priority, and without expanderPriorities it is skipped."]
    assert judge(RULE, priority.but("values/expanderPriorities", {"10": [".*"]})).passes


def test_the_names_can_be_set() -> None:
    assert judge(RULE, RELEASE, settings={"allowed": ["random"]}).messages == [
        "expander is least-waste; expected random, or several of them joined by commas."
    ]


def test_flags_that_are_not_known_yet_are_undecided() -> None:
    assert judge(RULE, RELEASE.but(VALUE, UNKNOWN)).undecided
    assert judge(RULE, DEPLOYMENT.but(FLAG, UNKNOWN)).undecided
