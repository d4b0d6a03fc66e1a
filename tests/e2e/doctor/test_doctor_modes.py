"""In each of the three modes a healthy cluster is found healthy, and the autoscaler is who it should be."""

from tests.e2e.doctor.bench import settled
from tests.e2e.doctor.commands import Doctor
from tests.e2e.program.stack import Stack

SECRETS = ("eyJ", "ASIA", "AKIA", "SecretAccessKey", "SessionToken")


def test_every_link_holds_without_a_warning_in_each_mode(doctor: Doctor, mode: str) -> None:
    result = settled(doctor)
    wrong = [each for each in result.document["findings"] if each["status"] != "ok"]
    assert (result.code, wrong) == (0, []), result.out


def test_whoami_shows_who_it_is_and_what_it_may_do(doctor: Doctor, stack: Stack, mode: str) -> None:
    result = doctor.run("whoami", "--json")
    assert result.code == 0, result.out + result.err
    answer = result.document
    assert answer["credentialSource"] == mode
    assert len(answer["permissions"]) == 10
    assert all(each["allowed"] for each in answer["permissions"])
    if mode == "nodeRole":
        assert (answer["token"], answer["session"]) == (None, None)
        assert answer["instanceId"].startswith("i-")
        assert answer["roleArn"] in [group["roleArn"] for group in stack.outputs()["nodeGroups"]]
    else:
        audience = {"irsa": "sts.amazonaws.com", "podIdentity": "pods.eks.amazonaws.com"}[mode]
        outputs = stack.outputs()
        assert answer["token"]["issuer"] == outputs["oidcIssuer"]
        assert answer["token"]["subject"] == "system:serviceaccount:kube-system:cluster-autoscaler"
        assert answer["token"]["audiences"] == [audience]
        assert f":assumed-role/{outputs['roleArn'].rpartition('/')[2]}/" in answer["session"]["arn"]


def test_whoami_for_people_explains_the_modes_and_keeps_every_secret(doctor: Doctor, mode: str) -> None:
    result = doctor.run("whoami")
    assert result.code == 0, result.out + result.err
    assert "web identity" in result.out or mode != "irsa"
    assert "allowed  autoscaling:SetDesiredCapacity" in result.out
    for secret in SECRETS:
        assert secret not in result.out + result.err
