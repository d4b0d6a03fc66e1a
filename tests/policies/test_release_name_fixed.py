import pytest

from policies.rules.release_name_fixed import RULE
from tests.policies.compliant import RELEASE
from tests.policies.judging import UNKNOWN, Declared, judge


@pytest.mark.parametrize("release", [RELEASE.without("name"), RELEASE.but("name", "")], ids=["none", "empty"])
def test_a_release_without_a_name_is_refused(release: Declared) -> None:
    assert judge(RULE, release).messages == [
        "The release's name is not set, made up by the provider; expected one from the program."
    ]


def test_a_name_that_the_provider_made_up_is_refused() -> None:
    assert judge(RULE, RELEASE.but("name", "release-0a1b2c3d")).messages == [
        "The release's name is release-0a1b2c3d, made up by the provider; expected one from the program."
    ]


@pytest.mark.parametrize("name", ["cluster-autoscaler", "release", "release-2", "autoscaler-0a1b2c3d"])
def test_a_name_from_the_program_passes(name: str) -> None:
    assert judge(RULE, RELEASE.but("name", name)).passes


def test_releases_of_other_charts_are_not_judged() -> None:
    assert judge(RULE, Declared(RELEASE.type, {"chart": "nginx"})).passes


def test_a_name_that_is_not_known_yet_is_undecided() -> None:
    assert judge(RULE, RELEASE.but("name", UNKNOWN)).undecided
