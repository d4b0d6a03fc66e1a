"""Temporary credentials that end while `up` works: said clearly, state whole, and the next `up` goes on."""

import copy
from collections.abc import Iterator

import pytest

from sandbox.private_api import PrivateApi
from sandbox.providers.aws.session import USER_AGENT
from sandbox.tests.harness import Sandbox
from tests.e2e.program.stack import Stack
from tests.e2e.reliability.engine import pending
from tests.e2e.reliability.suite import Finding, case


@pytest.fixture
def session(sandbox: Sandbox, stack: Stack) -> Iterator[None]:
    """The person works with temporary credentials, as with SSO or MFA; fresh ones afterwards."""
    del stack
    file = sandbox.layout.aws_credentials
    keys = file.read_text()
    given = sandbox.client("sts").get_session_token()["Credentials"]
    file.write_text(
        f"[default]\naws_access_key_id = {given['AccessKeyId']}\n"
        f"aws_secret_access_key = {given['SecretAccessKey']}\naws_session_token = {given['SessionToken']}\n"
    )
    yield
    file.write_text(keys)


@pytest.mark.parametrize(
    ("call", "client", "told"),
    [
        case(
            ("sts", "GetCallerIdentity"),
            USER_AGENT,
            (
                "opening the aws provider: ExpiredToken (GetCallerIdentity): ",
                "token included in the request is expired",
            ),
            id="before anything is done",
        ),
        case(
            ("iam", "CreateRole"),
            USER_AGENT,
            ("creating aws:iam/role:Role 'extra-node': ExpiredToken (CreateRole): ",),
            id="as a role is created",
        ),
        case(
            ("eks", "CreateNodegroup"),
            USER_AGENT,
            ("creating aws:eks/nodeGroup:NodeGroup 'extra': ExpiredTokenException (CreateNodegroup): ",),
            id="as a node group is created",
            short=True,
        ),
    ],
)
def test_expired_credentials_are_told_by_name_and_fresh_ones_go_on(
    sandbox: Sandbox,
    stack: Stack,
    emulator: PrivateApi,
    finding: Finding,
    request: pytest.FixtureRequest,
    call: tuple[str, str],
    client: str,
    told: tuple[str, ...],
) -> None:
    finding.done("Credentials that expire during `up`", f"expired at {call[0]} {call[1]}")
    group = {"name": "extra", "minSize": 0, "maxSize": 1}
    with stack.edited(nodeGroups=[*copy.deepcopy(stack.get("nodeGroups")), group]):
        keys = sandbox.layout.aws_credentials.read_text()
        request.getfixturevalue("session")
        PrivateApi(sandbox.layout.aws_endpoint, client).inject(*call, "expire")
        said = stack.up(check=False)
        assert emulator.faults() == []
        for words in told:
            assert words in said
        assert "Traceback" not in said
        sandbox.layout.aws_credentials.write_text(keys)
        assert pending(stack) == []
        with finding.timed("seconds of the next run"):
            stack.up()
        assert stack.planned() == []
    stack.up()
    assert stack.planned() == []
    finding.seen(f"`{told[0].strip()} …`; nothing of unknown end; with fresh credentials `up` converged")
