"""Which tools a sandbox needs, where each is built from, and which version of it on ``PATH`` would do as well.

The versions themselves are pinned, with checksums, in the ``go.mod`` and ``go.sum`` of each family's folder next to
this file. To raise one: edit its ``go.mod``, run ``go mod tidy`` there, and commit both files.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

FAMILIES = Path(__file__).resolve().parent


@dataclass(frozen=True)
class ModuleFile:
    """A file inside a Go module."""

    module: str
    path: str


@dataclass(frozen=True)
class Tool:
    """One tool, taken or built as a whole.

    Attributes:
        name: Its program, as found on ``PATH``.
        family: Folder next to this file that holds the ``go.mod`` to build it in.
        module: Go module whose version is the tool's version.
        packages: Program to build -> Go package of its ``main``.
        version_arguments: What makes it print its version.
        accepts: Versions on ``PATH`` that would do (PEP 440 specifier).
        linker_flags: ``-X`` settings; ``{version}``, ``{major}`` and ``{minor}`` are filled in.
        scripts: Scripts that Go modules ship, to put next to the programs.
        companions: Programs that must be next to the tool on ``PATH``.
        embeds: File below :attr:`folder` that a package embeds -> where it comes from. It is only there while Go runs.
        plugin: Folder in Pulumi's plugin cache that the engine starts the tool from; empty if it is run from ``PATH``.
        part_of: Tool that brings this one along if it is the machine's own.
        note: What a user should know about its version; shown by ``make sandbox``.
    """

    name: str
    family: str
    module: str
    packages: Mapping[str, str]
    version_arguments: tuple[str, ...]
    accepts: str
    linker_flags: tuple[str, ...] = ()
    scripts: tuple[ModuleFile, ...] = ()
    companions: tuple[str, ...] = ()
    embeds: Mapping[str, ModuleFile] = field(default_factory=dict)
    plugin: str = ""
    part_of: str = ""
    note: str = ""

    @property
    def folder(self) -> Path:
        """The Go module that the tool is built in."""
        return FAMILIES / self.family

    @property
    def version(self) -> str:
        """The pinned version without ``v``, read from ``go.mod``."""
        return pinned(self.folder, self.module)

    @property
    def title(self) -> str:
        """Name and version for a line of progress: the commit where the module has no release."""
        release, _, source = self.version.partition("-")
        return f"{self.name} {source.rpartition('-')[2][:7] or release}"

    @property
    def ldflags(self) -> str:
        """The linker's flags: no symbol tables, and the version that the program prints."""
        major, minor, _ = self.version.split(".", 2)
        settings = [f"-X {flag.format(version=self.version, major=major, minor=minor)}" for flag in self.linker_flags]
        return " ".join(["-s -w", *settings])

    @property
    def fingerprint(self) -> str:
        """Changes with whatever the build is made of; names the tool's folder in the cache."""
        digest = hashlib.sha256(repr((dict(self.packages), self.ldflags, self.scripts)).encode())
        for source in sorted(self.folder.rglob("*")):
            if source.is_file():
                digest.update(source.read_bytes())
        return f"{self.name}-{self.version}-{digest.hexdigest()[:8]}"


def pinned(folder: Path, module: str) -> str:
    """The version, without ``v``, of a module that the ``go.mod`` in a folder requires.

    Raises:
        LookupError: It does not.
    """
    pin = re.search(rf"^(?:require|\s)\s*{re.escape(module)} v(\S+)", (folder / "go.mod").read_text(), re.MULTILINE)
    if pin is None:
        raise LookupError(f"{folder / 'go.mod'} does not require {module}")
    return pin[1]


KUBERNETES_MINOR = pinned(FAMILIES / "kubernetes", "k8s.io/kubernetes").rpartition(".")[0]
"""The newest Kubernetes that the sandbox can serve, and the one that it serves where no other is asked for."""


