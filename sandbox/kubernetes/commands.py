"""The command lines of the components: the arguments of each, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sandbox.kubernetes.files import ClusterFiles
from sandbox.kubernetes.pki import Pki
from sandbox.kubernetes.tools import Tools
from sandbox.layout import LOOPBACK

SERVICE_CIDR = "10.100.0.0/16"
"""Addresses of Services; what EKS takes by default."""

API_AUDIENCE = "https://kubernetes.default.svc"
"""Audience of the tokens that are meant for the API server itself, as on EKS."""


@dataclass(frozen=True)
class Ports:
    """The loopback ports of one control plane."""

    apiserver: int
    etcd: int
    kubelet: int
    webhook: int

    def as_record(self) -> dict[str, int]:
        """For ``cluster.json``."""
        return asdict(self)


@dataclass(frozen=True)
class Setup:
    """All that the command lines of one control plane depend on.

    Attributes:
        tools: The programs.
        files: The cluster's files.
        pki: Its keys.
        ports: Its ports.
        issuer: URL that its service-account tokens name as their issuer: the emulated cluster's OIDC issuer.
        version: Kubernetes minor version that it behaves as, such as ``1.36``.
    """

    tools: Tools
    files: ClusterFiles
    pki: Pki
    ports: Ports
    issuer: str
    version: str

    @property
    def endpoint(self) -> str:
        """URL of the API server."""
        return f"https://{LOOPBACK}:{self.ports.apiserver}"

    def command(self, component: str) -> list[str]:
        """The command line of a component."""
        flags = _FLAGS[component](self)
        return [str(self.tools.folder / component), *(f"--{name}={value}" for name, value in flags.items())]


def _etcd(setup: Setup) -> Mapping[str, object]:
    client_url = f"https://{LOOPBACK}:{setup.ports.etcd}"
    return {
        "name": "etcd",
        "data-dir": setup.files.etcd,
        "listen-client-urls": client_url,
        "advertise-client-urls": client_url,
        "client-cert-auth": "true",
        "trusted-ca-file": setup.pki.ca,
        "cert-file": setup.pki.certificate("server"),
        "key-file": setup.pki.key("server"),
        # A single member has no peers: a socket in the cluster's own folder, closed to other users, takes no port.
        "listen-peer-urls": "unix://localhost:0",
        "initial-advertise-peer-urls": "unix://localhost:0",
        "initial-cluster": "etcd=unix://localhost:0",
        # Writes reach the disk when the kernel sees fit: much faster, and the death of any process loses nothing. The
        # price is that a power cut may damage the data of this throw-away cluster.
        "unsafe-no-fsync": "true",
        # Milliseconds. A member that is alone need not wait for others before it elects itself.
        "heartbeat-interval": 25,
        "election-timeout": 250,
        # Its own client would log in with the server's certificate, which is not for that.
        "enable-grpc-gateway": "false",
        "log-level": "error",
    }


def _kube_apiserver(setup: Setup) -> Mapping[str, object]:
    pki = setup.pki
    return {
        "bind-address": LOOPBACK,
        "advertise-address": LOOPBACK,
        "secure-port": setup.ports.apiserver,
        "tls-cert-file": pki.certificate("server"),
        "tls-private-key-file": pki.key("server"),
        "client-ca-file": pki.ca,
        "etcd-servers": f"https://{LOOPBACK}:{setup.ports.etcd}",
        "etcd-cafile": pki.ca,
        "etcd-certfile": pki.certificate("kube-apiserver-etcd-client"),
        "etcd-keyfile": pki.key("kube-apiserver-etcd-client"),
        # Endpoints may not be loopback addresses, so the Service `kubernetes` goes without any; no pod would use it.
        "endpoint-reconciler-type": "none",
        "service-cluster-ip-range": SERVICE_CIDR,
        "service-account-issuer": setup.issuer,
        "service-account-jwks-uri": f"{setup.issuer}/keys",
        "service-account-key-file": pki.service_account_public_key,
        "service-account-signing-key-file": pki.key("service-account"),
        "api-audiences": API_AUDIENCE,
        "authentication-token-webhook-config-file": setup.files.config("access-webhook.kubeconfig"),
        "authentication-token-webhook-version": "v1",
        # The shortest there is: a changed access entry counts after at most this time.
        "authentication-token-webhook-cache-ttl": "10s",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        # The kubelets' address is none of the addresses that an EC2 instance has.
        "kubelet-preferred-address-types": "ExternalDNS",
        "kubelet-certificate-authority": pki.ca,
        "profiling": "false",
        "emulated-version": setup.version,
    }


def _kube_controller_manager(setup: Setup) -> Mapping[str, object]:
    return {
        "kubeconfig": setup.files.config("kube-controller-manager.kubeconfig"),
        "use-service-account-credentials": "true",
        "service-account-private-key-file": setup.pki.key("service-account"),
        "root-ca-file": setup.pki.ca,
        "leader-elect": "false",
        "profiling": "false",
        "secure-port": 0,
        "emulated-version": setup.version,
    }


def _kube_scheduler(setup: Setup) -> Mapping[str, object]:
    return {
        "kubeconfig": setup.files.config("kube-scheduler.kubeconfig"),
        "leader-elect": "false",
        "profiling": "false",
        "secure-port": 0,
        "emulated-version": setup.version,
    }


def _kwok(setup: Setup) -> Mapping[str, object]:
    return {
        "kubeconfig": setup.files.config("kwok.kubeconfig"),
        "config": setup.files.config("kwok.yaml"),
        "manage-all-nodes": "true",
        # Leases are the heartbeats that keep the node lifecycle controller from taking a node for dead.
        "node-lease-duration-seconds": 40,
        "cidr": "10.200.0.0/16",
        "server-address": f"{LOOPBACK}:{setup.ports.kubelet}",
        "tls-cert-file": setup.pki.certificate("server"),
        "tls-private-key-file": setup.pki.key("server"),
        "v": "WARN",
    }


_FLAGS = {
    "etcd": _etcd,
    "kube-apiserver": _kube_apiserver,
    "kube-controller-manager": _kube_controller_manager,
    "kube-scheduler": _kube_scheduler,
    "kwok": _kwok,
}
