"""Where a sandbox keeps everything: its paths, its ports and the environment that points plain tools at it.

Every other module of the sandbox asks a :class:`Layout`; none of them joins a path or reads a variable itself.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

ACCOUNT_ID = "123456789012"
"""The emulated AWS account."""

REGION = "us-east-1"
"""The region that the sandbox's own environment names; the emulator serves every region."""

USER_NAME = "sandbox"
"""The emulated IAM user that the person at the keyboard is (AdministratorAccess)."""

IN_MEMORY = "SANDBOX_AWS_IN_MEMORY"
"""Environment variable that, when it is set, has the emulated AWS save nothing: a restart begins afresh."""

PROVIDERS = "SANDBOX_PROVIDERS"
"""Environment variable that chooses the AWS and EKS plugins: :data:`OFFICIAL`, or the sandbox's own stand-ins."""
OFFICIAL = "official"

CLUSTER = "sandbox"
"""Name of the cluster that the stack ``sandbox`` creates."""

LOOPBACK = "127.0.0.1"

PROJECT = Path(__file__).resolve().parent.parent
"""The Pulumi project that this sandbox belongs to: the folder of ``Pulumi.yaml``."""

PASSPHRASE = "sandbox"
"""Encrypts the secrets of the sandbox's throw-away stacks. Not a secret: it guards nothing real."""

# Below the ports that kernels lend to outgoing connections, which could take ours while the sandbox is stopped.
_PORT_RANGE = range(20_000, 32_000)

# A person's own cloud must never leak in: these beat or redirect the credentials file and endpoint that we set.
UNSET_PREFIXES = ("AWS_", "PULUMI_", "KUBERNETES_SERVICE_", "HELM_")

_OFFICIAL_PLUGINS = {
    # pulumi-aws, provider/config.go, preConfigureCallback and validateCredentials: the checks that it makes before
    # Terraform's. The account ID is still asked for, of the emulated STS, since ARNs are made of it.
    "AWS_SKIP_CREDENTIALS_VALIDATION": "true",
    "AWS_SKIP_METADATA_API_CHECK": "true",
}
"""What the official AWS plugin needs in addition to the endpoint and the credentials that every AWS SDK reads."""


@dataclass(frozen=True)
class Ports:
    """The loopback ports of one sandbox. Chosen once and kept: open shells and running processes know them."""

    emulator: int
    aws_provider: int
    eks_provider: int

    @classmethod
    def choose(cls) -> Ports:
        """One free port for each field, at random, so that two sandboxes chosen apart do not meet."""
        candidates = filter(port_is_free, random.sample(_PORT_RANGE, len(_PORT_RANGE)))
        return cls(**{field.name: next(candidates) for field in fields(cls)})


