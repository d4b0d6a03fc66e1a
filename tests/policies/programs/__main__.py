"""Runs the program that the stack's configuration names."""

import runpy
import sys
from pathlib import Path

import pulumi

HERE = Path(__file__).resolve().parent
# The programs go by the same module names here as in the tests.
sys.path.insert(0, str(HERE.parents[2]))

name = pulumi.Config().require("program")
(program,) = HERE.rglob(f"{name}.py")
runpy.run_path(str(program))
