"""One control plane: its processes in their order, from the first key to the last kubeconfig."""

from __future__ import annotations

import http.client
import logging
import random
import ssl
import string
import threading
import time
import urllib.request
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from sandbox.kube_api import KubeApi, KubeApiError
from sandbox.kubernetes import access_webhook, identity_webhook
from sandbox.kubernetes.access import ACCESS_POLICY_ROLES, policy_group
from sandbox.kubernetes.access_webhook import Authenticator
from sandbox.kubernetes.commands import Ports, Setup
from sandbox.kubernetes.component import Component
from sandbox.kubernetes.emulator import Cluster, Emulator
from sandbox.kubernetes.files import ClusterFiles
from sandbox.kubernetes.identity_webhook import IdentityWebhook
from sandbox.kubernetes.kubeconfig import write_kubeconfig, write_user_kubeconfig
from sandbox.kubernetes.kubelets_pods import AUTOSCALER_PROGRAM, AWS_CLI_IMAGE
from sandbox.kubernetes.nodes import Nodes
from sandbox.kubernetes.pki import Pki
from sandbox.kubernetes.tools import PROGRAMS, Tools
from sandbox.kubernetes.webhook_server import Answer, WebhookServer
from sandbox.layout import LOOPBACK, port_is_free, write_atomically

_log = logging.getLogger(__name__)

_STORE_AND_API = ("etcd", "kube-apiserver")
_CLIENTS_OF_API = ("kube-controller-manager", "kube-scheduler", "kwok")

_READY_SECONDS = 90.0
"""How long etcd and the API server may take to serve. 3 to 5 seconds are usual on two cores."""

# Apart from the ports that the sandbox keeps for itself, and below those that kernels lend to outgoing connections.
_PORT_RANGE = range(12_000, 20_000)

_KWOK_TEMPLATE = Path(__file__).with_name("kwok.yaml")


class ControlPlaneError(Exception):
    """A control plane cannot run; the message contains the reason and the log to read."""