@dataclass(frozen=True)
class Layout:
    """Every path, port and environment variable of one sandbox.

    Attributes:
        root: State folder; nothing of a sandbox but the tool cache lives elsewhere. ``make sandbox-clean`` removes it.
        ports: The ports of its long-lived processes.
        project: Folder of the Pulumi program that runs in it.
        cluster: Name of the cluster that ``KUBECONFIG`` points to.
        official: Whether the official AWS and EKS plugins are used, not the stand-ins (``SANDBOX_PROVIDERS``).
    """

    root: Path
    ports: Ports
    project: Path = PROJECT
    cluster: str = CLUSTER
    official: bool = False

    @classmethod
    def load(cls, root: Path | None = None, project: Path = PROJECT) -> Layout:
        """Opens the sandbox at ``root``, choosing and saving its ports when it has none.

        Args:
            root: State folder, made when absent (mode 700). Default: ``.sandbox`` in the project.
            project: Folder of the Pulumi program.
        """
        root = (root or project / ".sandbox").absolute()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with hold_lock(root / "run" / "ports.lock"):
            ports = _read_ports(root) or _save_ports(root, Ports.choose())
        return cls(root=root, ports=ports, project=project, official=os.environ.get(PROVIDERS) == OFFICIAL)

    # -- paths ---------------------------------------------------------------------------------------------------

    @property
    def bin(self) -> Path:
        """Link to the folder of tools in the cache (pulumi, kubectl, helm, etcd, kube-apiserver ...)."""
        return self.root / "bin"

    @property
    def logs(self) -> Path:
        """One ``<process>.log`` for each long-lived process."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """One ``<process>.json`` for each running process, and the lock files."""
        return self.root / "run"

    @property
    def aws(self) -> Path:
        """State of the emulated AWS."""
        return self.root / "aws"

    @property
    def aws_credentials(self) -> Path:
        """Shared credentials file of the IAM user ``sandbox`` (mode 600), written by the emulator's launcher."""
        return self.aws / "credentials"

    @property
    def kubernetes(self) -> Path:
        """State of the control planes and of the kubelet: ``clusters/<region>/<name>/`` for each cluster."""
        return self.root / "kubernetes"

    @property
    def autoscaler_binary(self) -> Path:
        """A file that holds the path of the real Cluster Autoscaler that this sandbox was started with, if any."""
        return self.root / "cluster-autoscaler"

    @property
    def pulumi_home(self) -> Path:
        """``PULUMI_HOME``: the selected stack and the CLI's own settings, apart from the person's."""
        return self.root / "pulumi" / "home"

    @property
    def pulumi_state(self) -> Path:
        """Folder of the file backend."""
        return self.root / "pulumi" / "state"

    @property
    def kubeconfig(self) -> Path:
        """The user's kubeconfig of :attr:`cluster`; its user runs ``aws eks get-token``.

        It exists while the cluster's API server runs, so it is right after a plain ``pulumi destroy`` and ``up``.
        """
        return self.kubernetes / "kubeconfigs" / REGION / self.cluster

    @property
    def venv_bin(self) -> Path:
        """Folder of this Python: ``aws`` for kubeconfigs and the ``python3`` of the language host."""
        return Path(sys.executable).parent

    def log(self, process: str) -> Path:
        """The log file of one long-lived process."""
        return self.logs / f"{process}.log"

    def admin_kubeconfig(self, cluster: str, region: str = REGION) -> Path:
        """The control plane's own administrator kubeconfig of an emulated cluster (not the user's way in)."""
        return self.kubernetes / "clusters" / region / cluster / "admin.kubeconfig"

    # -- addresses -----------------------------------------------------------------------------------------------

    @property
    def aws_endpoint(self) -> str:
        """URL of the emulated AWS."""
        return f"http://{LOOPBACK}:{self.ports.emulator}"

    @property
    def debug_providers(self) -> str:
        """Value of ``PULUMI_DEBUG_PROVIDERS``: attaches the engine to the running provider stand-ins.

        The engine starts the Kubernetes provider, which is the real one, from the plugin cache in ``PULUMI_HOME``.
        """
        return f"aws:{self.ports.aws_provider},eks:{self.ports.eks_provider}"

    # -- environment ---------------------------------------------------------------------------------------------

    def variables(self) -> dict[str, str]:
        """What the sandbox sets, without ``PATH``: the standard variables of each tool, none of our own making."""
        helm = self.root / "helm"
        return {
            "AWS_CONFIG_FILE": str(self.aws / "config"),
            "AWS_DEFAULT_REGION": REGION,  # what boto3 and the AWS CLI 1 read; everybody else reads AWS_REGION
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.aws_endpoint,
            "AWS_PAGER": "",
            "AWS_REGION": REGION,
            "AWS_SHARED_CREDENTIALS_FILE": str(self.aws_credentials),
            "HELM_CACHE_HOME": str(helm / "cache"),
            "HELM_CONFIG_HOME": str(helm / "config"),
            "HELM_DATA_HOME": str(helm / "data"),
            "KUBECONFIG": str(self.kubeconfig),
            # With metadata, each state file gets a companion that is written in place: a `kill -9` at that moment
            # leaves it empty, and the stack cannot be read any more ("failed to load checkpoint: EOF").
            "PULUMI_BACKEND_URL": f"file://{self.pulumi_state}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_HOME": str(self.pulumi_home),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            **(_OFFICIAL_PLUGINS if self.official else self._stand_ins()),
        }

    def _stand_ins(self) -> dict[str, str]:
        return {
            "PULUMI_DEBUG_PROVIDERS": self.debug_providers,
            # Without it each run tries five times to download the plugins that PULUMI_DEBUG_PROVIDERS attaches.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    @property
    def programs(self) -> tuple[str, str]:
        """The folders that come first on ``PATH``: the sandbox's tools and this Python's folder."""
        return str(self.bin), str(self.venv_bin)

    def path(self, base: str) -> str:
        """``base``, a ``PATH``, with the sandbox's tools and this Python's folder before it."""
        own = self.programs
        return os.pathsep.join([*own, *(entry for entry in base.split(os.pathsep) if entry and entry not in own)])

    def env(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """The whole environment in which plain ``pulumi``, ``kubectl``, ``helm`` and ``aws`` work on the sandbox.

        Args:
            base: The environment to start from. Default: this process's. Its AWS, Pulumi and Helm variables are
                dropped, so that no real account can be reached by mistake.
        """
        base = os.environ if base is None else base
        kept = {name: value for name, value in base.items() if not name.startswith(UNSET_PREFIXES)}
        direct = dict.fromkeys(("NO_PROXY", "no_proxy"), _no_proxy(base))
        return kept | {"PATH": self.path(base.get("PATH", os.defpath))} | direct | self.variables()

    def exports(self, base: Mapping[str, str] | None = None) -> dict[str, str | None]:
        """What a shell must set, and unset (``None``), to get from ``base`` to :meth:`env`; sorted by name."""
        base = os.environ if base is None else base
        wanted = self.env(base)
        changes = {name: wanted.get(name) for name in {*base, *wanted} if base.get(name) != wanted.get(name)}
        return dict(sorted(changes.items()))

    # -- state ---------------------------------------------------------------------------------------------------

    def with_ports(self, **changed: int) -> Layout:
        """This layout with some ports changed, for good: they are saved."""
        return replace(self, ports=_save_ports(self.root, replace(self.ports, **changed)))


@contextmanager
def hold_lock(path: Path, before_waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds the lock file ``path`` (made when absent), waiting for it if need be; the kernel frees it if we die.

    Args:
        path: The file.
        before_waiting: Called if another process holds the lock, to report what we wait for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        if not take_lock(handle.fileno()):
            before_waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def take_lock(descriptor: int, seconds: float = 0.0) -> bool:
    """Take the lock of an open file, within so many seconds; return whether that went well."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Writes ``path`` whole or not at all: a reader, or a crash half-way, never sees a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{threading.get_native_id()}")
    draft.touch(mode)
    draft.write_text(text)
    draft.replace(path)


def _save_ports(root: Path, ports: Ports) -> Ports:
    write_atomically(root / "ports.json", json.dumps(asdict(ports), indent=2) + "\n")
    return ports


def _read_ports(root: Path) -> Ports | None:
    """The saved ports; ``None`` if there are none, or none that can be read: no saved state depends on them."""
    try:
        return Ports(**json.loads((root / "ports.json").read_text()))
    except (FileNotFoundError, TypeError, ValueError):
        return None


def port_is_free(port: int) -> bool:
    """Whether nothing listens on this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _no_proxy(base: Mapping[str, str]) -> str:
    """The ``NO_PROXY`` of ``base`` with loopback added: a corporate proxy must not be asked for 127.0.0.1."""
    known = [entry for entry in base.get("NO_PROXY", base.get("no_proxy", "")).split(",") if entry]
    return ",".join([*known, *(host for host in (LOOPBACK, "localhost") if host not in known)])
