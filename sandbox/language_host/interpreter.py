"""Which Python runs a program, plugin or policy pack, as the ``runtime`` options of its YAML file choose."""

import os
import subprocess
import sys
from pathlib import Path

from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import language_pb2


class UnsupportedOption(Exception):
    """A runtime option that this stand-in does not honour, or that names something that does not exist."""


def python_for(info: language_pb2.ProgramInfo) -> str:
    """The interpreter for ``info``: its ``virtualenv``, else ``PULUMI_PYTHON_CMD``, else the one running this host.

    Raises:
        UnsupportedOption: The virtual environment is missing, or an option is none of ours.
    """
    virtualenv = virtualenv_of(info)
    if virtualenv is None:
        return os.environ.get("PULUMI_PYTHON_CMD", sys.executable)
    python = virtualenv / "bin" / "python"
    if not python.exists():
        option = MessageToDict(info.options)["virtualenv"]
        raise UnsupportedOption(
            f"The 'virtualenv' option of {info.root_directory} is {option!r}, but {python} does not exist.\n"
            f"Make it: python3 -m venv {virtualenv}, then install the requirements into it."
        )
    return str(python)


def virtualenv_of(info: language_pb2.ProgramInfo) -> Path | None:
    """Return the folder of the ``virtualenv`` option, ``None`` without that option.

    Raises:
        UnsupportedOption: An option is none of ours.
    """
    options = MessageToDict(info.options)
    toolchain = options.pop("toolchain", "pip")
    virtualenv = options.pop("virtualenv", None)
    unknown = [*options] if toolchain == "pip" else [f"toolchain: {toolchain}", *options]
    if unknown:
        raise UnsupportedOption(
            f"The sandbox's Python language host knows `virtualenv` and `toolchain: pip`, not `{'`, `'.join(unknown)}` "
            f"(runtime options of {info.root_directory})."
        )
    return Path(info.root_directory, virtualenv) if virtualenv else None


def version_of(python: str) -> str:
    """The version of an interpreter, such as ``3.11.7``."""
    answer = subprocess.run([python, "--version"], capture_output=True, text=True, check=True)
    return answer.stdout.removeprefix("Python").strip()
