"""``python -m sandbox.providers.eks --port P``."""

import sys

from sandbox.providers.eks.provider import EksPackage, EksServicer
from sandbox.providers.rpc import main

if __name__ == "__main__":
    sys.exit(main(EksServicer(EksPackage()), "eks"))
