"""Which packages does the program load before its first line of work, and for how long?"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections import Counter
from typing import Any

from benchmarks.measuring import rounds, run, spread
from benchmarks.options import Options
from benchmarks.tables import table, told
from sandbox.layout import PROJECT

_LINE = re.compile(r"^import time:\s*(\d+) \|\s*\d+ \|\s*([\w.]+)$", re.MULTILINE)

OURS, STANDARD_LIBRARY = "this project", "Python's standard library"
_OURS = {"components", "settings", "outputs"}
_SHOWN = 12
"""How many packages get a row of their own."""


def statements() -> str:
    """The imports of the program, and nothing else of it."""
    tree = ast.parse((PROJECT / "__main__.py").read_text())
    return "\n".join(ast.unparse(node) for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom)))


def by_package(said: str) -> Counter[str]:
    """Microseconds by top-level package, each module's own alone, from what ``-X importtime`` prints."""
    found: Counter[str] = Counter()
    for own, module in _LINE.findall(said):
        package = module.partition(".")[0]
        if package in sys.stdlib_module_names:
            package = STANDARD_LIBRARY
        found[OURS if package in _OURS else package] += int(own)
    return found


def measure(options: Options) -> dict[str, Any]:
    """Rounds of the program's imports in a fresh interpreter, with the garbage collector at rest as in the program."""
    command = [sys.executable, "-X", "importtime", "-c", f"import gc; gc.disable()\n{statements()}"]
    runs = rounds(options.rounds, {"": lambda: run(command, env=os.environ, folder=PROJECT)})[""]
    found = [by_package(run.said) for run in runs]
    packages = sorted({package for each in found for package in each})
    return {
        "rounds": options.rounds,
        "modules": len(_LINE.findall(runs[0].said)),
        "milliseconds": {package: spread([each[package] / 1000 for each in found]) for package in packages},
        "inAll": spread([each.total() / 1000 for each in found]),
    }


def section(figures: dict[str, Any]) -> str:
    """The figures as Markdown."""
    longest = sorted(figures["milliseconds"].items(), key=lambda entry: -entry[1]["median"])
    shown = [(package, told(cost, 0)) for package, cost in longest[:_SHOWN]]
    rest = sum(cost["median"] for _, cost in longest[_SHOWN:])
    ours = figures["milliseconds"][OURS]["median"]
    return "\n\n".join(
        [
            f"The imports of `__main__.py` in a fresh interpreter (`python -X importtime`), {figures['rounds']} "
            f"rounds: {figures['modules']} modules in {told(figures['inAll'], 0)} ms, of which {ours:.0f} ms are "
            "this project's own. Each module's own time in milliseconds, by package:",
            table(["package", "ms"], [*shown, (f"{len(longest) - len(shown)} others", f"{rest:.0f}")]),
        ]
    )