class ControlPlane:
    """The processes of one emulated EKS cluster.

    Args:
        cluster: The cluster.
        files: Where it keeps its files.
        tools: The programs.
        emulator: The emulated AWS.
        node_ready_seconds: How long after joining a node becomes ready.
    """

    def __init__(
        self, cluster: Cluster, files: ClusterFiles, tools: Tools, emulator: Emulator, node_ready_seconds: float
    ) -> None:
        self.cluster = cluster
        self._files = files
        self._tools = tools
        self._emulator = emulator
        self._node_ready_seconds = node_ready_seconds
        self._components = {name: Component(name, files) for name in PROGRAMS}
        self._webhooks: WebhookServer | None = None

    def start(self, give_up: threading.Event) -> Nodes:
        """Start everything, and report to the emulator when the API server serves.

        What a dead controller left is stopped first, ports that others took meanwhile are replaced, and the data of an
        earlier cluster of the same name is removed.

        Args:
            give_up: Ends the waiting when set.

        Returns:
            The cluster's nodes, ready to follow its instances.

        Raises:
            ControlPlaneError: A component does not run, or the waiting was ended.
            EmulatorError: The emulator does not take the report.
        """
        started = time.monotonic()
        self._stop_leftovers()
        self._setup = setup = self._prepare()
        for name in _STORE_AND_API:
            self._components[name].start(setup.command(name))
        authenticator = Authenticator(self.cluster, self._emulator)
        identities = IdentityWebhook(self.cluster, self._emulator, self._files.admin_kubeconfig)
        answers: dict[str, Answer] = {
            "/": lambda asked: access_webhook.review(asked, authenticator.authenticate),
            identity_webhook.PATH: identities.review,
        }
        self._webhooks = WebhookServer(setup.ports.webhook, setup.pki, answers)
        self._webhooks.start()
        self._wait_until_ready(setup, give_up)
        write_kubeconfig(self._files.admin_kubeconfig, setup.endpoint, setup.pki, "admin")
        write_user_kubeconfig(self._files.kubeconfig, setup.endpoint, setup.pki, self.cluster.name, self.cluster.region)
        api = KubeApi(self._files.admin_kubeconfig)
        _bind_access_policies(api)
        webhook = f"https://{LOOPBACK}:{setup.ports.webhook}{identity_webhook.PATH}"
        identity_webhook.register(api, webhook, setup.pki.ca)
        self.report()
        _log.info("%s: serves at %s after %.1f s", self._label, setup.endpoint, time.monotonic() - started)
        for name in _CLIENTS_OF_API:
            self._components[name].start(setup.command(name))
        return Nodes(
            self.cluster,
            self._emulator,
            api,
            kubelet_version=setup.version,
            kubelet_port=setup.ports.kubelet,
        )

    def report(self) -> None:
        """Send the emulator the address of the API server, which makes the cluster ACTIVE.

        Raises:
            EmulatorError: The emulator does not take it.
        """
        jwks = _fetch(self._setup, "/openid/v1/jwks")
        self._emulator.report_control_plane(self.cluster, self._setup.endpoint, self._setup.pki.ca, jwks)

    def keep_alive(self) -> None:
        """Restarts what died.

        Raises:
            ControlPlaneError: etcd or the API server died, and all must be started again.
        """
        for name in _STORE_AND_API:
            if not self._components[name].pid:
                raise ControlPlaneError(self._components[name].obituary())
        for name in _CLIENTS_OF_API:
            self._components[name].restart_if_dead(self._setup.command(name))

    def stop(self) -> None:
        """Stops everything; the data stays."""
        self._files.admin_kubeconfig.unlink(missing_ok=True)
        self._files.kubeconfig.unlink(missing_ok=True)
        # The API server before etcd: without its store it does not stop in peace.
        if not self._components["etcd"].pid:
            self._components["kube-apiserver"].kill()
        for names in (_CLIENTS_OF_API, ("kube-apiserver",), ("etcd",)):
            for name in names:
                self._components[name].terminate()
            for name in names:
                self._components[name].wait_stopped()
        if self._webhooks:
            self._webhooks.stop()
            self._webhooks = None

    @property
    def _label(self) -> str:
        return "/".join(self.cluster.key)

    def _stop_leftovers(self) -> None:
        self._files.admin_kubeconfig.unlink(missing_ok=True)
        self._files.kubeconfig.unlink(missing_ok=True)
        for name in reversed(PROGRAMS):
            self._components[name].stop_leftover()

    def _prepare(self) -> Setup:
        """Makes every file that the components read."""
        record = self._files.read_record()
        if record.get("cluster") != self.cluster.identity and self._files.folder.exists():
            _log.warning("%s: removing the data of an earlier cluster of this name", self._label)
            self._files.remove()
            record = {}
        self._files.prepare()
        ports = self._choose_ports(record.get("ports"))
        self._files.write_record({"cluster": self.cluster.identity, "ports": ports.as_record()})
        pki = Pki.load_or_create(self._files.pki)
        setup = Setup(
            tools=self._tools,
            files=self._files,
            pki=pki,
            ports=ports,
            issuer=self.cluster.issuer,
            version=self._tools.nearest_version(self.cluster.version),
        )
        if setup.version != self.cluster.version:
            _log.warning(
                "%s: Kubernetes %s is asked for; the sandbox can only behave as %s",
                self._label,
                self.cluster.version,
                setup.version,
            )
        for name in _CLIENTS_OF_API:
            write_kubeconfig(self._files.config(f"{name}.kubeconfig"), setup.endpoint, pki, name)
        write_kubeconfig(self._files.config("access-webhook.kubeconfig"), f"https://{LOOPBACK}:{ports.webhook}/", pki)
        kwok = string.Template(_KWOK_TEMPLATE.read_text()).substitute(
            node_ready_milliseconds=round(self._node_ready_seconds * 1000),
            autoscaler_program=AUTOSCALER_PROGRAM,
            aws_cli_image=AWS_CLI_IMAGE,
        )
        write_atomically(self._files.config("kwok.yaml"), kwok)
        return setup

    def _choose_ports(self, saved: object) -> Ports:
        """The saved ports, and new ones for those that are missing or taken by others."""
        chosen: dict[str, int] = {}
        candidates = filter(port_is_free, random.sample(_PORT_RANGE, len(_PORT_RANGE)))
        for name in (field.name for field in fields(Ports)):
            port = saved.get(name) if isinstance(saved, dict) else None
            if isinstance(port, int) and port_is_free(port):
                chosen[name] = port
            else:
                chosen[name] = next(candidates)
                if port is not None:
                    _log.warning("%s: port %s of %s is taken: using %d", self._label, port, name, chosen[name])
        return Ports(**chosen)

    def _wait_until_ready(self, setup: Setup, give_up: threading.Event) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            with suppress(OSError, http.client.HTTPException):
                _fetch(setup, "/readyz")
                return
            for name in _STORE_AND_API:
                if not self._components[name].pid:
                    raise ControlPlaneError(self._components[name].obituary())
            if time.monotonic() > deadline:
                log = self._files.log("kube-apiserver")
                raise ControlPlaneError(f"kube-apiserver is not ready after {_READY_SECONDS:g} s; see {log}")
            if give_up.wait(0.05):
                raise ControlPlaneError("stopped before kube-apiserver was ready")


def _fetch(setup: Setup, path: str) -> bytes:
    """What the API server answers at a path that does not speak plain JSON.

    Raises:
        OSError: It does not answer, or with an error.
    """
    context = ssl.create_default_context(cafile=str(setup.pki.ca))
    context.load_cert_chain(setup.pki.certificate("admin"), setup.pki.key("admin"))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(setup.endpoint + path, timeout=5) as response:
        body: bytes = response.read()
        return body


def _bind_access_policies(api: KubeApi) -> None:
    """Gives the group of each access policy the permissions it stands for. EKS does so outside RBAC."""
    for policy, role in ((policy, role) for policy, roles in ACCESS_POLICY_ROLES.items() for role in roles):
        group = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": policy_group(policy)}
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"{policy_group(policy)}:{role}"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [group],
        }
        try:
            api.request("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
        except KubeApiError as error:
            if error.status != 409:
                raise
