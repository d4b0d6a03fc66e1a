"""The policies of the deploying roles, judged by parliament: actions exist, on resources and keys that they know."""

from pathlib import Path
from typing import Any

import pytest

import settings
from scripts.deploy_policy.document import document
from scripts.deploy_policy.reading import read
from tests.e2e.judges.test_documents import parliament
from tests.markdown import ROOT

ACCOUNT = "123456789012"
WIDE_READ = ("RESOURCE_STAR", "['ec2:DescribeVpcAttribute']")
"""AWS can narrow this read to a VPC; the VPC that is created has no name before."""


@pytest.mark.parametrize("write", [True, False], ids=["up", "preview"])
@pytest.mark.parametrize("mode", ["irsa", "podIdentity", "nodeRole"])
@pytest.mark.parametrize("stack", ["adopt", "sandbox"])
def test_parliament_finds_nothing_in_the_policies(judges: Path, stack: str, mode: str, write: bool) -> None:
    given: Any = {**read(ROOT / f"Pulumi.{stack}.yaml"), "credentials": mode}
    found: settings.Settings = given
    assert parliament(judges, document(found, ACCOUNT, write=write)) - {WIDE_READ} == set()
