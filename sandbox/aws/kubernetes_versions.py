"""The Kubernetes versions that the emulated EKS offers, and what comes with each: node images, add-ons."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

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


@dataclass(frozen=True)
class ImageFamily:
    """A kind of EKS node image.

    Attributes:
        ami_type: EKS's name of it.
        architecture: ``x86_64`` or ``arm64``.
        image: Image name; ``{minor}`` and ``{date}`` are filled in.
        parameter: Public SSM parameter folder of its newest image; ``{minor}`` is filled in.
    """

    ami_type: str
    architecture: str
    image: str
    parameter: str

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


_EKS = "/aws/service/eks/optimized-ami/{minor}"
_BOTTLEROCKET = "/aws/service/bottlerocket/aws-k8s-{minor}"

IMAGE_FAMILIES = {
    family.ami_type: family
    for family in (
        ImageFamily(
            "AL2023_x86_64_STANDARD",
            "x86_64",
            "amazon-eks-node-al2023-x86_64-standard-{minor}-v{date}",
            f"{_EKS}/amazon-linux-2023/x86_64/standard/recommended",
        ),
        ImageFamily(
            "AL2023_ARM_64_STANDARD",
            "arm64",
            "amazon-eks-node-al2023-arm64-standard-{minor}-v{date}",
            f"{_EKS}/amazon-linux-2023/arm64/standard/recommended",
        ),
        ImageFamily(
            "AL2023_x86_64_NVIDIA",
            "x86_64",
            "amazon-eks-node-al2023-x86_64-nvidia-{minor}-v{date}",
            f"{_EKS}/amazon-linux-2023/x86_64/nvidia/recommended",
        ),
        ImageFamily(
            "BOTTLEROCKET_x86_64",
            "x86_64",
            "bottlerocket-aws-k8s-{minor}-x86_64-v{date}",
            f"{_BOTTLEROCKET}/x86_64/latest",
        ),
        ImageFamily(
            "BOTTLEROCKET_ARM_64",
            "arm64",
            "bottlerocket-aws-k8s-{minor}-aarch64-v{date}",
            f"{_BOTTLEROCKET}/arm64/latest",
        ),
        ImageFamily("AL2_x86_64", "x86_64", "amazon-eks-node-{minor}-v{date}", f"{_EKS}/amazon-linux-2/recommended"),
        ImageFamily(
            "AL2_ARM_64",
            "arm64",
            "amazon-eks-arm64-node-{minor}-v{date}",
            f"{_EKS}/amazon-linux-2-arm64/recommended",
        ),
        ImageFamily(
            "AL2_x86_64_GPU",
            "x86_64",
            "amazon-eks-gpu-node-{minor}-v{date}",
            f"{_EKS}/amazon-linux-2-gpu/recommended",
        ),
    )
}
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
