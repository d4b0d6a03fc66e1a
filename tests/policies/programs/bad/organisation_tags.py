"""Makes a role that nobody can be charged for."""

import json

import pulumi_aws as aws

from tests.policies.programs import parts

aws.iam.Role("untagged", assume_role_policy=json.dumps(parts.service_trust("ec2.amazonaws.com")))
