"""The matrix of environments for CI."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "environments.py"))


def test_of_the_shipped_environments_only_dev_is_in_the_matrix():
    found = {each["stack"]: each["region"] for each in SCRIPT["environments"](ROOT)}
    assert found["dev"] == "us-east-1"
    assert not found.keys() & {"sandbox", "adopt"}


def test_a_new_file_is_a_new_environment(tmp_path):
    (tmp_path / "Pulumi.yaml").write_text("name: x\n")
    for name, region in (("prod", "eu-west-1"), ("staging", "us-east-2")):
        (tmp_path / f"Pulumi.{name}.yaml").write_text(f'config:\n  eks-cluster-autoscaler:region: "{region}"  # here\n')
    assert SCRIPT["environments"](tmp_path) == [
        {"stack": "prod", "region": "eu-west-1"},
        {"stack": "staging", "region": "us-east-2"},
    ]


def test_a_file_without_a_region_is_named(tmp_path):
    (tmp_path / "Pulumi.prod.yaml").write_text("config: {}\n")
    with pytest.raises(ValueError, match=r"Pulumi\.prod\.yaml: got no region"):
        SCRIPT["environments"](tmp_path)
