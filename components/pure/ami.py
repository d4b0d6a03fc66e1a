"""What an AMI type of EKS fits: CPU architecture, Kubernetes versions, disks."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from . import tables
from .faults import Fault
from .versions import dotted, parse_minor

_LAST = {row["type"]: row["lastKubernetes"] for row in tables.records("ami-types.tsv")}

ARM = "arm64"
X86 = "x86_64"

CUSTOM = "CUSTOM"
"""The AMI type of a group whose launch template names the image."""

LARGEST_GP3_GIB = 65536
"""``VolumeSize`` of the EC2 API."""

BOTTLEROCKET_OS_DEVICE = "/dev/xvda"
"""Bottlerocket's system is on a separate volume, which is not the one for pods (bottlerocket-os/bottlerocket)."""


class Family(NamedTuple):
    """AMI types of one operating system.

    Attributes:
        prefix: What their names begin with.
        data_device: The device that holds the pods' storage.
        smallest_disk_gib: Size of the AMI's snapshot for that device; EC2 refuses a smaller volume. The default size of
            the volume may be larger.
    """

    prefix: str
    data_device: str
    smallest_disk_gib: int


FAMILIES = (
    # "Volume of size 10GB is smaller than snapshot, expect size >= 20GB" (awslabs/amazon-eks-ami 1581).
    Family("AL2", "/dev/xvda", 20),
    # The volume is 20 GiB by default, and its snapshot 1 GiB: bottlerocket-os/twoliter uploads the data image as it is
    # (``_register_image`` in tools/pubsys/src/aws/ami/register.rs, ``DEFAULT_DATA_IMAGE_SIZE_GIB`` in
    # tools/buildsys/src/manifest.rs); bottlerocket-os/bottlerocket 1118 shows the two sizes on AWS.
    Family("BOTTLEROCKET", "/dev/xvdb", 1),
    # The default of the EKS API for Windows.
    Family("WINDOWS", "/dev/sda1", 50),
)


def family(ami_type: str) -> Family:
    """Return the family of an AMI type; that of Amazon Linux for one that is not known."""
    return next((each for each in FAMILIES if ami_type.startswith(each.prefix)), FAMILIES[0])


def architecture(ami_type: str) -> str:
    """Return the CPU architecture of an AMI type, as EC2 spells it."""
    return ARM if "ARM_64" in ami_type else X86


def is_bottlerocket(ami_type: str) -> bool:
    """Return whether the AMI type is one of Bottlerocket."""
    return ami_type.startswith("BOTTLEROCKET")


def needs_nvidia(ami_type: str) -> bool:
    """Return whether the image is for NVIDIA GPUs."""
    return "NVIDIA" in ami_type or ami_type.endswith("_GPU")


def needs_neuron(ami_type: str) -> bool:
    """Return whether the image is for AWS Inferentia and Trainium."""
    return ami_type.endswith("_NEURON")


def is_windows(ami_type: str) -> bool:
    """Return whether the AMI type is one of Windows."""
    return ami_type.startswith("WINDOWS")


def image_parameter(ami_type: str, kubernetes_version: str) -> str:
    """Return the public SSM parameter that holds the ID of the newest image.

    "Retrieve recommended Amazon Linux AMI IDs" and "Retrieve recommended Bottlerocket AMI IDs" of the EKS user guide.

    Args:
        ami_type: AMI type of Amazon Linux 2023 or Bottlerocket.
        kubernetes_version: Kubernetes version of the nodes, major and minor.
    """
    system, _, rest = ami_type.partition("_")
    arm = architecture(ami_type) == ARM
    variant = rest.removeprefix("ARM_64" if arm else "x86_64").strip("_").replace("_", "-").lower()
    cpu = "arm64" if arm else "x86_64"
    if system == "BOTTLEROCKET":
        flavor = f"-{variant}" if variant else ""
        return f"/aws/service/bottlerocket/aws-k8s-{kubernetes_version}{flavor}/{cpu}/latest/image_id"
    folder = f"/aws/service/eks/optimized-ami/{kubernetes_version}/amazon-linux-2023"
    return f"{folder}/{cpu}/{variant}/recommended/image_id"


