"""The start of the program, with the protocol's messages but without the SDK around them.

The CLI starts the host twice for each command, and the whole SDK takes longer to import than all the rest of the host.
"""

import sys
from importlib.machinery import PathFinder
from types import ModuleType


def main() -> None:
    """Serves, in a process whose ``pulumi`` has nothing but ``pulumi.runtime.proto``."""
    sdk = PathFinder.find_spec("pulumi")
    [folder] = (sdk and sdk.submodule_search_locations) or [""]
    for name, location in {"pulumi": folder, "pulumi.runtime": f"{folder}/runtime"}.items():
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__path__ = [location]
    from .server import main as serve

    serve()
