from pathlib import Path

import pytest

from policies.rules.flags_fit_image import RULE
from policies.rules.model import flags
from tests.policies.compliant import DEPLOYMENT, RELEASE
from tests.policies.judging import UNKNOWN, judge

EXPANDER = "values/extraArgs/expander"
FLAG = "spec/template/spec/containers/0/command/2"
IMAGE = "spec/template/spec/containers/0/image"
TABLE = Path(__file__).parents[2] / "components" / "pure" / "data" / "ca-flags.tsv"


@pytest.mark.parametrize(("value", "wrong"), [("price", "price"), ("least-waste, priority", " priority"), ("", "")])
def test_an_expander_that_ends_the_program_is_refused(value: str, wrong: str) -> None:
    (message,) = judge(RULE, RELEASE.but(EXPANDER, value)).messages
    assert message.startswith(f"expander is {wrong!r}; expected least-waste, priority,")
    assert len(judge(RULE, DEPLOYMENT.but(FLAG, f"--expander={value}")).messages) == 1


def test_the_expander_is_judged_whatever_the_image_is() -> None:
    assert len(judge(RULE, RELEASE.but(EXPANDER, "price").but("values/image/tag", "latest")).messages) == 1


def test_a_flag_that_the_image_lost_is_refused() -> None:
    assert judge(RULE, RELEASE.but("values/extraArgs/max-empty-bulk-delete", "10")).messages == [
        "The flag max-empty-bulk-delete was removed in 1.33, and the image is 1.35."
    ]
    deployment = DEPLOYMENT.but(FLAG, "--parallel-drain=true")
    assert len(judge(RULE, deployment).messages) == 1
    assert judge(RULE, deployment.but(IMAGE, "registry.k8s.io/autoscaling/cluster-autoscaler:v1.31.5")).passes


def test_a_flag_that_the_image_does_not_have_yet_is_refused() -> None:
    release = RELEASE.but("values/extraArgs/startup-taint-prefix", "example.com/")
    assert judge(RULE, release).messages == ["The flag startup-taint-prefix exists since 1.36, and the image is 1.35."]
    assert judge(RULE, release.but("values/image/tag", "v1.36.1")).passes


def test_the_charts_default_image_counts_where_none_is_stated() -> None:
    release = RELEASE.but("values/extraArgs/parallel-drain", "true").without("values/image/tag")
    assert len(judge(RULE, release.but("version", "9.45.0")).messages) == 1
    assert judge(RULE, release.but("version", "9.43.0")).passes


def test_an_image_whose_version_is_not_stated_is_not_judged() -> None:
    release = RELEASE.but("values/extraArgs/parallel-drain", "true")
    assert judge(RULE, release.but("values/image/tag", "latest")).passes


def test_flags_that_are_not_known_yet_are_undecided() -> None:
    assert judge(RULE, RELEASE.but("values/extraArgs", UNKNOWN)).undecided


def test_the_packs_table_agrees_with_the_components() -> None:
    rows = [line.split("\t") for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    header, *table = rows
    for position, version in enumerate(header[2:], start=2):
        major, minor, _ = map(int, version.split("."))
        if not (1, 29) <= (major, minor) <= flags.NEWEST:
            continue
        for row in table:
            # Flags of klog, which every version has by itself.
            if row[0] in ("stderrthreshold", "legacy_stderr_threshold_behavior"):
                continue
            lacks = flags.removed_in(row[0], (major, minor)) or flags.added_in(row[0], (major, minor))
            assert bool(lacks) == (row[position] == "-"), (row[0], version)
