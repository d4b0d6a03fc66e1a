"""Where the provider takes its cluster from, and what it makes of its own configuration."""

import base64
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import pytest
import yaml

from sandbox.providers.kubernetes.api import Api, ApiError
from sandbox.providers.kubernetes.kubeconfig import Kubeconfig, KubeconfigError
from sandbox.providers.kubernetes.provider import KubernetesProvider
from sandbox.providers.kubernetes.settings import Settings, difference
from sandbox.providers.rpc import Resource
from sandbox.providers.values import UNKNOWN
from sandbox.tests.providers.protocol_client import Engine, connected

RELEASE = "kubernetes:helm.sh/v3:Release"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
PROVIDER = Resource("urn", "pulumi:providers:kubernetes", "it")
KEY = "very-secret-key"


def kubeconfig(server="https://one.invalid", user=None, **more):
    return json.dumps(
        {
            "clusters": [{"name": "one", "cluster": {"server": server}}],
            "users": [{"name": "me", "user": user or {"token": KEY}}],
            "contexts": [{"name": "main", "context": {"cluster": "one", "user": "me", "namespace": "team"}}],
            "current-context": "main",
            **more,
        }
    )


def failures(**config):
    return {each.property: each.reason for each in KubernetesProvider().check_config(PROVIDER, config).failures}


def test_settings_that_are_wrong_unknown_or_not_done_are_refused_by_name():
    found = failures(
        kubeconfg="x",
        enableServerSideApply="false",
        enablePatchForce="perhaps",
        context=3,
        renderYamlToDirectory="x",
        helmReleaseSettings="{}",
    )
    assert set(found) == {
        "kubeconfg",
        "enableServerSideApply",
        "enablePatchForce",
        "context",
        "renderYamlToDirectory",
        "helmReleaseSettings",
    }
    assert "did you mean `kubeconfig`?" in found["kubeconfg"]


def test_settings_that_a_preview_does_not_know_yet_are_accepted():
    assert failures(kubeconfig=UNKNOWN, context=UNKNOWN, enablePatchForce=UNKNOWN, version="4.34.2") == {}


def test_the_namespace_comes_from_the_provider_then_the_context_then_is_default():
    assert Settings.parse({"kubeconfig": kubeconfig(), "namespace": "mine"}).namespace == "mine"
    assert Settings.parse({"kubeconfig": kubeconfig()}).namespace == "team"
    assert Settings.parse({"kubeconfig": "/absent"}).namespace == "default"


@pytest.mark.parametrize(
    ("old", "new", "replaces"),
    [
        ({"kubeconfig": kubeconfig()}, {"kubeconfig": kubeconfig("https://two.invalid")}, {"kubeconfig"}),
        ({"kubeconfig": kubeconfig()}, {"kubeconfig": kubeconfig(user={"token": "new"})}, set()),
        ({"kubeconfig": kubeconfig()}, {"kubeconfig": UNKNOWN}, {"kubeconfig"}),
        ({"namespace": "a"}, {"namespace": "b"}, set()),
        ({"clusterIdentifier": "a"}, {"clusterIdentifier": "b"}, {"clusterIdentifier"}),
        (
            {"clusterIdentifier": "a", "kubeconfig": kubeconfig()},
            {"clusterIdentifier": "a", "kubeconfig": kubeconfig("https://two.invalid")},
            set(),
        ),
    ],
)
def test_another_cluster_replaces_the_provider_and_nothing_else_does(old, new, replaces):
    found = difference(old, new)
    assert found.changes
    assert found.replaces == replaces


def test_a_kubeconfig_comes_as_text_or_path_or_from_where_kubectl_looks(tmp_path, monkeypatch):
    path = tmp_path / "config"
    path.write_text(kubeconfig())
    assert Kubeconfig.load(kubeconfig()).server == "https://one.invalid"
    assert Kubeconfig.load(str(path)).server == "https://one.invalid"
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/absent:{path}")
    assert Kubeconfig.load(None).server == "https://one.invalid"
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    path.rename(tmp_path / ".kube" / "config")
    assert Kubeconfig.load(None).server == "https://one.invalid"


