"""`whoami` shows who the autoscaler is to AWS in each mode, what to fix when it is no one, and never a secret."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from components.pure import iam
from doctor import clients
from doctor.changes import Connection
from doctor.cli import main
from doctor.errors import CannotCheckError
from doctor.facts import Decision, Snapshot, Source
from doctor.findings import ExitCode
from doctor.readings import Reading, Unreadable
from doctor.whoami import debug_pod, exchange, views
from doctor.whoami.answer import Answer, is_role, who_is
from doctor.whoami.debug_pod import PodAnswer
from doctor.whoami.exchange import Refused, Session
from doctor.whoami.secrets import Secret

from . import snapshots
from .fakes import Cloud, Cluster
from .test_gather import shared_clients
from .test_whoami_secrets import token_of

CLAIMS = {
    "iss": snapshots.ISSUER,
    "sub": "system:serviceaccount:kube-system:cluster-autoscaler",
    "aud": ["sts.amazonaws.com"],
    "exp": snapshots.NOW.timestamp() + 600,
    "kubernetes.io": {"pod": {"name": snapshots.pod().name}},
}
TOKEN = token_of(CLAIMS)
KEY_ID, KEY, SESSION_TOKEN = "ASIAEXAMPLEEXAMPLE12", "wJalrXUtnFEMIKEY", "IQoJb3JpZ2luTOKEN"
SECRETS = (TOKEN.value, KEY_ID, KEY, SESSION_TOKEN)
ARN = f"arn:aws:sts::{snapshots.ACCOUNT}:assumed-role/series-api-cluster-autoscaler/ca-doctor"
DENIED = Unreadable("iam:SimulatePrincipalPolicy", True, "not yours")


def session() -> Session:
    expires_at = snapshots.NOW + timedelta(hours=1)
    return Session(ARN, expires_at, Secret(KEY_ID), Secret(KEY), Secret(SESSION_TOKEN))


class Api(Cluster):
    """The API server, which also signs tokens, and runs pods as far as a test sets it up."""

    def __init__(self, mode: Source = Source.IRSA) -> None:
        super().__init__(mode)
        self.token: Any = {"status": {"token": TOKEN.value}}
        self.created: list[tuple[str, Any]] = []
        self.deleted: list[tuple[str, dict[str, str]]] = []
        self.phase = "Succeeded"

    def create(self, path: str, body: Any) -> Reading[Any]:
        self.created.append((path, body))
        if path.endswith("/token"):
            return self.token
        self.objects[f"{path}/debug"] = {"metadata": {"name": "debug"}, "status": {"phase": self.phase}}
        return {"metadata": {"name": "debug"}}

    def delete(self, path: str, **query: str) -> Reading[None]:
        self.deleted.append((path, query))
        return None


class Aws:
    """Accepts any token, or answers as a test sets it up."""

    def __init__(self, answer: Session | Refused | Unreadable | None = None) -> None:
        self.answer = answer or session()
        self.asked: list[tuple[str, ...]] = []

    def by_web_identity(self, role_arn: str, token: Secret) -> Session | Refused | Unreadable:
        self.asked.append(("web", role_arn))
        return self.answer

    def by_pod_identity(self, cluster: str, token: Secret) -> Session | Refused | Unreadable:
        self.asked.append(("pod", cluster))
        return self.answer

    def tried(self, session: Session, cluster: str, node_group: str, node_group_arn: str) -> tuple[Decision, ...]:
        return tuple(Decision(action, "*", True) for action in iam.READ_ACTIONS)


def asked(
    mode: Source = Source.IRSA, api: Api | Unreadable | None = None, aws: Aws | None = None, **facts: Any
) -> Answer:
    return who_is(snapshots.with_aws(snapshots.healthy(mode), **facts), api or Api(mode), aws or Aws())


def printed(answer: Answer) -> str:
    out = StringIO()
    views.print_answer(answer, Console(file=out, width=200))
    return out.getvalue()


# --- the three modes --------------------------------------------------------------------------------------------------


def test_by_irsa_the_token_is_the_pods_own_and_buys_the_annotated_role():
    api, aws = Api(), Aws()
    answer = asked(api=api, aws=aws)
    ((path, body),) = api.created
    assert path == "/api/v1/namespaces/kube-system/serviceaccounts/cluster-autoscaler/token"
    assert body["spec"]["audiences"] == ["sts.amazonaws.com"]
    assert body["spec"]["boundObjectRef"]["name"] == snapshots.pod().name
    assert aws.asked == [("web", snapshots.ROLE_ARN)]
    assert answer.exit_code is ExitCode.HEALTHY
    text = printed(answer)
    for part in (snapshots.ISSUER, CLAIMS["sub"], "sts.amazonaws.com", ARN, "ca-doctor", "60 min", "2026-09-01 12:10"):
        assert str(part) in text


def test_by_pod_identity_the_token_is_for_the_agents_audience():
    api, aws = Api(Source.POD_IDENTITY), Aws()
    answer = asked(Source.POD_IDENTITY, api, aws)
    assert api.created[0][1]["spec"]["audiences"] == ["pods.eks.amazonaws.com"]
    assert aws.asked == [("pod", snapshots.CLUSTER)]
    assert answer.exit_code is ExitCode.HEALTHY


def test_by_node_role_no_token_is_asked_for_and_the_nodes_role_is_shown():
    api, aws = Api(Source.NODE_ROLE), Aws()
    answer = asked(Source.NODE_ROLE, api, aws)
    assert (api.created, aws.asked) == ([], [])
    assert answer.exit_code is ExitCode.HEALTHY
    text = printed(answer)
    assert snapshots.NODE_ROLE_ARN in text
    assert "only the node gets these credentials" in text
    assert "every pod on the node" in text


@pytest.mark.parametrize("mode", snapshots.MODES)
def test_every_action_has_a_line_with_the_groups_it_was_asked_for(mode: Source):
    text = printed(asked(mode))
    for action in (*iam.READ_ACTIONS, iam.NODE_GROUP_ACTION, *iam.WRITE_ACTIONS):
        assert f"allowed  {action}" in text
    assert "on 1 of 1 groups of the cluster; on 0 of 1 groups of other owners" in text


def test_the_audience_of_the_annotation_is_asked_for():
    api = Api()
    snapshot = snapshots.healthy()
    account = replace(
        snapshot.kubernetes.service_accounts[0],  # type: ignore[index]
        annotations={"eks.amazonaws.com/role-arn": snapshots.ROLE_ARN, "eks.amazonaws.com/audience": "own"},
    )
    who_is(snapshots.with_kubernetes(snapshot, service_accounts=(account,)), api, Aws())
    assert api.created[0][1]["spec"]["audiences"] == ["own"]


# --- whose fault ------------------------------------------------------------------------------------------------------


def test_a_refused_exchange_is_broken():
    refused = Refused(exchange.WEB_IDENTITY, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
    answer = asked(aws=Aws(refused))
    assert answer.exit_code is ExitCode.BROKEN
    assert "rejected" in printed(answer)


def test_a_denied_write_is_broken_and_names_the_group():
    denied = snapshots.decisions((snapshots.asg(),), (snapshots.node_group(),), ("autoscaling:SetDesiredCapacity",))
    answer = asked(decisions=denied)
    assert answer.exit_code is ExitCode.BROKEN
    shown = printed(answer)
    assert "denied   autoscaling:SetDesiredCapacity  (on 0 of 1 groups of the cluster" in shown
    assert f"denied (implicitDeny) on {snapshots.GROUP})" in shown


@pytest.mark.parametrize("unread", [Unreadable("create token", True, "no"), Unreadable("your kubeconfig", False, "no")])
def test_a_reader_without_the_right_or_the_way_to_a_token_could_not_check(unread: Unreadable):
    api = Api()
    api.token = unread
    assert asked(api=api).exit_code is ExitCode.COULD_NOT_CHECK
    assert asked(api=unread).exit_code is ExitCode.COULD_NOT_CHECK


def test_a_service_account_that_is_not_there_is_the_clusters_fault():
    api = Api()
    api.token = Unreadable("create token", False, "serviceaccounts not found")
    snapshot = snapshots.with_kubernetes(snapshots.healthy(), service_accounts=())
    assert who_is(snapshot, api, Aws()).exit_code is ExitCode.BROKEN


def test_without_the_right_to_simulate_reads_are_tried_as_the_pod_and_writes_stay_unknown():
    answer = asked(decisions=DENIED)
    assert answer.asked_by == "tried"
    assert {each.action: each.allowed for each in answer.permissions}["autoscaling:SetDesiredCapacity"] is None
    assert answer.exit_code is ExitCode.COULD_NOT_CHECK


def test_a_pod_that_carries_other_credentials_has_another_identity():
    snapshot = snapshots.with_kubernetes(snapshots.healthy(), pods=(snapshots.pod(Source.NODE_ROLE),))
    answer = who_is(snapshot, Api(), Aws())
    assert answer.exit_code is ExitCode.BROKEN
    assert f"{snapshots.pod().name} (nodeRole): these pods carry other credentials" in printed(answer)


def test_static_keys_cannot_be_asked():
    keyed = snapshots.with_kubernetes(snapshots.healthy(), pods=(snapshots.pod(static_keys=True),))
    answer = who_is(snapshots.with_aws(keyed, source=Source.STATIC_KEYS, decisions=(), role_arn=""), Api(), Aws())
    assert answer.exit_code is ExitCode.COULD_NOT_CHECK
    assert "access key" in printed(answer)


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        (snapshots.with_kubernetes(snapshots.healthy(), deployments=()), "No Deployment"),
        (snapshots.with_kubernetes(snapshots.healthy(), deployments=DENIED), "not yours"),
        (snapshots.with_aws(snapshots.healthy(), source=None), "source of the credentials is unknown"),
    ],
)
def test_without_an_autoscaler_the_reason_is_reported(snapshot: Snapshot, words: str):
    with pytest.raises(CannotCheckError, match=words):
        who_is(snapshot, Api(), Aws())


@pytest.mark.parametrize(
    ("session_arn", "role_arn", "same"),
    [
        (ARN, snapshots.ROLE_ARN, True),
        (ARN, snapshots.ROLE_ARN.replace("role/", "role/team/"), True),
        (ARN, snapshots.NODE_ROLE_ARN, False),
        (ARN.replace(snapshots.ACCOUNT, "210987654321"), snapshots.ROLE_ARN, False),
        ("arn:aws:iam::123456789012:user/series-api-cluster-autoscaler", snapshots.ROLE_ARN, False),
        ("", "", False),
    ],
)
def test_a_session_belongs_to_a_role_by_account_and_name(session_arn: str, role_arn: str, same: bool):
    assert is_role(session_arn, role_arn) is same


# --- in the pod -------------------------------------------------------------------------------------------------------


def ask_pod(api: Api, seconds: int = 5) -> PodAnswer | Unreadable:
    ticks = iter(range(100))
    manifest = debug_pod.manifest(snapshots.deployment(), "node-1", "amazon/aws-cli", "us-east-1", 60)
    return debug_pod.ask(api, manifest, seconds, clock=lambda: next(ticks), sleep=lambda _: None)


def printing(api: Api, text: str) -> Api:
    api.read_text = lambda path, **_: text  # type: ignore[method-assign]
    return api


def test_the_pods_answer_is_printed_and_judged_by_the_role():
    found = ask_pod(printing(Api(), json.dumps({"Arn": ARN, "Account": snapshots.ACCOUNT, "UserId": "AROA:1"})))
    assert isinstance(found, PodAnswer)
    answer = replace(asked(), in_pod=found)
    assert answer.exit_code is ExitCode.HEALTHY
    assert f"in the pod   {ARN}" in printed(answer)
    assert (
        replace(answer, in_pod=replace(found, arn=ARN.replace("cluster-autoscaler", "node"))).exit_code
        is ExitCode.BROKEN
    )


def test_the_pod_runs_as_the_autoscaler_on_its_node_and_ends_by_itself():
    pod = debug_pod.manifest(snapshots.deployment(host_network=True), "node-1", "own/aws", "us-east-1", 60)
    spec = pod["spec"]
    assert (spec["serviceAccountName"], spec["nodeName"], spec["hostNetwork"]) == (snapshots.NAME, "node-1", True)
    assert spec["activeDeadlineSeconds"] == 60
    assert spec["containers"][0]["image"] == "own/aws"


@pytest.mark.parametrize("phase", ["Succeeded", "Failed", "Running", "Pending"])
def test_the_pod_is_removed_however_it_ends(phase: str):
    api = printing(Api(), f"Unable to locate credentials {KEY_ID}")
    api.phase = phase
    found = ask_pod(api)
    assert isinstance(found, PodAnswer)
    assert found.arn == ""
    assert KEY_ID not in found.error
    ((path, query),) = api.deleted
    assert path.endswith("/kube-system/pods")
    assert query["labelSelector"] == "app.kubernetes.io/managed-by=ca-doctor,ca-doctor/purpose=whoami"


@pytest.mark.parametrize("moment", ["create", "read", "read_text"])
def test_the_pod_is_removed_when_it_is_interrupted(monkeypatch: pytest.MonkeyPatch, moment: str):
    api = Api()

    def interrupt(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, moment, interrupt)
    with pytest.raises(KeyboardInterrupt):
        ask_pod(api)
    assert len(api.deleted) == 1


# --- the whole command, and no secret ---------------------------------------------------------------------------------


class TokenCloud(Cloud):
    """The cloud, whose STS and EKS Auth take the token."""

    refusal = ""

    def _AssumeRoleWithWebIdentity(self, asked: Any) -> Any:  # noqa: N802
        assert asked["WebIdentityToken"] == TOKEN.value
        if self.refusal:
            raise self.error(self.refusal, "AssumeRoleWithWebIdentity", f"no: {TOKEN.value}")
        keys = {"AccessKeyId": KEY_ID, "SecretAccessKey": KEY, "SessionToken": SESSION_TOKEN}
        expiration = snapshots.NOW + timedelta(hours=1)
        return {"Credentials": {**keys, "Expiration": expiration}, "AssumedRoleUser": {"Arn": ARN}}

    def _AssumeRoleForPodIdentity(self, asked: Any) -> Any:  # noqa: N802
        keys = {"accessKeyId": KEY_ID, "secretAccessKey": KEY, "sessionToken": SESSION_TOKEN}
        return {
            "credentials": {**keys, "expiration": snapshots.NOW + timedelta(hours=6)},
            "assumedRoleUser": {"arn": ARN},
        }


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(mode: Source, *options: str, refusal: str = "") -> tuple[int, str]:
        api, cloud = Api(mode), TokenCloud(mode)
        cloud.refusal = refusal
        with cloud.attached():
            made = shared_clients()
        monkeypatch.setattr(clients, "Aws", lambda _: made)
        monkeypatch.setattr(clients, "connect_eks", lambda *_: api)
        monkeypatch.setattr(Connection, "changing", lambda _: api)
        with cloud.attached(), pytest.raises(SystemExit) as ended:
            main(["whoami", "--cluster", snapshots.CLUSTER, "--region", snapshots.REGION, *options])
        shown = capsys.readouterr()
        return int(ended.value.code or 0), shown.out + shown.err

    return command


@pytest.mark.parametrize("mode", snapshots.MODES)
def test_the_command_ends_well_in_each_mode(run: Run, mode: Source):
    code, shown = run(mode, "--json")
    assert code == 0, shown
    document = json.loads(shown)
    assert document["credentialSource"] == mode.value
    assert (document["session"] is None) == (mode is Source.NODE_ROLE)


@pytest.mark.parametrize("options", [(), ("--json",)])
@pytest.mark.parametrize("refusal", ["", "AccessDenied", "InvalidIdentityToken", "InternalFailure"])
@pytest.mark.parametrize("mode", snapshots.MODES)
def test_no_output_holds_a_secret(run: Run, mode: Source, refusal: str, options: tuple[str, ...]):
    code, shown = run(mode, *options, refusal=refusal)
    assert code == (0 if not refusal or mode is not Source.IRSA else 2 if refusal == "InternalFailure" else 1)
    for secret in SECRETS:
        assert secret not in shown
