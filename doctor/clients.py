"""Thin clients of AWS and Kubernetes that only read. They reject any other call before it is sent."""

import base64
import json
import re
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import boto3
import botocore.config
import botocore.exceptions
import urllib3
import urllib3.exceptions

from . import eks_token
from .errors import CannotCheckError
from .facts import Cluster
from .readings import Reading, Unreadable

Json = dict[str, Any]

_READS = re.compile(r"(Describe|List|Get|Simulate)[A-Z]\w*")
_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedAccess", "NotAuthorized"}
)
_NO_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_CHANGES = {"POST": "create", "DELETE": "delete"}
_TIMEOUT = (5, 30)
"""Seconds to connect and to answer."""


class RefusedError(Exception):
    """The program tried to change AWS through a client that only reads: a bug."""


class Aws:
    """Reads from AWS.

    Endpoint, credentials and profile come from the standard environment (``AWS_ENDPOINT_URL``, ``AWS_PROFILE``, ...).
    """

    SERVICES = ("sts", "eks", "autoscaling", "ec2", "iam")

    def __init__(self, region: str) -> None:
        self.region = region
        session = boto3.Session(region_name=region)
        session.events.register("before-call", _refuse_writes)
        config = botocore.config.Config(
            connect_timeout=_TIMEOUT[0],
            read_timeout=_TIMEOUT[1],
            retries={"mode": "standard", "total_max_attempts": 4},
            max_pool_connections=32,
            user_agent_extra="ca-doctor",
        )
        try:
            # Threads can share clients, but must not create them in parallel.
            self._clients: dict[str, Any] = {
                service: session.client(service, config=config)  # type: ignore[call-overload]
                for service in self.SERVICES
            }
        except (botocore.exceptions.BotoCoreError, ValueError) as error:
            raise CannotCheckError(f"The AWS configuration of this machine cannot be used: {error}") from error
        eks_token.prepare(self._clients["sts"])

    def read(self, service: str, operation: str, *, absent: Collection[str] = (), **parameters: Any) -> Reading[Any]:
        """Return one answer, a dictionary; None if AWS answers with one of the error codes ``absent``."""
        client = self._clients[service]
        return self._attempt(service, operation, lambda: getattr(client, operation)(**parameters), absent)

    def read_all(self, service: str, operation: str, key: str, **parameters: Any) -> Reading[list[Any]]:
        """Return every item of a paged answer."""
        paginator = self._clients[service].get_paginator(operation)

        def pages() -> list[Any]:
            return [item for page in paginator.paginate(**parameters) for item in page.get(key) or ()]

        found: Reading[list[Any]] = self._attempt(service, operation, pages)
        return found

    def cluster_token(self, cluster: str) -> Reading[str]:
        """Return a token for the API server of an EKS cluster; see ``eks_token``."""
        sts = self._clients["sts"]
        token: Reading[str] = self._attempt("sts", "get_caller_identity", lambda: eks_token.sign(sts, cluster))
        return token

    def _attempt(self, service: str, operation: str, call: Callable[[], Any], absent: Collection[str] = ()) -> Any:
        name = f"{service}:{self._clients[service].meta.method_to_api_mapping[operation]}"
        try:
            return call()
        except botocore.exceptions.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in absent:
                return None
            if code in _NO_CREDENTIALS:
                raise CannotCheckError(f"AWS rejected your credentials ({name}: {error})") from error
            return Unreadable(name, code in _DENIED, str(error))
        except (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError) as error:
            raise CannotCheckError(
                f"You have no AWS credentials: {error}. Set AWS_PROFILE, or: aws sso login"
            ) from error
        except botocore.exceptions.BotoCoreError as error:
            return Unreadable(name, False, str(error))


def _refuse_writes(model: Any, **_: Any) -> None:
    if not _READS.fullmatch(model.name):
        raise RefusedError(f"{model.service_model.service_name}:{model.name} is not a read")


