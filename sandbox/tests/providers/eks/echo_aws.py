"""A provider that claims every ``aws`` and ``kubernetes`` resource to exist just as it was asked for.

It lets the real engine run the component without a cloud. What AWS would assign is known to it for clusters only.
"""

from sandbox.providers.differences import Difference, compare
from sandbox.providers.rpc import Checked, Provider, State
from sandbox.providers.values import UNKNOWN

ISSUER = "https://oidc.invalid/id/ABC"


class Echo(Provider):
    version = "7.0.0"

    def __init__(self, package):
        self.package = package
        self.made = {}

    def configure(self, config):
        return None

    def check(self, call, old_inputs, inputs, naming):
        return Checked(inputs)

    def diff(self, call, old, inputs, ignored):
        return Difference(compare(old.inputs, inputs), of_inputs=True)

    def create(self, call, inputs, preview):
        self.made[call.resource.name] = call.resource.type, inputs
        return State("" if preview else f"{call.resource.name}-id", self._outputs(call.resource, inputs, preview))

    def update(self, call, old, inputs, preview):
        return self._outputs(call.resource, inputs, preview)

    def read(self, call, old):
        return old

    def delete(self, call, old):
        self.made.pop(call.resource.name, None)

    def invoke(self, session, token, args):
        answers = {
            "aws:index/getPartition:getPartition": {"partition": "aws-cn"},
            "aws:eks/getAddonVersion:getAddonVersion": {"version": f"v1-of-{args.get('addonName')}"},
        }
        return answers[token]

    def _outputs(self, resource, inputs, preview):
        name = inputs.get("name") or resource.name
        assigned = {"arn": f"arn:aws-cn:service:cn-north-1:123456789012:{resource.name}", "name": name}
        if resource.type == "aws:eks/cluster:Cluster":
            own_group = {**inputs["vpcConfig"], "clusterSecurityGroupId": "sg-of-eks"}
            assigned |= {
                "endpoint": "https://endpoint.invalid",
                "certificateAuthority": {"data": "Q0E="},
                "identities": [{"oidcs": [{"issuer": ISSUER}]}],
                "vpcConfig": own_group,
            }
        return {**inputs, **(dict.fromkeys(assigned, UNKNOWN) if preview else assigned)}
