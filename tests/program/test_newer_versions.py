"""A cluster whose version the tables do not know yet blocks no preview of the program."""

import json

import pytest

from components.errors import FaultsError
from tests.cloud import Cloud
from tests.program.test_program import run_program
from tests.versions import NEWER_CHART, NEWER_MINOR, NEWEST_CHART, NEWEST_MINOR, newest_image

NEW_FLAG = "invented-by-a-newer-release"


def adopted(version=NEWER_MINOR, **autoscaler):
    return run_program("adopt", cloud=Cloud(preview=True, cluster_version=version), autoscaler=json.dumps(autoscaler))


@pytest.mark.parametrize(
    ("autoscaler", "image", "chart"),
    [
        ({}, newest_image(NEWEST_MINOR), NEWEST_CHART),
        ({"image": {"tag": newest_image(NEWEST_MINOR)}}, newest_image(NEWEST_MINOR), NEWEST_CHART),
        (
            {"image": {"tag": f"v{NEWER_MINOR}.0"}, "chart": {"version": NEWER_CHART}},
            f"v{NEWER_MINOR}.0",
            NEWER_CHART,
        ),
    ],
    ids=["nothing pinned", "image pinned", "image and chart pinned"],
)
def test_the_owners_upgrade_of_the_cluster_is_met_with_a_warning(autoscaler, image, chart):
    graph = adopted(**autoscaler)
    release = graph.one("kubernetes:helm.sh/v3:Release").inputs
    assert (release["values"]["image"]["tag"], release["version"]) == (image, chart)
    assert any(f"Kubernetes {NEWER_MINOR} is newer than Cluster Autoscaler" in each for each in graph.warnings)


def test_a_new_flag_passes_with_a_newer_image_alone():
    graph = adopted(image={"tag": f"v{NEWER_MINOR}.0"}, flags={NEW_FLAG: "true"})
    assert any(f"flags.{NEW_FLAG}: " in warning for warning in graph.warnings)
    with pytest.raises(FaultsError, match=f"autoscaler.flags.{NEW_FLAG}: got a flag that Cluster Autoscaler does not"):
        adopted(flags={NEW_FLAG: "true"})


def test_a_flag_that_hangs_the_autoscaler_is_refused_in_the_settings():
    with pytest.raises(FaultsError, match=r"flags\.capacity-buffer-controller-enabled: got a flag that makes"):
        adopted("1.36", flags={"capacity-buffer-controller-enabled": "true"})


def test_a_cluster_older_than_the_tables_is_refused():
    with pytest.raises(FaultsError, match=r"got Kubernetes 1\.28; expected 1\.29 or later"):
        adopted("1.28")
