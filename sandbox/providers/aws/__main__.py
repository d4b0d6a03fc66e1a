"""``python -m sandbox.providers.aws --port P``: serves until it is stopped."""

import sys

from sandbox.providers.aws import catalogue
from sandbox.providers.aws.provider import AwsProvider
from sandbox.providers.rpc import Servicer, main

if __name__ == "__main__":
    sys.exit(main(Servicer(AwsProvider()), AwsProvider.package, once_ready=catalogue.load))
