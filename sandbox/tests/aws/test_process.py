"""The process: identity, state over restarts and crashes, and errors at the start."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ministack.core.responses import request_scope
from ministack.services import iam

from sandbox.aws import identity
from sandbox.aws.state import StateFile, UnusableState
from sandbox.layout import IN_MEMORY
from sandbox.tests.aws.support import ACCOUNT, NODE_TRUST, PROJECT, REGION, SUBNETS, Emulator, policy, trust


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "aws"


@pytest.fixture
def start(state: Path) -> Iterator[Any]:
    """Starts emulators on the same state; ends what still runs."""
    started: list[Emulator] = []

    def run() -> Emulator:
        started.append(Emulator(state))
        return started[-1]

    yield run
    for one in started:
        if one.process.returncode is None:
            one.stop()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_survives_a_crash(state: Path, start: Any) -> None:
    before = start()
    eks = before.client("eks")
    role = before.client("iam").create_role(
        RoleName="everything",
        AssumeRolePolicyDocument=trust(
            {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/sandbox"}, "Action": "sts:AssumeRole"}
        ),
        Tags=[{"Key": "team", "Value": "R&D"}],
    )["Role"]["Arn"]
    before.client("iam").put_role_policy(
        RoleName="everything", PolicyName="x", PolicyDocument=policy({"Action": "ec2:*"})
    )
    session = before.client("sts").assume_role(RoleArn=role, RoleSessionName="kept")["Credentials"]
    eks.create_cluster(name="demo", roleArn=role, resourcesVpcConfig={"subnetIds": SUBNETS})
    report = {"endpoint": "https://127.0.0.1:6443", "certificateAuthority": "Q0E=", "jwks": {"keys": []}}
    before.private("POST", f"clusters/{REGION}/demo", report)
    eks.create_nodegroup(clusterName="demo", nodegroupName="workers", subnets=SUBNETS, nodeRole=role)
    update = eks.update_nodegroup_config(
        clusterName="demo", nodegroupName="workers", scalingConfig={"maxSize": 4, "desiredSize": 3}
    )["update"]["id"]

    def everything(emulator: Emulator) -> list[Any]:
        client = emulator.client
        groups = client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
        kept = {
            "aws_access_key_id": session["AccessKeyId"],
            "aws_secret_access_key": session["SecretAccessKey"],
            "aws_session_token": session["SessionToken"],
        }
        return [
            client("eks").describe_cluster(name="demo")["cluster"],
            client("eks").describe_nodegroup(clusterName="demo", nodegroupName="workers")["nodegroup"],
            client("eks").describe_update(name="demo", nodegroupName="workers", updateId=update)["update"],
            groups,
            client("autoscaling").describe_scaling_activities()["Activities"],
            client("ec2", kept).describe_instances()["Reservations"],
            client("iam").get_role(RoleName="everything")["Role"],
            emulator.private("GET", "clusters"),
        ]

    expected = everything(before)
    before.kill()
    after = start()
    assert everything(after) == expected
    assert after.user_keys() == before.user_keys()
    after.client("autoscaling").set_desired_capacity(
        AutoScalingGroupName=expected[3][0]["AutoScalingGroupName"], DesiredCapacity=1
    )
    assert after.stop() == 0


def test_in_memory_nothing_is_saved(start: Any, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(IN_MEMORY, "yes")
    start().client("iam").create_role(RoleName="gone", AssumeRolePolicyDocument=trust(NODE_TRUST))
    assert not (state / "state.json").exists()


def test_files_with_keys_are_for_their_owner_only(emulator: Emulator) -> None:
    assert mode(emulator.state) == 0o700
    assert {path.name: mode(path) for path in emulator.state.iterdir()} == {"credentials": 0o600, "state.json": 0o600}


def test_the_person_is_an_administrator(emulator: Emulator) -> None:
    assert emulator.client("sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/sandbox"
    attached = emulator.client("iam").list_attached_user_policies(UserName="sandbox")["AttachedPolicies"]
    assert [one["PolicyName"] for one in attached] == ["AdministratorAccess"]


def test_bootstrap_keeps_good_credentials_and_replaces_lost_ones(tmp_path: Path) -> None:
    def keys() -> list[str]:
        with request_scope(ACCOUNT, REGION):
            return [key for key, record in iam._access_keys.items() if record["UserName"] == "sandbox"]

    credentials = tmp_path / "credentials"
    identity.bootstrap(credentials)
    written, first = credentials.read_text(), keys()
    identity.bootstrap(credentials)
    assert (credentials.read_text(), keys()) == (written, first)
    for damage in ("no credentials at all", "[default]\naws_access_key_id = AKIA0\naws_secret_access_key = x\n"):
        credentials.write_text(damage)
        identity.bootstrap(credentials)
        (only,) = keys()
        assert only not in first
        assert f"aws_access_key_id = {only}" in credentials.read_text()
        assert mode(credentials) == 0o600


def fail(port: int, state: Path) -> str:
    """The error of a start that cannot succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.aws", "--port", str(port), "--state", str(state)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_busy_port_is_named(state: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} of 127.0.0.1 cannot be used" in fail(port, state)


def test_damaged_state_is_named_with_the_way_out_and_left_alone(state: Path) -> None:
    state.mkdir()
    (state / "state.json").write_text("{")
    error = fail(0, state)
    assert "is damaged" in error
    assert "make sandbox-clean" in error
    assert (state / "state.json").read_text() == "{"


def test_state_of_another_ministack_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"ministack": "1.0.0", "services": {}}))
    with pytest.raises(UnusableState, match=r"written with ministack 1\.0\.0, this is 1\.5\.33"):
        StateFile(path).load()