def disk_faults(path: str, ami_type: str, size_gib: int) -> list[Fault]:
    """Find a disk that is smaller than the AMI's snapshot."""
    smallest = family(ami_type).smallest_disk_gib
    if smallest <= size_gib <= LARGEST_GP3_GIB:
        return []
    expected = f"{smallest} to {LARGEST_GP3_GIB}: the image of {ami_type} needs {smallest} GiB"
    return [Fault(path, str(size_gib), expected)]


def version_faults(path: str, ami_type: str, kubernetes_version: object) -> list[Fault]:
    """Find an AMI type that AWS no longer publishes for a Kubernetes version; an unknown version is passed over."""
    minor = parse_minor(kubernetes_version) if isinstance(kubernetes_version, str) else None
    last = parse_minor(_LAST.get(ami_type, ""))
    if minor is None or last is None or minor <= last:
        return []
    got = f"{ami_type} for Kubernetes {dotted(minor)}"
    return [Fault(path, got, f"another AMI type, such as AL2023: AWS publishes this one up to {dotted(last)}")]


def newer_faults(path: str, kubernetes_version: object, of_cluster: object) -> list[Fault]:
    """Find nodes with a newer Kubernetes version than their cluster's (version skew policy of Kubernetes)."""
    own = parse_minor(kubernetes_version) if isinstance(kubernetes_version, str) else None
    most = parse_minor(of_cluster) if isinstance(of_cluster, str) else None
    if own is None or most is None or own <= most:
        return []
    return [
        Fault(path, repr(kubernetes_version), f"{dotted(most)}, the cluster's, at most: nodes may be older, not newer")
    ]


def release_faults(path: str, ami_type: str, release: str | None, kubernetes_version: object) -> list[Fault]:
    """Find a release of an Amazon Linux image that is for another Kubernetes version than the nodes'.

    Its name begins with the Kubernetes version (``1.35.0-20261101``); that of other images does not.
    """
    if release is None:
        return []
    if not re.fullmatch(r"[0-9A-Za-z.-]+", release):
        return [Fault(path, repr(release), "a release of the AMI, such as 1.35.0-20261101")]
    minor = parse_minor(kubernetes_version) if isinstance(kubernetes_version, str) else None
    if minor is None or not ami_type.startswith("AL2") or release.startswith(f"{dotted(minor)}."):
        return []
    return [
        Fault(path, release, f"a release for Kubernetes {dotted(minor)}, the version of the nodes, or leave it out")
    ]


def architecture_faults(path: str, ami_type: str, instance_types: Sequence[str]) -> list[Fault]:
    """Find instance types whose name shows another CPU architecture than the AMI type's."""
    wrong = [each for each in instance_types if is_graviton(each) != (architecture(ami_type) == ARM)]
    if not wrong:
        return []
    right = "an x86_64 AMI type" if architecture(ami_type) == ARM else "an ARM_64 AMI type"
    return [Fault(path, f"{ami_type} with {', '.join(wrong)}", f"{right}, or instance types with the CPU of the image")]


def is_graviton(instance_type: str) -> bool:
    """Return whether an EC2 instance type has an ARM CPU, by the naming convention of EC2.

    The letters after the generation hold a ``g`` (``m7g``, ``c6gn``, ``x2gd``, ``im4gn``), the first generation is
    ``a1``, and NVIDIA's Grace is in ``-gb200`` ("Amazon EC2 instance type naming conventions").
    """
    series = instance_type.partition(".")[0]
    options = series.lstrip("abcdefghijklmnopqrstuvwxyz-").lstrip("0123456789")
    return series == "a1" or "-gb" in options or "g" in options.partition("-")[0]


def default_type(instance_types: Sequence[str]) -> str:
    """Return the AMI type of Amazon Linux 2023 for the CPU of the instance types."""
    arm = bool(instance_types) and all(map(is_graviton, instance_types))
    return "AL2023_ARM_64_STANDARD" if arm else "AL2023_x86_64_STANDARD"
