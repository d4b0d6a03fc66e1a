"""The clients: what is asked of the API server, and how refusals and timeouts are reported."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import urllib3.exceptions
from kubernetes import client

from doctor import clients
from doctor.clients import KubernetesApi
from doctor.readings import Unreadable


class Server:
    """Answers in place of the network, one after the other, and notes what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        configuration = client.Configuration(host="https://api.example")
        configuration.api_key = {"authorization": "Bearer token-of-the-reader"}
        api: Any = client.ApiClient(configuration)
        api.call_api = self._call
        self.client = KubernetesApi(api)

    def _call(self, method, url, headers=None, body=None, post_params=None, _request_timeout=None):
        assert _request_timeout
        self.asked.append((method, url.removeprefix("https://api.example"), headers, body))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, document = answer
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        return SimpleNamespace(status=status, read=lambda: data)


def test_an_object_is_read_with_the_reader_s_token():
    server = Server((200, {"kind": "Lease"}))
    assert server.client.read("/apis/x", a="b c") == {"kind": "Lease"}
    method, url, headers, body = server.asked[0]
    assert (method, url, body) == ("GET", "/apis/x?a=b%20c", None)
    assert headers["authorization"] == "Bearer token-of-the-reader"


def test_what_is_not_there_is_none():
    assert Server((404, {})).client.read("/api/v1/x") is None
    assert Server((404, {})).client.read_all("/api/v1/x") == []
    assert Server((400, b"previous terminated container not found")).client.read_text("/log") is None


def test_a_list_is_followed_to_its_end():
    server = Server(
        (200, {"items": [{"a": 1}], "metadata": {"continue": "t/1"}}), (200, {"items": [{"a": 2}], "metadata": {}})
    )
    assert server.client.read_all("/api/v1/nodes", labelSelector="a=b") == [{"a": 1}, {"a": 2}]
    assert [url for _, url, _, _ in server.asked] == [
        "/api/v1/nodes?labelSelector=a%3Db&limit=500",
        "/api/v1/nodes?labelSelector=a%3Db&limit=500&continue=t%2F1",
    ]


def test_of_secrets_the_metadata_only_is_asked_for():
    server = Server((200, {"items": []}))
    server.client.read_labels("/api/v1/namespaces/x/secrets")
    assert "as=PartialObjectMetadataList" in server.asked[0][2]["Accept"]


def test_a_refusal_is_the_reader_s_and_names_the_right():
    refused = Server((403, {"message": 'pods is forbidden: User "me" cannot list'})).client
    assert refused.read_all("/api/v1/namespaces/kube-system/pods") == Unreadable(
        "list pods in kube-system", True, 'pods is forbidden: User "me" cannot list'
    )


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/v1/nodes", "list nodes"),
        ("/apis/apps/v1/deployments", "list deployments"),
        ("/api/v1/namespaces/a/configmaps/b", "get configmaps/b in a"),
        ("/api/v1/namespaces/a/pods/b/log", "get pods/b/log in a"),
        ("/apis/coordination.k8s.io/v1/namespaces/a/leases/b", "get leases/b in a"),
        ("/version", "get /version"),
    ],
)
def test_requests_are_named_as_rights_are(path, name):
    found = Server((403, {})).client.read(path)
    assert isinstance(found, Unreadable)
    assert (found.call, found.message) == (name, "HTTP 403")


@pytest.mark.parametrize(
    "answer",
    [
        (401, {"message": "Unauthorized"}),
        (500, b"oops"),
        (200, b"<html>"),
        (200, [1]),
        urllib3.exceptions.MaxRetryError(None, "/", "refused"),  # type: ignore[arg-type]
        ConnectionResetError("reset"),
    ],
)
def test_any_other_error_is_no_lack_of_rights(answer):
    found = Server(answer).client.read("/api/v1/nodes")
    assert isinstance(found, Unreadable)
    assert found.denied is False
    assert found.message


