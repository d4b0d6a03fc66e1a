"""What the doctor checks: a stack of this project by its outputs, or any cluster by its name."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .errors import CannotCheckError
from .facts import Intent, Source


@dataclass(frozen=True)
class Target:
    """A cluster, and how to reach it.

    Attributes:
        intent: What the stack deployed; None for a cluster that is only named.
        kubeconfig: Its kubeconfig as a document; None to create one from EKS, or to use a file.
        kubeconfig_file: A kubeconfig file to use instead.
        context: The context in that file.
    """

    cluster: str
    region: str
    intent: Intent | None = None
    kubeconfig: Mapping[str, Any] | None = None
    kubeconfig_file: str | None = None
    context: str | None = None


def read_stack(stack: str | None, project: Path) -> Mapping[str, Any]:
    """Return the outputs of a stack, by ``pulumi stack output``; or of the selected stack if none is named.

    Raises:
        CannotCheckError: If Pulumi is not installed, or does not know the stack.
    """
    command = ["pulumi", "stack", "output", "--json", "--non-interactive", "--cwd", str(project)]
    command += ["--stack", stack] if stack is not None else []
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    except FileNotFoundError as error:
        raise CannotCheckError(
            "The program pulumi is not on the PATH, and --stack needs it. Use --outputs FILE, or --cluster and "
            "--region."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise CannotCheckError(f"{' '.join(command)} did not answer within 2 minutes") from error
    if done.returncode:
        raise CannotCheckError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    return _outputs(done.stdout, f"the outputs of stack {stack}" if stack else "the outputs of the selected stack")


def read_outputs(file: Path) -> Mapping[str, Any]:
    """Return the outputs in a JSON file, as ``pulumi stack output --json`` prints them.

    Raises:
        CannotCheckError: If it cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotCheckError(f"{file}: {error}") from error
    return _outputs(text, str(file))


def _outputs(text: str, where: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise CannotCheckError(f"{where}: not JSON ({error})") from error
    if not isinstance(document, dict):
        raise CannotCheckError(f"{where}: got {type(document).__name__}; expected an object of outputs")
    missing = [key for key in ("clusterName", "region") if not isinstance(document.get(key), str)]
    if missing:
        raise CannotCheckError(
            f"{where}: got {', '.join(document) or 'no outputs'}; expected {' and '.join(missing)} too. "
            "Check that the stack is up and belongs to this project. For any other cluster use --cluster and --region."
        )
    return document


def target_of(outputs: Mapping[str, Any], stack: str = "") -> Target:
    """Return the target that a stack's outputs describe; the name of the stack is empty for the selected one."""
    return Target(
        cluster=str(outputs["clusterName"]),
        region=str(outputs["region"]),
        intent=replace(_intent(outputs), stack=stack),
        kubeconfig=_kubeconfig(outputs.get("kubeconfig")),
    )


def _intent(outputs: Mapping[str, Any]) -> Intent:
    def text(key: str) -> str | None:
        value = outputs.get(key)
        return value if isinstance(value, str) and value else None

    mode = text("credentialsMode")
    groups = outputs.get("nodeGroups")
    names = [each.get("asgName") for each in groups if isinstance(each, dict)] if isinstance(groups, list) else []
    return Intent(
        credentials=Source(mode) if mode in set(Source) else None,
        role_arn=text("roleArn"),
        release=text("releaseName"),
        groups=tuple(name for name in names if isinstance(name, str)),
        image_tag=text("imageTag"),
    )


def _kubeconfig(output: Any) -> Mapping[str, Any] | None:
    """The kubeconfig of the outputs: JSON text or an object; None if it is neither, such as a masked secret."""
    if isinstance(output, str):
        try:
            output = json.loads(output)
        except ValueError:
            return None
    return output if isinstance(output, dict) and "clusters" in output else None
