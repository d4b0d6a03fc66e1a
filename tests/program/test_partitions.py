"""The program in the partitions of AWS GovCloud and China: every ARN is of the cluster's own partition."""

import json

import pytest

from tests.cloud import REGION, Cloud
from tests.program.test_program import run_program

PARTITIONS = [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
CREATED = {
    "name": "made",
    "create": {
        "kubernetesVersion": "1.35",
        "network": {"zones": ["{region}a", "{region}b"], "endpoints": {}},
        "role": {"namePrefix": "org-"},
        "adminPrincipalArns": ["arn:{partition}:iam::123456789012:role/admins"],
    },
}


class Elsewhere(Cloud):
    """A cloud in another region, of another partition."""

    def __init__(self, region, partition):
        super().__init__()
        self._moves = {
            "arn:aws:": f"arn:{partition}:",
            '"partition": "aws"': f'"partition": "{partition}"',
            REGION: region,
        }
        if partition == "aws-cn":
            self.reverse_dns_prefix = "cn.com.amazonaws"
            self.endpoints_in = {"ec2": "cn.com.amazonaws"}

    def _moved(self, answer):
        text = json.dumps(answer)
        for here, there in self._moves.items():
            text = text.replace(here, there)
        return json.loads(text)

    def created_cluster(self, name, version):
        return self._moved(super().created_cluster(name, version))

    def new_resource(self, args):
        resource_id, state = super().new_resource(args)
        return resource_id, self._moved(state)

    def call(self, args):
        return self._moved(super().call(args))


@pytest.mark.parametrize(("region", "partition"), PARTITIONS)
@pytest.mark.parametrize("credentials", ["irsa", "podIdentity", "nodeRole"])
@pytest.mark.parametrize("created", [False, True], ids=["adopted", "created"])
def test_every_arn_is_of_the_partition_of_the_cluster(region, partition, credentials, created):
    changes = {"region": region, "credentials": credentials}
    if created:
        text = json.dumps(CREATED).replace("{region}", region).replace("{partition}", partition)
        changes["cluster"] = json.loads(text)
    graph = run_program("dev", cloud=Elsewhere(region, partition), **changes)
    inputs = {found.urn: json.dumps(found.inputs, default=str) for found in graph.registrations}
    assert [urn for urn, text in inputs.items() if "arn:aws:" in text or REGION in text] == []
    assert sum(f"arn:{partition}:" in text for text in inputs.values()) >= 3
    trusts = [found.inputs["assumeRolePolicy"] for found in graph.of("aws:iam/role:Role") if "-node" in found.name]
    assert trusts
    assert all(("ec2.amazonaws.com.cn" in trust) is (partition == "aws-cn") for trust in trusts)
    assert f"arn:{partition}:" in graph.stack_outputs()["policyDocument"]


def test_in_china_each_endpoint_has_the_name_that_the_region_has_for_the_service():
    text = json.dumps(CREATED).replace("{region}", "cn-north-1").replace("{partition}", "aws-cn")
    graph = run_program("dev", cloud=Elsewhere("cn-north-1", "aws-cn"), region="cn-north-1", cluster=json.loads(text))
    names = {found.inputs["serviceName"] for found in graph.of("aws:ec2/vpcEndpoint:VpcEndpoint")}
    assert {"cn.com.amazonaws.cn-north-1.ec2", "com.amazonaws.cn-north-1.s3"} <= names
