"""Which program a pod's process is: Cluster Autoscaler, the real one if there is one, else the stand-in; or ``aws``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.autoscaler import RELEASE_VARIABLE
from sandbox.autoscaler.release import UnknownReleaseError, of_image
from sandbox.kubelet.pod_spec import AWS_CLI, program_of
from sandbox.layout import LOOPBACK, PROJECT

# Sets the host name that follows, in a namespace, and becomes the command after it.
_RENAMED = ("unshare", "--user", "--map-root-user", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"')
_OVERRIDDEN = ("autoscaling", "ec2", "eks", "sts")


class ImageError(Exception):
    """There is no program for the pod's image; the message contains the reason."""


@dataclass(frozen=True)
class Command:
    """A process to start, and the files that it needs."""

    words: tuple[str, ...]
    variables: Mapping[str, str]
    files: Mapping[Path, str]


@dataclass(frozen=True)
class Place:
    """Where a process runs.

    Attributes:
        pod: The pod's name.
        folder: The pod's folder.
        kubeconfig: The kubeconfig of its service account.
        port: The port for its health and metrics.
        aws_endpoint: URL of the emulated AWS.
        metadata_url: URL of its node's instance metadata service.
        region: Region of the cluster.
    """

    pod: str
    folder: Path
    kubeconfig: Path
    port: int
    aws_endpoint: str
    metadata_url: str
    region: str


@dataclass(frozen=True)
class RealProgram:
    """The real Cluster Autoscaler.

    Attributes:
        path: Its binary.
        can_be_renamed: Whether its processes can have separate host names, as containers have. In leader election
            only the host name distinguishes them.
    """

    path: str
    can_be_renamed: bool

    @classmethod
    def at(cls, path: str) -> RealProgram:
        """Return the binary at this path."""
        return cls(path, _can_rename())


def command(
    real: RealProgram | None, image: str, arguments: list[str], variables: dict[str, str], place: Place
) -> Command:
    """The process for a pod.

    What is added stands in for a container's network and file system: the flags that a local process needs, and the
    emulated AWS where the names of AWS would lead. The pod's variables win over all but these.

    Args:
        real: The real Cluster Autoscaler; ``None`` for the stand-in.
        image: Image of the pod's container.
        arguments: Its arguments.
        variables: Its variables, the injected ones among them.
        place: Where it runs.

    Raises:
        ImageError: The stand-in cannot play the release that the image names.
    """
    # Nothing of the person's own: no home folder with AWS settings, no proxy for what is on loopback.
    base = {"HOME": str(place.folder), "PATH": os.defpath, "AWS_EC2_METADATA_SERVICE_ENDPOINT": place.metadata_url}
    if program_of(image) == AWS_CLI:
        words = (sys.executable, str(Path(sys.executable).with_name(AWS_CLI)), *arguments)
        # The image has version 2, which reads AWS_REGION and can do without; ours is version 1, which cannot.
        region = {"AWS_DEFAULT_REGION": variables.get("AWS_REGION", place.region)}
        return Command(words, base | region | variables | {"AWS_ENDPOINT_URL": place.aws_endpoint}, {})
    own_flags = [f"--kubeconfig={place.kubeconfig}", f"--address={LOOPBACK}:{place.port}"]
    if real:
        cloud_config = place.folder / "cloud.conf"
        network = {"AWS_ENDPOINT_URL_STS": place.aws_endpoint, "AWS_ENDPOINT_URL_EC2": place.aws_endpoint}
        emulation = [f"--cloud-config={cloud_config}", "--aws-use-static-instance-list=true"]
        renaming = (*_RENAMED, place.pod) if real.can_be_renamed else ()
        return Command(
            (*renaming, real.path, *arguments, *own_flags, *emulation),
            base | variables | network,
            {cloud_config: _cloud_config(variables.get("AWS_REGION", place.region), place.aws_endpoint)},
        )
    try:
        release = of_image(image)
    except UnknownReleaseError as error:
        raise ImageError(str(error)) from None
    network = {"AWS_ENDPOINT_URL": place.aws_endpoint, "PYTHONPATH": str(PROJECT), RELEASE_VARIABLE: release}
    words = (sys.executable, "-m", "sandbox.autoscaler", *arguments, *own_flags)
    return Command(words, base | variables | network, {})


def _can_rename() -> bool:
    """Whether this machine lets us start processes with separate host names: Linux with user namespaces."""
    try:
        return subprocess.run([*_RENAMED, "probe", "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _cloud_config(region: str, endpoint: str) -> str:
    """Return Cluster Autoscaler's own way to another endpoint: its three clients of AWS know no other.

    An override holds only in the region that it names (cloudprovider/aws/aws_util.go): that of the pod, right or wrong.
    """
    sections = (
        f'[ServiceOverride "{number}"]\n'
        f"Service = {service}\n"
        f"Region = {region}\n"
        f"URL = {endpoint}\n"
        f"SigningRegion = {region}\n"
        for number, service in enumerate(_OVERRIDDEN, start=1)
    )
    return "\n".join(sections)
