"""User data of nodes that EKS merges with its own: one form for each operating system.

"Customizing managed nodes with launch templates" of the EKS user guide: a MIME multi-part document for Amazon Linux,
TOML for Bottlerocket, PowerShell for Windows.
"""

import tomllib
from collections.abc import Sequence

from . import ami
from .faults import Fault

LARGEST = 16 * 1024
"""EC2 refuses larger user data ("Run commands when you launch an EC2 instance"); EKS adds its own part."""

MOST_PODS = 1000
"""More than any kubelet is tested with; it catches a typing error."""

_BOUNDARY = "==eks-cluster-autoscaler=="
MIME = "MIME-Version:"
NODE_CONFIG = "apiVersion: node.eks.aws/"
_PARTS = {
    "#!": "text/x-shellscript",
    "#cloud-config": "text/cloud-config",
    "#cloud-boothook": "text/cloud-boothook",
    NODE_CONFIG: "application/node.eks.aws",
}
"""What a part of the document begins with, and its content type."""


def faults(path: str, pods_path: str, ami_type: str, text: object, max_pods: int | None) -> list[Fault]:
    """Find user data in the wrong form for the operating system, and a number of pods that it cannot carry.

    Args:
        path: Path of the user data.
        pods_path: Path of the number of pods.
        ami_type: AMI type of the group.
        text: The user data; an Output is checked when it is known.
        max_pods: Number of pods for the kubelet; None leaves it to EKS.
    """
    found = []
    if max_pods is not None:
        found += _pods_faults(pods_path, ami_type, text, max_pods)
    if not isinstance(text, str):
        return found
    if len(text.encode()) > LARGEST:
        found.append(Fault(path, f"{len(text.encode())} bytes", f"{LARGEST} at most, the limit of EC2"))
    if ami.is_bottlerocket(ami_type):
        return found + toml_faults(path, text)
    if ami.is_windows(ami_type):
        begins = text.lstrip().lower().startswith("<powershell>")
        return found if begins else [*found, Fault(path, first_line(text), "<powershell>…</powershell>, for Windows")]
    if not text.lstrip().startswith(MIME) and content_type(text) is None:
        expected = (
            "a script (#!/bin/bash), #cloud-config, a nodeadm NodeConfig (apiVersion: node.eks.aws/v1alpha1), or a "
            "MIME multi-part document of them"
        )
        found.append(Fault(path, first_line(text), expected))
    if NODE_CONFIG in text and not ami_type.startswith("AL2023"):
        found.append(Fault(path, f"a NodeConfig with {ami_type}", "an AL2023 AMI type: only that image has nodeadm"))
    return found


def document(ami_type: str, text: str | None, max_pods: int | None) -> str | None:
    """Return the user data for the launch template; None if there is none."""
    if ami.is_bottlerocket(ami_type):
        pods = f"[settings.kubernetes]\nmax-pods = {max_pods}" if max_pods is not None else None
        return "\n".join(part.rstrip() for part in (text, pods) if part) + "\n" if text or pods else None
    if text is not None and (ami.is_windows(ami_type) or text.lstrip().startswith(MIME)):
        return text
    parts = [part for part in (text, None if max_pods is None else _node_config(max_pods)) if part]
    return multipart(parts) if parts else None


def _node_config(max_pods: int) -> str:
    """Return the nodeadm configuration for a number of pods.

    A flag, because EKS appends a NodeConfig with ``maxPods`` and the last value of ``config`` wins, while flags are
    joined (``nodeadm/internal/api/merge.go`` of awslabs/amazon-eks-ami) and the kubelet prefers them to its file.
    """
    return (
        f"---\n{NODE_CONFIG}v1alpha1\nkind: NodeConfig\nspec:\n  kubelet:\n    flags:\n      - --max-pods={max_pods}\n"
    )


def multipart(parts: Sequence[str]) -> str:
    """Return a MIME multi-part document of parts that :func:`content_type` knows."""
    head = f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="{_BOUNDARY}"\n\n'
    body = "".join(f"--{_BOUNDARY}\nContent-Type: {content_type(part)}\n\n{part.rstrip()}\n\n" for part in parts)
    return f"{head}{body}--{_BOUNDARY}--\n"


def content_type(text: str) -> str | None:
    """Return the content type of a part for Amazon Linux, judged by how it begins; None if it is none."""
    begun = text.lstrip().removeprefix("---").lstrip()
    return next((kind for mark, kind in _PARTS.items() if begun.startswith(mark)), None)


def _pods_faults(path: str, ami_type: str, text: object, max_pods: int) -> list[Fault]:
    if not (ami.is_bottlerocket(ami_type) or ami_type.startswith("AL2023")):
        return [
            Fault(path, f"{max_pods} with {ami_type}", "an AL2023 or Bottlerocket AMI type, or the limit in userData")
        ]
    found = []
    if not 1 <= max_pods <= MOST_PODS:
        found.append(Fault(path, str(max_pods), f"1 to {MOST_PODS}"))
    whole = isinstance(text, str) and (
        _sets_kubernetes(text) if ami.is_bottlerocket(ami_type) else text.lstrip().startswith(MIME)
    )
    if whole:
        found.append(Fault(path, f"{max_pods} with a whole document in userData", "one of them: set the limit there"))
    return found


def _sets_kubernetes(text: str) -> bool:
    try:
        return "kubernetes" in tomllib.loads(text).get("settings", {})
    except tomllib.TOMLDecodeError:
        return False


def toml_faults(path: str, text: str) -> list[Fault]:
    """Find user data for Bottlerocket that is not TOML."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return [Fault(path, first_line(text), f"TOML, for Bottlerocket ({error})")]
    return []


def first_line(text: str) -> str:
    """Return the beginning of user data, for an error."""
    return repr(text.strip().partition("\n")[0][:60])