def test_a_review_is_created_and_read():
    server = Server((201, {"status": {"allowed": True}}), (201, {"status": {}}), (403, {}))
    spec = {"user": "system:serviceaccount:a:b", "resourceAttributes": {"verb": "list", "resource": "pods"}}
    assert server.client.review(spec) is True
    assert server.client.review(spec) is False
    refused = server.client.review(spec)
    assert isinstance(refused, Unreadable)
    assert refused.call == "create subjectaccessreviews.authorization.k8s.io"
    method, url, _, body = server.asked[0]
    assert (method, url) == ("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews")
    assert body["spec"] == spec


def test_the_client_of_kubernetes_has_no_other_way_to_write():
    public = {name for name in vars(KubernetesApi) if not name.startswith("_")}
    assert public == {"read", "read_all", "read_labels", "read_text", "ask_pod", "review"}


class Proxy(BaseHTTPRequestHandler):
    """An API server whose proxy to pods answers by the pod's name; it notes what it was asked."""

    asked: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self):
        self.asked.append((self.path, self.headers["authorization"]))
        pod = self.path.split("/pods/")[1].split(":")[0]
        if pod == "silent":
            time.sleep(1)
        self.send_response({"denied": 403, "unknown": 401, "gone": 503, "moved": 302}.get(pod, 200))
        self.send_header("Location", "/api/v1/namespaces/a/pods/leader:8085/proxy/metrics")
        self.end_headers()
        self.wfile.write(b'{"message": "no"}' if pod in ("denied", "unknown") else b"a_metric 1")

    def log_message(self, *_):
        pass


@pytest.fixture
def proxied():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    # A client that gave up is no error.
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    Proxy.asked.clear()
    configuration = client.Configuration(host=f"http://127.0.0.1:{server.server_port}")
    configuration.api_key = {"authorization": "Bearer token-of-the-reader"}
    configuration.retries = 1  # type: ignore[assignment]
    yield KubernetesApi(client.ApiClient(configuration))
    server.shutdown()
    server.server_close()


def test_a_page_of_a_pod_is_read_through_the_proxy(proxied):
    assert proxied.ask_pod("kube-system", "leader", 8085, "/metrics", 5) == "a_metric 1"
    path = "/api/v1/namespaces/kube-system/pods/leader:8085/proxy/metrics"
    assert Proxy.asked == [(path, "Bearer token-of-the-reader")]


@pytest.mark.parametrize("pod", ["silent", "gone", "moved"])
def test_a_pod_that_gives_no_page_is_asked_once_and_gives_none(proxied, pod):
    assert proxied.ask_pod("a", pod, 8085, "/metrics", 0.2) is None
    assert len(Proxy.asked) == 1


@pytest.mark.parametrize(("pod", "denied"), [("denied", True), ("unknown", False)])
def test_a_page_that_the_reader_may_not_read_is_named_by_its_right(proxied, pod, denied):
    assert proxied.ask_pod("a", pod, 8085, "/metrics", 5) == Unreadable("get pods/proxy in a", denied, "no")


def test_without_an_api_server_there_is_no_page():
    configuration = client.Configuration(host="http://127.0.0.1:1")
    assert KubernetesApi(client.ApiClient(configuration)).ask_pod("a", "b", 8085, "/metrics", 1) is None


def test_a_kubeconfig_that_cannot_be_used_is_reported(tmp_path):
    found = clients.connect_kubernetes({"clusters": []}, None, None)
    assert isinstance(found, Unreadable)
    assert (found.call, found.denied) == ("your kubeconfig", False)
    missing = clients.connect_kubernetes(None, str(tmp_path / "none"), None)
    assert isinstance(missing, Unreadable)


def test_a_kubeconfig_leads_to_its_server():
    document = {
        "clusters": [{"name": "a", "cluster": {"server": "https://api.example"}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "current-context": "a",
        "users": [{"name": "a", "user": {"token": "t"}}],
    }
    assert isinstance(clients.connect_kubernetes(document, None, None), KubernetesApi)
