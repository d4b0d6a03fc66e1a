"""The Kubernetes versions that the emulated EKS offers, and what comes with each: node images, add-ons."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import botocore.session

from sandbox import versions
from sandbox.aws.errors import ApiError

MINORS = tuple(row["minor"] for row in versions.rows("kubernetes.tsv"))
"""Offered minor versions, oldest first."""

DEFAULT_MINOR = MINORS[-2]
"""What CreateCluster takes when no version is asked for; EKS too stays one behind the newest."""

IMAGE_DATE = "20260101"
"""Date in the names of all node images. The images are the sandbox's own: the ids mean nothing on AWS."""


def check_minor(version: str) -> str:
    """``version`` if EKS offers it.

    Raises:
        ApiError: It does not.
    """
    if version not in MINORS:
        raise ApiError(
            "InvalidParameterException",
            f"unsupported Kubernetes version {version}: expected one of {', '.join(MINORS)}",
        )
    return version


_LAST_MINORS = {row["type"]: row["lastKubernetes"] for row in versions.rows("ami-types.tsv")}

_EKS = "/aws/service/eks/optimized-ami/{minor}"
_BOTTLEROCKET = "/aws/service/bottlerocket/aws-k8s-{minor}"
_WINDOWS = "/aws/service/ami-windows-latest/Windows_Server"


@dataclass(frozen=True)
class ImageFamily:
    """A kind of EKS node image.

    Attributes:
        ami_type: EKS's name of it.
        image: Image name; ``{minor}`` and ``{date}`` are filled in.
        parameter: Public SSM parameter folder of its newest image; ``{minor}`` is filled in.
    """

    ami_type: str
    image: str
    parameter: str

    @property
    def architecture(self) -> str:
        """``x86_64`` or ``arm64``."""
        return "arm64" if "_ARM_64" in self.ami_type else "x86_64"

    @property
    def operating_system(self) -> str:
        """``linux`` or ``windows``, as Kubernetes calls them."""
        return "windows" if self.ami_type.startswith("WINDOWS_") else "linux"

    @property
    def platform(self) -> str:
        """EC2's ``Platform``: empty for all but Windows."""
        return "windows" if self.operating_system == "windows" else ""

    @property
    def snapshots(self) -> dict[str, int]:
        """GiB of the snapshots behind the image's devices, the root device first: no volume may be smaller.

        Amazon Linux: 20 (cilium/cilium#43051 quotes EC2's refusal, awslabs/amazon-eks-ami#1581). Bottlerocket: 2 for
        the OS, 4 with the NVIDIA drivers (aws/karpenter-provider-aws#2400 quotes EC2's refusal; ``os-image-size-gib``
        in variants/*-nvidia/Cargo.toml), and 1 for the data (bottlerocket-os/bottlerocket#1118: the data volume of 20
        is a default of the image, not the size of its snapshot). Windows: 50, EKS's default for it (API reference,
        CreateNodegroup, ``diskSize``); its hard minimum is not verified.
        """
        if self.ami_type.startswith("BOTTLEROCKET_"):
            return {"/dev/xvda": 4 if "_NVIDIA" in self.ami_type else 2, "/dev/xvdb": 1}
        return {"/dev/sda1": 50} if self.operating_system == "windows" else {"/dev/xvda": 20}

    def offers(self, minor: str) -> bool:
        """Whether there is an image of this family for the Kubernetes minor."""
        last = _LAST_MINORS[self.ami_type]
        return not last or MINORS.index(minor) <= MINORS.index(last)

    def image_name(self, minor: str) -> str:
        """The name of its image for the Kubernetes minor."""
        return self.image.format(minor=minor, date=IMAGE_DATE)

    def image_id(self, minor: str) -> str:
        """The id of that image, the same in every region and run."""
        return "ami-" + hashlib.sha256(self.image_name(minor).encode()).hexdigest()[:17]

    def parameters(self, minor: str) -> dict[str, str]:
        """Its public SSM parameters for the Kubernetes minor."""
        folder = self.parameter.format(minor=minor)
        facts = {
            "image_id": self.image_id(minor),
            "image_name": self.image_name(minor),
            "release_version": release_version(minor),
        }
        if folder.startswith("/aws/service/bottlerocket"):
            return {f"{folder}/image_id": facts["image_id"], f"{folder}/image_version": IMAGE_DATE}
        return {folder: json.dumps({"schema_version": "2", **facts})} | {
            f"{folder}/{name}": value for name, value in facts.items()
        }


