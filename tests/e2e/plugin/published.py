"""The plugin as Pulumi gets it from git."""

import shutil
import subprocess
from pathlib import Path

from tests.markdown import ROOT


def published(folder: Path) -> Path:
    """Clone the repository into an empty folder, as the next commit would have it; return the plugin's folder."""
    _git("clone", "--quiet", str(ROOT), str(folder))
    for name in filter(None, _git("ls-files", "-z", "--modified", "--others", "--exclude-standard").split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
    return folder / "components"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout
