"""The version of a chart on this machine.

Helm installs a local chart whatever version is requested, so the version in its Chart.yaml decides what fits.
"""

import tarfile
import zlib
from pathlib import Path, PurePosixPath

import yaml

from .pure.faults import Fault
from .values import NAME

_EXPECTED = f"a folder or a packed chart (.tgz) with the Chart.yaml of {NAME}"


def read(location: str) -> tuple[str | None, list[Fault]]:
    """Return the version of the chart at a path, or why it cannot be read.

    Args:
        location: A chart's folder or a packed chart; a relative path is seen from the program's folder, as the
            Kubernetes provider sees it.

    Returns:
        The version and no faults, or None and the faults.
    """
    path = Path(location)
    try:
        if not path.exists():
            expected = "an OCI reference (oci://…), or the path of a chart: its folder, or a packed one (.tgz)"
            return None, [Fault("", repr(location), f"{expected}, seen from the program's folder")]
        metadata = yaml.safe_load(_chart_yaml(path))
        name, version = metadata.get("name"), metadata.get("version")
    except (OSError, EOFError, ValueError, AttributeError, tarfile.TarError, zlib.error, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        return None, [Fault("", f"{location!r}, whose Chart.yaml cannot be read ({reason})", _EXPECTED)]
    if name != NAME:
        return None, [Fault("", f"{location!r}, the chart {name!r}", _EXPECTED)]
    if not isinstance(version, str):
        return None, [Fault("", f"{location!r}, whose Chart.yaml has no version", _EXPECTED)]
    return version, []


def _chart_yaml(path: Path) -> bytes:
    if path.is_dir():
        return (path / "Chart.yaml").read_bytes()
    with tarfile.open(path, "r:gz") as packed:
        for member in packed:
            # Directly below the one folder of the archive; deeper ones belong to charts that this one depends on.
            inside = PurePosixPath(member.name).parts[1:]
            if inside == ("Chart.yaml",) and (file := packed.extractfile(member)):
                return file.read()
    raise ValueError("there is none in the archive")
