"""Type-checks the Python examples, strictly, with the package under the name that it has when it is installed."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: list[str]) -> int:
    """Run mypy; its exit code."""
    parser = argparse.ArgumentParser(prog="python scripts/check_examples.py", description=__doc__)
    parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "eks_cluster_autoscaler").symlink_to(ROOT / "components")
        programs = sorted((ROOT / "examples").glob("*/__main__.py"))
        for program in programs:
            # All are called __main__.py, of which mypy takes but one.
            (folder / f"{program.parent.name.replace('-', '_')}.py").write_text(program.read_text())
        found = [path.name for path in folder.glob("*.py")]
        cache = ["--cache-dir", str(ROOT / ".mypy_cache"), "--config-file", str(ROOT / "pyproject.toml")]
        command = [sys.executable, "-m", "mypy", *cache, *found]
        return subprocess.run(command, cwd=folder, env=os.environ | {"MYPYPATH": name}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
