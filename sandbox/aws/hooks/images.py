"""The EKS node images: public SSM parameters and DescribeImages, for every Kubernetes minor that the sandbox offers."""

from __future__ import annotations

from typing import Any

from ministack.services import ec2, ssm

from sandbox.aws.hooking import Hook, replace, wrap
from sandbox.aws.kubernetes_versions import IMAGE_FAMILIES, MINORS

_PUBLISHER = "602401143452"
"""The AWS account that publishes the EKS images in most regions."""

_OFFERED = [(family, minor) for family in IMAGE_FAMILIES.values() for minor in MINORS if family.offers(minor)]

_STUBS = [
    (
        family.image_id(minor),
        family.image_name(minor),
        f"EKS node image for Kubernetes {minor}",
        family.platform,
        next(iter(family.snapshots)),
        _PUBLISHER,
        "amazon",
    )
    for family, minor in _OFFERED
]

_PARAMETERS = {name: value for family, minor in _OFFERED for name, value in family.parameters(minor).items()}

_FAMILIES = {family.image_id(minor): family for family, minor in _OFFERED}


def snapshots(image_id: str) -> dict[str, int]:
    """GiB of the snapshots behind an image's devices; none for one that is not an EKS node image."""
    family = _FAMILIES.get(image_id)
    return family.snapshots if family else {}


def architecture(image_id: str) -> str:
    """The architecture of an image; ``x86_64`` for any that is not an EKS node image."""
    family = _FAMILIES.get(image_id)
    return family.architecture if family else "x86_64"


def stub_image_view(original: Any, image_id: str, *facts: Any) -> dict[str, Any]:
    """Ministack takes every public image for x86_64."""
    return {**original(image_id, *facts), "Architecture": architecture(image_id)}


HOOKS: tuple[Hook, ...] = (
    replace(ec2, "_STUB_AMIS", ec2._STUB_AMIS + _STUBS),
    replace(ssm, "_PUBLIC_AMI_PARAMETERS", ssm._PUBLIC_AMI_PARAMETERS | _PARAMETERS),
    wrap(ec2, "_stub_image_view", stub_image_view),
)
