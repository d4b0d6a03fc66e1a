"""The parts of the kubelet that touch the machine: link-local services, processes, tokens."""

import io
import json
import stat
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from http.client import RemoteDisconnected
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from sandbox.kubelet import node_services
from sandbox.kubelet.cloud import MetadataOptions
from sandbox.kubelet.container_process import ContainerProcess
from sandbox.kubelet.log_server import LogOptions, lines, log_file
from sandbox.kubelet.node_services import NodeServices
from sandbox.kubelet.pod_worker import PodWorker, Setting
from sandbox.kubelet.service_account import ProjectedToken, kubeconfig

ROLE = "/latest/meta-data/iam/security-credentials/"


class FakeCloud:
    """AWS as the services ask it."""

    def __init__(self, enabled=True, token_required=True, hop_limit=2, agent=True):
        self._options = MetadataOptions(enabled, token_required, hop_limit)
        self._agent = agent

    def metadata_options(self, instance):
        return self._options

    def agent_runs(self):
        return self._agent

    def node_credentials(self, instance):
        keys = {"AccessKeyId": "A", "SecretAccessKey": "S", "Token": "T", "Expiration": "2026-01-01T00:00:00Z"}
        return keys | {"RoleArn": "arn:aws:iam::1:role/nodes"}

    def pod_credentials(self, instance, token):
        if token != "good":
            response: Any = {
                "Error": {"Code": "AccessDeniedException", "Message": "no"},
                "ResponseMetadata": {"HTTPStatusCode": 403, "RequestId": "r"},
            }
            raise ClientError(response, "AssumeRoleForPodIdentity")
        return {"AccessKeyId": f"of {instance}"}


@pytest.fixture
def services(monkeypatch):
    monkeypatch.setattr(node_services, "_SILENT_SECONDS", 0.3)
    started = []

    def start(*, on_host_network=False, **cloud):
        fake: Any = FakeCloud(**cloud)
        started.append(NodeServices(fake, "i-1", "eu-west-1b", on_host_network=on_host_network))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def ask(url, method="GET", **headers):
    request = urllib.request.Request(url, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def a_token(url):
    return ask(f"{url}/latest/api/token", "PUT", **{"X-aws-ec2-metadata-token-ttl-seconds": "60"})


def test_a_pod_two_hops_away_gets_a_token_and_the_nodes_credentials(services):
    url = services(hop_limit=2).metadata_url
    code, token = a_token(url)
    header = {"X-aws-ec2-metadata-token": token}

    assert code == 200
    assert ask(url + ROLE, **header) == (200, "nodes")
    assert json.loads(ask(url + ROLE + "nodes", **header)[1])["AccessKeyId"] == "A"
    assert ask(url + "/latest/meta-data/placement/region", **header) == (200, "eu-west-1")
    assert ask(url + "/latest/meta-data/other", **header)[0] == 404


def test_a_token_comes_with_its_life_without_which_the_go_sdk_does_not_take_it(services):
    life = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    request = urllib.request.Request(f"{services().metadata_url}/latest/api/token", method="PUT", headers=life)
    with urllib.request.urlopen(request, timeout=5) as response:
        assert response.headers["X-aws-ec2-metadata-token-ttl-seconds"] == "60"


def test_with_a_hop_limit_of_one_a_pod_gets_no_token(services):
    with pytest.raises(RemoteDisconnected):
        a_token(services(hop_limit=1).metadata_url)


def test_on_the_host_network_one_hop_is_enough(services):
    assert a_token(services(hop_limit=1, on_host_network=True).metadata_url)[0] == 200


def test_the_metadata_service_requires_a_token_unless_it_is_optional(services):
    assert ask(services(token_required=True).metadata_url + ROLE)[0] == 401
    assert ask(services(token_required=False).metadata_url + ROLE) == (200, "nodes")
    url = services(token_required=False).metadata_url
    assert ask(url + ROLE, **{"X-aws-ec2-metadata-token": "made up"})[0] == 401


def test_a_disabled_metadata_service_gives_nothing(services):
    url = services(enabled=False).metadata_url

    assert (a_token(url)[0], ask(url + ROLE)[0]) == (403, 403)


def test_the_agent_gives_a_pods_credentials_for_its_token(services):
    url = services().agent_url

    assert ask(url, Authorization="good") == (200, '{"AccessKeyId": "of i-1"}')
    assert ask(url, Authorization="bad") == (403, "[r]: (AccessDeniedException): no")
    assert ask(url + "/other", Authorization="good")[0] == 404


def test_without_the_add_on_no_process_answers_for_the_agent(services):
    with pytest.raises(RemoteDisconnected):
        ask(services(agent=False).agent_url, Authorization="good")


def run(tmp_path, code, **variables):
    log = tmp_path / "log"
    return ContainerProcess([sys.executable, "-u", "-c", code], variables, tmp_path, log), log


LOG = """\
2026-01-02T03:04:05.000000000Z stderr F one
2026-01-02T03:04:06.000000000Z stderr F two words
2026-01-02T03:04:07.000000000Z stderr F three
"""


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", "one\ntwo words\nthree\n"),
        ("tailLines=1", "three\n"),
        ("tailLines=0", ""),
        ("sinceTime=2026-01-02T03:04:06Z", "two words\nthree\n"),
        ("sinceSeconds=1", "three\n"),
        ("limitBytes=6", "one\ntw"),
        ("timestamps=true&tailLines=1", "2026-01-02T03:04:07.000000000Z three\n"),
    ],
)
def test_of_a_log_is_shown_what_was_asked_for(query, shown):
    now = datetime(2026, 1, 2, 3, 4, 8, tzinfo=UTC)

    assert "".join(lines(io.StringIO(LOG), LogOptions.read(query, now))) == shown


