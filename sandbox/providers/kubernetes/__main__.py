"""``python -m sandbox.providers.kubernetes --port P``."""

import sys

from sandbox.providers.kubernetes.provider import KubernetesProvider
from sandbox.providers.rpc import Servicer, main

if __name__ == "__main__":
    sys.exit(main(Servicer(KubernetesProvider()), "kubernetes"))
