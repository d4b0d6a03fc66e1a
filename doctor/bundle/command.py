"""``ca-doctor bundle``: write everything that the doctor reads into one redacted file."""

import re
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from .. import clients
from ..explain import reading
from ..options import (
    Place,
    connector,
    with_place,
)
from . import archive
from .contents import Contents

PACKAGE = "pulumi-eks-cluster-autoscaler"


@with_place
def bundle(
    place: Place,
    file: Annotated[
        Path | None, typer.Argument(help="File to write. Default: ca-doctor-CLUSTER-TIME.tar.gz.", show_default=False)
    ] = None,
    mask_accounts: Annotated[
        bool, typer.Option("--mask-accounts", help="Also replace AWS account ids, the same id by the same number.")
    ] = False,
) -> None:
    """Write one redacted file with everything that `check` and `explain` read. Nothing is changed.

    It has no Secret, no token and no value of an environment variable. `check --bundle FILE` and `explain --bundle
    FILE` work on it offline.
    """
    target = place.target()
    now = datetime.now(UTC)
    aws = clients.Aws(target.region)
    snapshot, state = reading.take(target, aws, connector(target, aws), now)
    name = re.sub(r"[^\w.-]", "-", target.cluster)
    path = file or Path(f"ca-doctor-{name}-{now:%Y%m%dT%H%M%SZ}.tar.gz")
    size = archive.write(path, Contents(snapshot, state, tool_version()), mask_accounts)
    accounts = "Account ids are masked." if mask_accounts else "Account ids are kept; --mask-accounts replaces them."
    sys.stdout.write(
        f"{target.cluster} ({target.region}): wrote {path} ({max(1, size // 1024)} KiB).\n"
        f"Secrets are redacted: read the file before you share it. {accounts}\n"
        f"To work on it offline: ca-doctor check --bundle {path}\n"
    )


def tool_version() -> str:
    """Return the version of this package; ``checkout`` where it is not installed."""
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        return "checkout"
