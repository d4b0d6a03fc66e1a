import pytest

from policies.rules.flags_fit_image import RULE
from tests.policies.compliant import DEPLOYMENT, RELEASE
from tests.policies.judging import UNKNOWN, judge
from tests.versions import NEWER_MINOR

EXPANDER = "values/extraArgs/expander"
FLAG = "spec/template/spec/containers/0/command/2"
IMAGE = "spec/template/spec/containers/0/image"


@pytest.mark.parametrize(("value", "wrong"), [("price", "price"), ("least-waste, priority", " priority"), ("", "")])
def test_an_expander_that_ends_the_program_is_refused(value: str, wrong: str) -> None:
    (message,) = judge(RULE, RELEASE.but(EXPANDER, value)).messages
    assert message.startswith(f"expander is {wrong!r}; expected least-waste, priority,")
    assert len(judge(RULE, DEPLOYMENT.but(FLAG, f"--expander={value}")).messages) == 1


def test_the_expander_is_judged_whatever_the_image_is() -> None:
    assert len(judge(RULE, RELEASE.but(EXPANDER, "price").but("values/image/tag", "latest")).messages) == 1


def test_a_flag_that_the_image_lost_is_refused() -> None:
    assert judge(RULE, RELEASE.but("values/extraArgs/max-empty-bulk-delete", "10")).messages == [
        "Cluster Autoscaler 1.35 does not have the flag max-empty-bulk-delete, which exists in 1.26, 1.27, 1.28, 1.29, "
        "1.30, 1.31, 1.32."
    ]
    deployment = DEPLOYMENT.but(FLAG, "--parallel-drain=true")
    assert len(judge(RULE, deployment).messages) == 1
    assert judge(RULE, deployment.but(IMAGE, "registry.k8s.io/autoscaling/cluster-autoscaler:v1.31.0")).passes


def test_a_flag_that_the_image_does_not_have_yet_is_refused() -> None:
    release = RELEASE.but("values/extraArgs/startup-taint-prefix", "example.com/")
    (message,) = judge(RULE, release).messages
    expected = "Cluster Autoscaler 1.35 does not have the flag startup-taint-prefix, which exists in 1.36"
    assert message.startswith(expected)
    assert judge(RULE, release.but("values/image/tag", "v1.36.0")).passes


def test_the_charts_default_image_counts_where_none_is_stated() -> None:
    release = RELEASE.but("values/extraArgs/parallel-drain", "true").without("values/image/tag")
    assert len(judge(RULE, release.but("version", "9.45.0")).messages) == 1
    assert judge(RULE, release.but("version", "9.43.0")).passes


def test_a_flag_of_the_log_library_passes_in_every_version() -> None:
    assert judge(RULE, RELEASE.but("values/extraArgs/stderrthreshold", "INFO")).passes
    assert judge(RULE, RELEASE.but("values/extraArgs/v", "4")).passes


def test_an_image_that_the_table_does_not_cover_is_not_judged() -> None:
    release = RELEASE.but("values/extraArgs/max-empty-bulk-delete", "10")
    assert judge(RULE, release.but("values/image/tag", "v1.99.0")).passes


def test_an_image_whose_version_is_not_stated_is_not_judged() -> None:
    release = RELEASE.but("values/extraArgs/parallel-drain", "true")
    assert judge(RULE, release.but("values/image/tag", "latest")).passes


def test_flags_that_are_not_known_yet_are_undecided() -> None:
    assert judge(RULE, RELEASE.but("values/extraArgs", UNKNOWN)).undecided


def test_a_flag_that_the_table_lacks_passes_with_an_image_newer_than_the_table() -> None:
    newer = RELEASE.but("values/image/tag", f"v{NEWER_MINOR}.0")
    assert judge(RULE, newer.but("values/extraArgs/invented-by-a-newer-release", "true")).passes
    assert judge(RULE, newer.but("values/extraArgs/parallel-drain", "true")).passes