def test_of_several_kubeconfigs_the_first_entry_of_a_name_counts(tmp_path):
    (tmp_path / "a").write_text(kubeconfig())
    (tmp_path / "b").write_text(
        kubeconfig("https://two.invalid", contexts=[{"name": "other", "context": {"cluster": "one", "user": "me"}}])
    )
    paths = f"{tmp_path}/a{os.pathsep}{tmp_path}/b"
    assert Kubeconfig.load(paths).server == "https://one.invalid"
    assert Kubeconfig.load(paths, context="other").server == "https://one.invalid"


def test_files_that_a_kubeconfig_names_are_found_beside_it(tmp_path):
    document = yaml.safe_load(kubeconfig())
    document["clusters"][0]["cluster"]["certificate-authority"] = "ca.crt"
    (tmp_path / "config").write_text(yaml.safe_dump(document))
    assert Kubeconfig.load(str(tmp_path / "config")).cluster["certificate-authority"] == str(tmp_path / "ca.crt")


@pytest.mark.parametrize(
    ("source", "context", "reason"),
    [
        ("{not: [yaml", None, "neither YAML nor the path of a file (line 1)"),
        ("/absent/config", None, "there is no kubeconfig at /absent/config"),
        (kubeconfig(), "other", "has no context 'other'; it has: main"),
        (kubeconfig(users=[]), None, "has no user 'me'; it has: none"),
        (kubeconfig(**{"current-context": ""}), None, "no current-context"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_says_why_and_shows_no_key(source, context, reason):
    with pytest.raises(KubeconfigError) as error:
        Kubeconfig.load(source, context)
    assert reason in str(error.value)
    assert KEY not in str(error.value)
    assert KEY not in repr(Settings.parse({"kubeconfig": kubeconfig()}))


def test_a_preview_plans_without_a_cluster(port, chart):
    for config in ({"kubeconfig": "/absent/config"}, {"kubeconfig": kubeconfig("https://127.0.0.1:1")}):
        with connected(port, "kubernetes") as engine:
            engine.configure(**config)
            planned = engine.preview_create(CONFIG_MAP, {"metadata": {"name": "x"}, "data": {"a": "1"}})
            assert planned["data"] == {"a": "1"}
            assert (
                "namespace"
                not in engine.accept("kubernetes:core/v1:Namespace", {"metadata": {"name": "x"}})["metadata"]
            )
            assert engine.preview_create(RELEASE, {"chart": chart})["status"] is UNKNOWN


def test_an_update_without_a_cluster_says_so(port, chart):
    with connected(port, "kubernetes") as engine:
        engine.configure(kubeconfig="/absent/config")
        for token, inputs in ((CONFIG_MAP, {"metadata": {"name": "x"}}), (RELEASE, {"chart": chart})):
            with pytest.raises(grpc.RpcError) as error:
                engine.create(token, inputs)
            expected = "no Kubernetes cluster is configured: there is no kubeconfig at /absent/config"
            assert error.value.details() == expected
    with connected(port, "kubernetes") as engine:
        engine.configure(kubeconfig=kubeconfig("https://127.0.0.1:1"))
        for token, inputs in ((CONFIG_MAP, {"metadata": {"name": "x"}}), (RELEASE, {"chart": chart})):
            with pytest.raises(grpc.RpcError) as error:
                engine.create(token, inputs)
            assert "127.0.0.1:1" in error.value.details()


# -- Kubeconfigs that run a command to log in --------------------------------------------------------------------------


@pytest.fixture
def login(tmp_path):
    """The ``exec`` entry of a command that counts its runs in a file and prints these credentials."""

    def make(**status):
        script = tmp_path / "login.py"
        answer = {"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": status}
        script.write_text(
            f"import json, os\nopen({str(tmp_path / 'runs')!r}, 'a').write('x')\n"
            f"answer = {answer!r}\n"
            "for key in list(answer['status']):\n"
            "    answer['status'][key] = answer['status'][key].replace('FLAVOUR', os.environ['FLAVOUR'])\n"
            "print(json.dumps(answer))\n"
        )
        return {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": sys.executable,
            "args": [str(script)],
            "env": [{"name": "FLAVOUR", "value": "plain"}],
        }

    return make


@pytest.fixture
def runs(tmp_path):
    """How often the command ran."""
    return lambda: len((tmp_path / "runs").read_text())


def test_a_kubeconfig_that_runs_a_command_works_for_objects_and_releases_and_runs_it_once(
    port, cluster, namespace, chart, login, runs
):
    document = yaml.safe_load(cluster.kubeconfig.read_text())
    user = document["users"][0]["user"]
    credentials = {"clientCertificateData": _pem(user, "client-certificate"), "clientKeyData": _pem(user, "client-key")}
    document["users"][0]["user"] = {"exec": login(**credentials, expirationTimestamp="2999-01-01T00:00:00Z")}
    for _ in range(2):
        with connected(port, "kubernetes") as engine:
            engine.configure(kubeconfig=json.dumps(document), namespace=namespace)
            made = engine.create(CONFIG_MAP, {"metadata": {}, "data": {"a": "1"}})
            engine.delete(CONFIG_MAP, made)
            made = engine.create(RELEASE, {"chart": chart, "name": "app"})
            engine.delete(RELEASE, made)
    assert runs() == 1


@pytest.fixture
def api_server():
    """An API server that answers with these codes in turn, then with the last; and the logins it was shown."""
    codes, seen = [200], []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.headers["Authorization"])
            self.send_response(codes.pop(0) if len(codes) > 1 else codes[0])
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", codes, seen
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_token_that_the_server_no_longer_takes_is_fetched_anew(api_server, login, runs):
    url, codes, seen = api_server
    codes[:] = [200, 401, 200]
    user = {"exec": login(token="FLAVOUR-token", expirationTimestamp="2999-01-01T00:00:00Z")}
    api = Api(Kubeconfig.load(kubeconfig(url, user)))
    for _ in range(3):
        api.request("GET", "/version")
    assert seen == ["Bearer plain-token"] * 4
    assert runs() == 2


def test_a_login_that_the_server_never_takes_is_tried_twice_and_told(api_server, login, runs):
    url, codes, seen = api_server
    codes[:] = [401]
    user = {"exec": login(token="t", expirationTimestamp="2999-01-01T00:00:00Z")}
    with pytest.raises(ApiError) as error:
        Api(Kubeconfig.load(kubeconfig(url, user))).request("GET", "/version")
    assert error.value.status == 401
    assert len(seen) == runs() == 2


def test_a_command_without_an_expiry_runs_for_each_login(login, runs):
    loaded = Kubeconfig.load(kubeconfig(user={"exec": login(token="t")}))
    assert loaded.resolved()["users"][0]["user"] == {"token": "t"}
    loaded.resolved()
    assert runs() == 2


def test_a_login_command_that_fails_or_is_missing_is_named():
    failing = {"apiVersion": "v1", "command": "sh", "args": ["-c", "echo not today >&2; exit 3"]}
    with pytest.raises(KubeconfigError, match="login command failed: `sh -c echo not today"):
        Kubeconfig.load(kubeconfig(user={"exec": failing})).resolved()
    missing = {"apiVersion": "v1", "command": "no-such-program", "args": ["get-token"]}
    with pytest.raises(
        KubeconfigError, match="runs `no-such-program get-token` to log in, but 'no-such-program' is not"
    ):
        Kubeconfig.load(kubeconfig(user={"exec": missing})).resolved()


def test_the_command_line_serves_until_it_is_told_to_stop(cluster):
    command = [sys.executable, "-u", "-m", "sandbox.providers.kubernetes", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        assert line.startswith("ready kubernetes provider stand-in on 127.0.0.1:")
        with connected(int(line.rpartition(":")[2]), "kubernetes") as engine:
            assert isinstance(engine, Engine)
            engine.configure(kubeconfig=cluster.kubeconfig.read_text())
            assert engine.import_("kubernetes:core/v1:Namespace", "kube-system") is not None
        process.terminate()
        assert process.wait(10) == 0


def _pem(user, name):
    if f"{name}-data" in user:
        return base64.b64decode(user[f"{name}-data"]).decode()
    with open(user[name]) as file:  # noqa: PTH123
        return file.read()
