"""Takes long-lived keys from an IAM user. The key is the example of the AWS documentation."""

from tests.policies.programs import parts

parts.release(parts.chart_values() | {"awsAccessKeyID": "AKIA" + "IOSFODNN7EXAMPLE"})