def test_a_log_is_that_of_the_present_or_the_previous_run_of_the_very_pod(tmp_path):
    for name in ("ns_pod_uid/app/9.log", "ns_pod_uid/app/10.log", "ns_pod-2_uid/app/11.log", "other_pod_uid/app/1.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    assert log_file(tmp_path, "ns", "pod", "app", previous=False) == tmp_path / "ns_pod_uid/app/10.log"
    assert log_file(tmp_path, "ns", "pod", "app", previous=True) == tmp_path / "ns_pod_uid/app/9.log"
    assert log_file(tmp_path, "other", "pod", "app", previous=True) is None
    assert log_file(tmp_path, "ns", "none", "app", previous=False) is None


def wait(process):
    deadline = time.monotonic() + 20
    while process.return_code is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.finish()


def test_what_a_process_prints_is_logged_line_by_line_with_the_time(tmp_path):
    process, log = run(tmp_path, "import sys; print('one'); print('two', file=sys.stderr, end=''); sys.exit(3)")
    wait(process)

    assert process.return_code == 3
    lines = log.read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["stderr F one", "stderr F two"]
    assert datetime.fromisoformat(lines[0].split(" ")[0]).tzinfo
    assert process.tail == "one\ntwo"


def test_a_process_has_only_the_environment_that_it_is_given(tmp_path):
    process, log = run(tmp_path, "import os; print(sorted(os.environ))", ONLY="1")
    wait(process)

    assert "['ONLY']" in log.read_text().replace("'LC_CTYPE', ", "")


def test_a_process_is_asked_to_stop_and_killed_when_it_does_not(tmp_path):
    gentle, _ = run(
        tmp_path, "import signal, sys; signal.signal(15, lambda *_: sys.exit(0)); print('ready'); signal.pause()"
    )
    stubborn, _ = run(
        tmp_path, "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    )
    deadline = time.monotonic() + 20
    while not (gentle.tail and stubborn.tail):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    gentle.stop(20)
    stubborn.stop(0.2)

    assert (gentle.return_code, stubborn.return_code) == (0, -9)


class FakeApi:
    """Gives tokens that live for a while."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.asked = []

    def request(self, method, path, body):
        self.asked.append((path, body["spec"]))
        end = datetime.now(UTC) + timedelta(seconds=self.seconds)
        return {"status": {"token": f"token-{len(self.asked)}", "expirationTimestamp": end.isoformat()}}


POD: dict[str, Any] = {"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": {"serviceAccountName": "sa"}}


def test_a_token_is_bound_to_its_pod_and_kept_for_itself(tmp_path):
    api: Any = FakeApi(3600)
    ProjectedToken(api, POD, tmp_path / "token", 600, "sts.amazonaws.com").refresh()
    ((path, spec),) = api.asked

    assert path == "/api/v1/namespaces/n/serviceaccounts/sa/token"
    assert spec["audiences"] == ["sts.amazonaws.com"]
    assert spec["expirationSeconds"] == 600
    assert (spec["boundObjectRef"]["name"], spec["boundObjectRef"]["uid"]) == ("p", "u")
    assert (tmp_path / "token").read_text() == "token-1"
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600


@pytest.mark.parametrize(("life", "content"), [(3600, "token-1"), (0, "token-2")])
def test_a_token_is_renewed_when_most_of_its_life_is_over_and_not_before(tmp_path, life, content):
    api: Any = FakeApi(life)
    token = ProjectedToken(api, POD, tmp_path / "token", 600)
    token.refresh()
    token.refresh()

    assert (tmp_path / "token").read_text() == content


def test_a_pods_kubeconfig_is_the_clusters_with_its_own_token(tmp_path):
    admin: dict[str, Any] = {
        "clusters": [{"cluster": {"server": "https://x", "certificate-authority-data": "Y"}}],
        "users": [{"user": "!"}],
    }
    made = yaml.safe_load(kubeconfig(admin, tmp_path / "token"))

    assert made["clusters"][0]["cluster"] == admin["clusters"][0]["cluster"]
    assert made["users"][0]["user"] == {"tokenFile": str(tmp_path / "token")}


def test_a_worker_that_fails_records_it_so_that_the_pod_is_started_again(tmp_path, caplog):
    setting = Setting(api=None, files=None, cloud=None, aws_endpoint="", pods=tmp_path, real=None)  # type: ignore[arg-type]
    node_without_instance: dict[str, Any] = {"spec": {}, "status": {}}
    worker = PodWorker(setting, POD, node_without_instance)

    worker.run()

    assert worker.failed
    assert "n/p: the worker failed" in caplog.text
    assert "KeyError: 'providerID'" in caplog.text
