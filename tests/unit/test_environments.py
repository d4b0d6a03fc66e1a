"""The environments that CI previews and deploys."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "environments.py"))
environments, stages = SCRIPT["environments"], SCRIPT["stages"]


@pytest.fixture
def folder(tmp_path):
    """Three environments, and one of the sandbox."""
    (tmp_path / "Pulumi.yaml").write_text("name: x\n")
    (tmp_path / ".github").mkdir()
    for name, region in (("prod", "eu-west-1"), ("staging", "us-east-2"), ("dev", "us-east-1")):
        (tmp_path / f"Pulumi.{name}.yaml").write_text(f'config:\n  eks-cluster-autoscaler:region: "{region}"  # here\n')
    (tmp_path / "Pulumi.sandbox.yaml").write_text('config:\n  eks-cluster-autoscaler:accountId: "123456789012"\n')
    return tmp_path


def order(folder, text):
    (folder / ".github" / "deploy-order").write_text(text)
    return [[environment["stack"] for environment in stage] for stage in stages(folder)]


def test_of_the_shipped_environments_only_dev_is_in_the_matrix():
    found = {each["stack"]: each["region"] for each in environments(ROOT)}
    assert found["dev"] == "us-east-1"
    assert not found.keys() & {"sandbox", "adopt"}


def test_a_new_file_is_a_new_environment(folder):
    assert environments(folder) == [
        {"stack": "dev", "region": "us-east-1"},
        {"stack": "prod", "region": "eu-west-1"},
        {"stack": "staging", "region": "us-east-2"},
    ]


def test_a_file_without_a_region_is_named(tmp_path):
    (tmp_path / "Pulumi.prod.yaml").write_text("config: {}\n")
    with pytest.raises(ValueError, match=r"Pulumi\.prod\.yaml: got no region"):
        environments(tmp_path)


def test_the_declared_order_counts_and_not_the_alphabet(folder):
    assert order(folder, "# first\ndev\n\nstaging # then\nprod\n") == [["dev"], ["staging"], ["prod"]]
    assert order(folder, "staging\nprod dev\n") == [["staging"], ["prod", "dev"]]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("dev\nstaging\n", "got no prod; expected every environment"),
        ("dev\nstaging\nprod\ndev\n", "got dev twice"),
        ("dev\nstaging\nprod\nqa\n", "got qa; expected one of dev, prod, staging"),
        ("", "got no dev, prod, staging"),
    ],
)
def test_an_order_that_leaves_a_doubt_is_refused(folder, text, error):
    with pytest.raises(ValueError, match=error):
        order(folder, text)


def test_more_stages_than_the_workflow_has_jobs_are_refused(folder):
    for name in ("a", "b"):
        (folder / f"Pulumi.{name}.yaml").write_text("config:\n  eks-cluster-autoscaler:region: us-east-1\n")
    with pytest.raises(ValueError, match="got 5 stages; expected 4 or fewer"):
        order(folder, "dev\nstaging\nprod\na\nb\n")


def test_the_outputs_are_those_that_the_workflows_read(folder, capsys):
    assert SCRIPT["main"]([], folder) == 0
    assert capsys.readouterr().out.startswith('matrix={"include": [{"stack": "dev"')
    (folder / ".github" / "deploy-order").write_text("staging\ndev prod\n")
    assert SCRIPT["main"](["--stages"], folder) == 0
    staging, others = capsys.readouterr().out.splitlines()
    assert staging == 'stage-1={"include": [{"stack": "staging", "region": "us-east-2"}]}'
    assert others.startswith('stage-2={"include": [{"stack": "dev"')