def _kubernetes(name: str, *version_arguments: str) -> Tool:
    flags = {"gitVersion": "v{version}", "gitMajor": "{major}", "gitMinor": "{minor}"}
    return Tool(
        name=name,
        family="kubernetes",
        module="k8s.io/kubernetes",
        packages={name: f"k8s.io/kubernetes/cmd/{name}"},
        version_arguments=version_arguments,
        accepts=f"~={KUBERNETES_MINOR}.0",
        linker_flags=tuple(f"k8s.io/component-base/version.{flag}={value}" for flag, value in flags.items()),
    )


_PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"
_KUBERNETES_PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"
_KUBERNETES_SDK_VERSION = metadata.version("pulumi-kubernetes")

TOOLS = (
    Tool(
        name="pulumi",
        family="pulumi",
        module="github.com/pulumi/pulumi/pkg/v3",
        packages={"pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", "pulumi-python-sdkgen": "./sdkgen"},
        version_arguments=("version",),
        accepts="~=3.259",
        # Without a version the CLI takes itself for a development build, which the Automation API refuses.
        linker_flags=("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{version}",),
        scripts=(
            ModuleFile(_PULUMI_SDK, "python/cmd/pulumi-language-python-exec"),  # runs a program
            ModuleFile(_PULUMI_SDK, "python/dist/pulumi-resource-pulumi-python"),  # runs dynamic providers
        ),
        companions=("pulumi-language-python", "pulumi-language-python-exec"),
    ),
    Tool(
        name="pulumi-resource-kubernetes",
        family="pulumi-plugins",
        module=_KUBERNETES_PROVIDER,
        packages={"pulumi-resource-kubernetes": "./kubernetes"},
        version_arguments=(),
        accepts=f"=={_KUBERNETES_SDK_VERSION}",
        # The engine warns on every run if a plugin is older than the SDK asks for. `note` gives the true version.
        linker_flags=(f"{_KUBERNETES_PROVIDER}/pkg/version.Version={_KUBERNETES_SDK_VERSION}",),
        # The module ships both files, but not the copies of them that its own main package embeds.
        embeds={
            f"kubernetes/{name}": ModuleFile(_KUBERNETES_PROVIDER, f"cmd/pulumi-resource-kubernetes/{name}")
            for name in ("schema.json", "terraform-mapping.json")
        },
        plugin=f"resource-kubernetes-v{_KUBERNETES_SDK_VERSION}",
        note=(
            "Kubernetes provider: built from the public source of 2026-01-14, after 4.24.0.\n"
            f"It reports {_KUBERNETES_SDK_VERSION}, the version that the Python SDK asks for."
        ),
    ),
    Tool(
        name="etcd",
        family="etcd",
        module="go.etcd.io/etcd/server/v3",
        packages={"etcd": "go.etcd.io/etcd/server/v3"},
        version_arguments=("--version",),
        accepts="~=3.6.0",
    ),
    _kubernetes("kube-apiserver", "--version"),
    _kubernetes("kube-scheduler", "--version"),
    _kubernetes("kube-controller-manager", "--version"),
    _kubernetes("kubectl", "version", "--client"),
    Tool(
        # Compiled with the Kubernetes provider, since neither compiles with the CLI's own version of pulumi/pkg.
        name="pulumi-language-yaml",
        family="pulumi-plugins",
        module="github.com/pulumi/pulumi-yaml",
        packages={"pulumi-language-yaml": "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"},
        version_arguments=(),
        accepts="~=1.25",
        linker_flags=("github.com/pulumi/pulumi-yaml/pkg/version.Version=v{version}",),
        part_of="pulumi",
    ),
    Tool(
        name="helm",
        # The Kubernetes provider's own Helm: almost all of it is compiled already.
        family="pulumi-plugins",
        module="helm.sh/helm/v3",
        packages={"helm": "helm.sh/helm/v3/cmd/helm"},
        version_arguments=("version", "--short"),
        accepts="~=3.17",
        linker_flags=("helm.sh/helm/v3/internal/version.version=v{version}",),
    ),
    Tool(
        name="kwok",
        family="kwok",
        module="sigs.k8s.io/kwok",
        packages={"kwok": "sigs.k8s.io/kwok/cmd/kwok"},
        version_arguments=("--version",),
        accepts="~=0.8.0",
    ),
)