def _families() -> Iterator[ImageFamily]:
    """One family for each AMI type of EKS's own model, so that none is forgotten when the SDK is upgraded.

    Raises:
        ValueError: The model has an AMI type of a kind that is not known here.
    """
    model: Any = botocore.session.get_session().get_service_model("eks")
    for ami_type in model.shape_for("AMITypes").enum:
        if ami_type == "CUSTOM":
            continue
        system, _, rest = ami_type.partition("_")
        arm = "_ARM_64" in ami_type
        architecture, short = ("arm64", "arm64") if arm else ("x86_64", "x86_64")
        variant = rest.replace("x86_64", "").replace("ARM_64", "").strip("_").lower().replace("_", "-")
        if system == "AL2023":
            image = f"amazon-eks-node-al2023-{architecture}-{variant}-{{minor}}-v{{date}}"
            folder = f"{_EKS}/amazon-linux-2023/{architecture}/{variant}/recommended"
        elif system == "AL2":
            middle = "-gpu" if variant == "gpu" else "-arm64" if arm else ""
            image = f"amazon-eks{middle}-node-{{minor}}-v{{date}}"
            folder = f"{_EKS}/amazon-linux-2{middle}/recommended"
        elif system == "BOTTLEROCKET":
            flavour = f"-{variant}" if variant else ""
            image = f"bottlerocket-aws-k8s-{{minor}}{flavour}-{'aarch64' if arm else short}-v{{date}}"
            folder = f"{_BOTTLEROCKET}{flavour}/{architecture}/latest"
        elif system == "WINDOWS":
            edition, year = variant.split("-")
            named = f"{year}-English-{edition.capitalize()}-EKS_Optimized-{{minor}}"
            image, folder = f"Windows_Server-{named}-{{date}}", f"{_WINDOWS}-{named}"
        else:
            raise ValueError(f"the AMI type {ami_type} is of no kind that the sandbox knows")
        yield ImageFamily(ami_type, image, folder)


IMAGE_FAMILIES = {family.ami_type: family for family in _families()}
"""Node images by AMI type."""


def release_version(minor: str) -> str:
    """The release version of all node images of a Kubernetes minor."""
    return f"{minor}.0-{IMAGE_DATE}"


@dataclass(frozen=True)
class AddonKind:
    """An EKS add-on that the sandbox knows, with one version of it for each Kubernetes minor."""

    name: str
    kind: str
    version: str

    def version_for(self, minor: str) -> str:
        """Its only version for the Kubernetes minor."""
        return self.version.format(minor=minor)


ADDONS = {
    addon.name: addon
    for addon in (
        AddonKind("vpc-cni", "networking", "v1.20.4-eksbuild.1"),
        AddonKind("coredns", "networking", "v1.12.4-eksbuild.1"),
        AddonKind("kube-proxy", "networking", "v{minor}.0-eksbuild.1"),
        AddonKind("eks-pod-identity-agent", "security", "v1.3.9-eksbuild.1"),
    )
}
"""Known add-ons by name."""


def addon(name: str) -> AddonKind:
    """The add-on of this name.

    Raises:
        ApiError: The sandbox does not know it.
    """
    if name not in ADDONS:
        raise ApiError(
            "InvalidParameterException", f"Addon {name} specified is not supported: expected {', '.join(ADDONS)}"
        )
    return ADDONS[name]
