"""Kubernetes Cluster Autoscaler on Amazon EKS as Pulumi components: importable package and plugin in one.

``__init__.pyi`` lists the public names. Each is loaded on first use, because the doctor needs ``pure`` only and
Pulumi's SDKs take a second to load.
"""

import re
from importlib import import_module
from pathlib import Path

__version__ = "0.1.0"

_HOMES = {
    name: home
    for home, name in re.findall(
        r"^from (\S+) import (\w+)", Path(__file__).with_suffix(".pyi").read_text(), flags=re.MULTILINE
    )
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(_HOMES[name], __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
