"""Opens the API to the internet, in two halves."""

from tests.policies.programs import parts

parts.cluster(public_access_cidrs=["0.0.0.0/1", "128.0.0.0/1"])
