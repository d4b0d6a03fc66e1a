"""The policy and the trust documents of the components, judged by parliament and cloudsplaining."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.pure import iam

CLUSTERS = {
    partition: iam.ClusterIdentity.from_arn(f"arn:{partition}:eks:{region}:123456789012:cluster/prod")
    for partition, region in (("aws", "us-east-1"), ("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1"))
}
ISSUER = "oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
TRUSTS = {
    "irsa": iam.irsa_trust(f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}", ISSUER, "kube-system", "autoscaler"),
    "pod identity": iam.pod_identity_trust(
        "arn:aws:eks:us-east-1:123456789012:cluster/prod", "kube-system", "autoscaler"
    ),
    "node": iam.node_trust("aws"),
}
# parliament knows the keys of public identity providers, and not those of a cluster's issuer.
UNKNOWN_TO_PARLIAMENT = {
    "irsa": {
        ("UNKNOWN_FEDERATION_SOURCE", f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"),
        *(
            (
                "UNKNOWN_CONDITION_FOR_ACTION",
                f"Unknown condition {ISSUER}:{key} for action sts:AssumeRoleWithWebIdentity",
            )
            for key in ("sub", "aud")
        ),
    }
}


def parliament(judges: Path, document: dict[str, Any]) -> set[tuple[str, str]]:
    """Issue and detail of each finding, of any severity."""
    done = subprocess.run(
        [judges / "bin" / "parliament", "--json", "--minimum_severity", "INFO"],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert bool(found) == (done.returncode == 1), done.stdout
    return {(one["issue"], str(one["detail"])) for one in found}


def cloudsplaining(judges: Path, folder: Path, document: dict[str, Any]) -> str:
    """What `cloudsplaining scan-policy-file` prints."""
    path = folder / "policy.json"
    path.write_text(json.dumps(document))
    command = [judges / "bin" / "cloudsplaining", "scan-policy-file", "--input-file", path]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def as_permission(trust: dict[str, Any]) -> dict[str, Any]:
    """A trust document with the resource that it has by being a role's: parliament asks for one in every document."""
    role = "arn:aws:iam::123456789012:role/autoscaler"
    return trust | {"Statement": [statement | {"Resource": role} for statement in trust["Statement"]]}


def broken(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A document with its last statement changed."""
    *rest, last = document["Statement"]
    return document | {"Statement": [*rest, last | changes]}


@pytest.mark.parametrize("partition", CLUSTERS)
def test_parliament_finds_nothing_in_the_policy(judges: Path, partition: str) -> None:
    assert parliament(judges, iam.autoscaler_policy(CLUSTERS[partition])) == set()


@pytest.mark.parametrize("partition", CLUSTERS)
def test_cloudsplaining_finds_nothing_in_the_policy(judges: Path, tmp_path: Path, partition: str) -> None:
    document = iam.autoscaler_policy(CLUSTERS[partition])
    assert cloudsplaining(judges, tmp_path, document).strip() == "There were no results found."


@pytest.mark.parametrize("credentials", TRUSTS)
def test_parliament_finds_nothing_in_a_trust_but_the_issuer_that_it_does_not_know(
    judges: Path, credentials: str
) -> None:
    found = parliament(judges, as_permission(TRUSTS[credentials]))
    assert found == UNKNOWN_TO_PARLIAMENT.get(credentials, set())


def test_the_judges_find_what_is_wrong(judges: Path, tmp_path: Path) -> None:
    policy = iam.autoscaler_policy(CLUSTERS["aws"])
    misspelt = broken(policy, Action=["autoscaling:SetDesiredCapacities"])
    assert {issue for issue, _ in parliament(judges, misspelt)} == {"UNKNOWN_ACTION"}
    wrong_key = broken(as_permission(TRUSTS["pod identity"]), Condition={"StringEquals": {"aws:RequestTags/x": "y"}})
    assert "UNKNOWN_CONDITION_FOR_ACTION" in {issue for issue, _ in parliament(judges, wrong_key)}
    wide = broken(policy, Action="autoscaling:*", Resource="*", Condition={})
    assert "Unrestricted Infrastructure Modification" in cloudsplaining(judges, tmp_path, wide)
