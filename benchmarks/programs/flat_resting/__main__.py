"""The flat program with Python's garbage collector at rest, as this project's own program has it."""

import gc

gc.disable()

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).parents[1] / "flat" / "__main__.py"), run_name="__main__")