class Kubernetes(Protocol):
    """Reads from Kubernetes. Paths are those of its API, ``/api/v1/nodes``."""

    def read(self, path: str, **query: str) -> Reading[Json | None]:
        """Return one object; None if it does not exist."""

    def read_all(self, path: str, **query: str) -> Reading[list[Json]]:
        """Return every item of a list, page by page; empty if the API does not know the resource."""

    def read_labels(self, path: str, **query: str) -> Reading[list[Json]]:
        """Return the metadata of every item of a list; their contents, such as Secrets, never leave the cluster."""

    def read_text(self, path: str, **query: str) -> Reading[str | None]:
        """Return a text, such as a log; None if it does not exist."""

    def ask_pod(self, namespace: str, pod: str, port: int, page: str, seconds: float) -> Reading[str | None]:
        """A page that a pod serves, by way of the API server's proxy; None when the pod does not answer in time."""

    def review(self, spec: Json) -> Reading[bool]:
        """Return whether a SubjectAccessReview allows; the API server answers it and stores nothing."""


class KubernetesApi:
    """Reads from a real API server, through an ``ApiClient`` of the official library."""

    def __init__(self, api: Any) -> None:
        self._api = api

    def read(self, path: str, **query: str) -> Reading[Json | None]:
        """See ``Kubernetes``."""
        return self._json("GET", path, query)

    def read_all(self, path: str, **query: str) -> Reading[list[Json]]:
        """See ``Kubernetes``."""
        return self._pages(path, query, "application/json")

    def read_labels(self, path: str, **query: str) -> Reading[list[Json]]:
        """See ``Kubernetes``."""
        return self._pages(path, query, "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")

    def read_text(self, path: str, **query: str) -> Reading[str | None]:
        """See ``Kubernetes``."""
        answer = self._request("GET", path, query, accept="*/*", absent=(400, 404))
        return answer if answer is None or isinstance(answer, Unreadable) else answer.decode("utf-8", "replace")

    def ask_pod(self, namespace: str, pod: str, port: int, page: str, seconds: float) -> Reading[str | None]:
        """See ``Kubernetes``.

        Asks once only: the network between API server and pods may be closed for this port, and then it times out.
        """
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{page}"
        headers = {"Accept": "*/*"}
        _, url, given, *_ = self._api.param_serialize("GET", path, header_params=headers, auth_settings=["BearerToken"])
        timeout = urllib3.Timeout(connect=_TIMEOUT[0], read=seconds)
        try:
            response = self._api.rest_client.pool_manager.request(
                "GET", url, headers=given, timeout=timeout, retries=False
            )
        except (urllib3.exceptions.HTTPError, OSError):
            return None
        if response.status in (401, 403):
            return Unreadable(f"get pods/proxy in {namespace}", response.status == 403, _message(response.data))
        return response.data.decode("utf-8", "replace") if response.status == 200 else None

    def review(self, spec: Json) -> Reading[bool]:
        """See ``Kubernetes``."""
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        answer = self._json("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {}, body=body)
        if isinstance(answer, Unreadable):
            return answer
        return bool(answer and answer.get("status", {}).get("allowed"))

    def _pages(self, path: str, query: Mapping[str, str], accept: str) -> Reading[list[Json]]:
        items: list[Json] = []
        token = ""
        while True:
            page = self._json("GET", path, {**query, "limit": "500", **({"continue": token} if token else {})}, accept)
            if isinstance(page, Unreadable):
                return page
            if page is None:
                return items
            items += page.get("items") or []
            token = page.get("metadata", {}).get("continue", "")
            if not token:
                return items

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        accept: str = "application/json",
        body: Json | None = None,
    ) -> Reading[Json | None]:
        answer = self._request(method, path, query, accept, body)
        if answer is None or isinstance(answer, Unreadable):
            return answer
        try:
            document = json.loads(answer)
        except ValueError:
            return Unreadable(_named(method, path), False, f"not JSON: {answer[:80]!r}")
        return document if isinstance(document, dict) else Unreadable(_named(method, path), False, "no JSON object")

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        accept: str,
        body: Json | None = None,
        absent: Collection[int] = (404,),
    ) -> Reading[bytes | None]:
        name = _named(method, path)
        target = f"{path}?{urlencode(query, quote_via=quote)}" if query else path
        headers = {"Accept": accept, "Content-Type": "application/json"}
        request = self._api.param_serialize(
            method, target, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        try:
            response = self._api.call_api(*request, _request_timeout=_TIMEOUT)
            data: bytes = response.read() or b""
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return Unreadable(name, False, f"{self._api.configuration.host}: {error}")
        if response.status in absent:
            return None
        if response.status in (401, 403):
            return Unreadable(name, response.status == 403, _message(data) or f"HTTP {response.status}")
        if not 200 <= response.status < 300:
            return Unreadable(name, False, _message(data) or f"HTTP {response.status}")
        return data


def connect_kubernetes(kubeconfig: Json | None, file: str | None, context: str | None) -> Reading[Kubernetes]:
    """Return a client for a kubeconfig: the given document, else a file (or KUBECONFIG, or the default file).

    A kubeconfig that asks a program for tokens (``exec``) is asked here, once.
    """
    from kubernetes import client, config

    load: Any = config

    try:
        if kubeconfig is not None:
            api = load.new_client_from_config_dict(kubeconfig, context=context, persist_config=False)
        else:
            api = load.new_client_from_config(file, context=context, persist_config=False)
    except (config.ConfigException, OSError, ValueError, KeyError, TypeError) as error:
        return Unreadable("your kubeconfig", False, " ".join(str(error).split()) or type(error).__name__)
    api.configuration.retries = 1
    return KubernetesApi(client.ApiClient(api.configuration))


def connect_eks(aws: Aws, cluster: Cluster) -> Reading[Kubernetes]:
    """Return a client for the API server of an EKS cluster, with your AWS credentials."""
    from kubernetes import client

    token = aws.cluster_token(cluster.name)
    if isinstance(token, Unreadable):
        return token
    try:
        authority = base64.b64decode(cluster.certificate_authority).decode("ascii")
    except ValueError as error:
        return Unreadable("eks:DescribeCluster", False, f"the certificate authority of the cluster: {error}")
    configuration: Any = client.Configuration(host=cluster.endpoint, ca_cert_data=authority)
    configuration.api_key["BearerToken"] = f"Bearer {token}"
    configuration.retries = 1
    signed_at = time.monotonic()

    def renew(used: Any) -> None:
        """Sign again in a long ``stress``. If that fails, the API server rejects the old token and reports why."""
        nonlocal signed_at
        if time.monotonic() - signed_at < eks_token.LIFETIME:
            return
        if not isinstance(newer := aws.cluster_token(cluster.name), Unreadable):
            used.api_key["BearerToken"], signed_at = f"Bearer {newer}", time.monotonic()

    configuration.refresh_api_key_hook = renew
    return KubernetesApi(client.ApiClient(configuration))


def _named(method: str, path: str) -> str:
    """``get configmaps/x in kube-system`` of ``/api/v1/namespaces/kube-system/configmaps/x``."""
    words = [word for word in path.split("/") if word]
    rest = words[3:] if words[:1] == ["apis"] else words[2:]
    if method in _CHANGES:
        group = f".{words[1]}" if words[:1] == ["apis"] else ""
        place = f" in {rest[1]}" if rest[:1] == ["namespaces"] else ""
        resource = rest[2:] if place else rest
        return f"{_CHANGES[method]} {resource[0]}{group}{''.join(f'/{name}' for name in resource[1:])}{place}"
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        verb = "get" if len(rest) > 3 else "list"
        return f"{verb} {'/'.join(rest[2:])} in {rest[1]}"
    return f"{'get' if len(rest) != 1 else 'list'} {'/'.join(rest) or path}"


def _message(data: bytes) -> str:
    try:
        document = json.loads(data)
    except ValueError:
        return data[:200].decode("utf-8", "replace").strip()
    return str(document.get("message", "")) if isinstance(document, dict) else ""
