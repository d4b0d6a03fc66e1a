"""User data of nodes that EKS merges with its own: one form for each operating system.

"Customizing managed nodes with launch templates" of the EKS user guide: a MIME multi-part document for Amazon Linux,
TOML for Bottlerocket, PowerShell for Windows.
"""

import email
import re
import tomllib
from collections.abc import Iterator, Sequence
from email.message import Message
from typing import Any

from . import ami, node_config
from .faults import Fault

LARGEST = 16 * 1024
"""EC2 refuses larger user data ("Run commands when you launch an EC2 instance"); EKS adds its own part."""

MOST_PODS = 1000
"""More than any kubelet is tested with; it catches a typing error."""

_BOUNDARY = "==eks-cluster-autoscaler=="
_MIME = re.compile(r"\s*(mime-version|content-type)\s*:", re.IGNORECASE)
_PARTS = {
    "#!": "text/x-shellscript",
    "#cloud-config": "text/cloud-config",
    "#cloud-boothook": "text/cloud-boothook",
}
"""What a part of the document begins with, and its content type; a NodeConfig begins in several ways."""


def faults(path: str, pods_path: str, ami_type: str, text: object, max_pods: int | None) -> list[Fault]:
    """Find user data in the wrong form for the operating system, and a number of pods that it cannot carry or sets.

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
    if is_mime(text):
        return [*found, *_mime_faults(path, ami_type, text)]
    if content_type(text) is None:
        expected = (
            f"a script (#!/bin/bash), #cloud-config, a nodeadm NodeConfig (apiVersion: {node_config.API_VERSION}), or "
            "a MIME multi-part document of them"
        )
        found.append(Fault(path, first_line(text), expected))
    return [*found, *part_faults(path, ami_type, text)]


def part_faults(path: str, ami_type: str, text: str) -> list[Fault]:
    """Find what is wrong with one part for Amazon Linux: a NodeConfig that no nodeadm reads, or not as it is meant.

    Args:
        path: Path of the user data.
        ami_type: AMI type of the group.
        text: The part.
    """
    if content_type(text) != node_config.CONTENT_TYPE:
        return []
    if not ami_type.startswith("AL2023"):
        return [Fault(path, f"a NodeConfig with {ami_type}", "an AL2023 AMI type: only that image has nodeadm")]
    return node_config.faults(path, text)


def document(ami_type: str, text: str | None, max_pods: int | None) -> str | None:
    """Return the user data for the launch template; None if there is none."""
    if ami.is_bottlerocket(ami_type):
        return text if max_pods is None else _toml_with(text or "", max_pods)
    if text is not None and (ami.is_windows(ami_type) or is_mime(text)):
        return text if max_pods is None else _mime_with(text, _node_config(max_pods))
    parts = [part for part in (text, None if max_pods is None else _node_config(max_pods)) if part]
    return multipart(parts) if parts else None


def _node_config(max_pods: int) -> str:
    """Return the nodeadm configuration for a number of pods.

    A flag, because EKS appends a NodeConfig with ``maxPods`` and the last value of ``config`` wins, while flags are
    joined (``nodeadm/internal/api/merge.go`` of awslabs/amazon-eks-ami) and the kubelet prefers them to its file.
    """
    return (
        f"---\napiVersion: {node_config.API_VERSION}\nkind: {node_config.KIND}\n"
        f"spec:\n  kubelet:\n    flags:\n      - --max-pods={max_pods}\n"
    )


def multipart(parts: Sequence[str]) -> str:
    """Return a MIME multi-part document of parts that :func:`content_type` knows."""
    head = f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="{_BOUNDARY}"\n\n'
    body = "".join(f"--{_BOUNDARY}\nContent-Type: {content_type(part)}\n\n{part.rstrip()}\n\n" for part in parts)
    return f"{head}{body}--{_BOUNDARY}--\n"


def content_type(text: str) -> str | None:
    """Return the content type of a part for Amazon Linux, judged by how it begins; None if it is none."""
    begun = text.lstrip()
    if kind := next((kind for mark, kind in _PARTS.items() if begun.startswith(mark)), None):
        return kind
    return node_config.CONTENT_TYPE if node_config.is_one(text) else None


def is_mime(text: str) -> bool:
    """Return whether user data is a MIME document, judged by how it begins."""
    return _MIME.match(text) is not None


def _mime_faults(path: str, ami_type: str, text: str) -> list[Fault]:
    whole = email.message_from_string(text.lstrip())
    parts = whole.get_payload()
    if not isinstance(parts, list) or not parts:
        expected = (
            "a MIME multi-part document: Content-Type: multipart/mixed; boundary=…, and a part between boundaries"
        )
        return [Fault(path, first_line(text), expected)]
    readable = (_text_of(part) for part in parts if isinstance(part, Message) and _is_node_config(part))
    return [fault for part in readable if part is not None for fault in part_faults(path, ami_type, part)]


def _is_node_config(part: Message) -> bool:
    return part.get_content_type() == node_config.CONTENT_TYPE


def _text_of(part: Message) -> str | None:
    """Return a part that is plain text; None for one that is packed: nodeadm unpacks base64 and gzip."""
    payload: Any = part.get_payload(decode=True)
    try:
        text = bytes(payload).decode()
    except UnicodeDecodeError:
        return None
    # Base64 has no colon, and every NodeConfig has.
    return text if ":" in text else None


def _mime_with(text: str, part: str) -> str:
    """Return a MIME multi-part document with one more part, its last."""
    boundary = email.message_from_string(text.lstrip()).get_boundary()
    closing = f"--{boundary}--"
    before = text.rstrip().removesuffix(closing)
    return f"{before.rstrip()}\n\n--{boundary}\nContent-Type: {content_type(part)}\n\n{part.rstrip()}\n\n{closing}\n"


def _pods_faults(path: str, ami_type: str, text: object, max_pods: int) -> list[Fault]:
    if not (ami.is_bottlerocket(ami_type) or ami_type.startswith("AL2023")):
        return [
            Fault(path, f"{max_pods} with {ami_type}", "an AL2023 or Bottlerocket AMI type, or the limit in userData")
        ]
    found = []
    if not 1 <= max_pods <= MOST_PODS:
        found.append(Fault(path, str(max_pods), f"1 to {MOST_PODS}"))
    readable = ami.is_bottlerocket(ami_type) and isinstance(text, str) and not toml_faults("", text)
    if readable and _toml_with(str(text), max_pods) is None:
        found.append(Fault(path, f"{max_pods} with an inline table in userData", "the table '[settings.kubernetes]'"))
    return found


def toml_faults(path: str, text: str) -> list[Fault]:
    """Find user data for Bottlerocket that is not TOML, and a number of pods in it that the tags do not know."""
    try:
        settings = tomllib.loads(text).get("settings", {})
    except tomllib.TOMLDecodeError as error:
        return [Fault(path, first_line(text), f"TOML, for Bottlerocket ({error})")]
    kubernetes = settings.get("kubernetes", {}) if isinstance(settings, dict) else {}
    if not isinstance(kubernetes, dict):
        return [Fault(path, f"'settings.kubernetes = {kubernetes}'", "a table")]
    if "max-pods" in kubernetes:
        return [node_config.pods_fault(path, f"max-pods = {kubernetes['max-pods']}")]
    return []


def _toml_with(text: str, max_pods: int) -> str | None:
    """Return user data for Bottlerocket with a number of pods; None if nothing can be added to its table of Kubernetes.

    TOML has each table once, so the number goes into the one that exists.
    """
    number = f"max-pods = {max_pods}"
    wanted = tomllib.loads(text)
    wanted.setdefault("settings", {}).setdefault("kubernetes", {})["max-pods"] = max_pods
    for candidate in _toml_candidates(text.rstrip(), number):
        try:
            if tomllib.loads(candidate) == wanted:
                return f"{candidate.lstrip()}\n"
        except tomllib.TOMLDecodeError:
            continue
    return None


def _toml_candidates(text: str, number: str) -> Iterator[str]:
    yield f"{text}\n[settings.kubernetes]\n{number}"
    yield re.sub(r"^(\s*\[\s*settings\s*\.\s*kubernetes\s*\].*)$", rf"\1\n{number}", text, count=1, flags=re.MULTILINE)
    yield re.sub(r"^(\s*\[\s*settings\s*\].*)$", rf"\1\nkubernetes.{number}", text, count=1, flags=re.MULTILINE)
    yield f"settings.kubernetes.{number}\n{text}"


def first_line(text: str) -> str:
    """Return the beginning of user data, for an error."""
    return repr(text.strip().partition("\n")[0][:60])
