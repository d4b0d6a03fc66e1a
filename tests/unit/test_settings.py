"""Settings: what is refused, with which words, and that nothing but a list of faults ever comes back."""

import contextlib
import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import settings
from components.errors import FaultsError
from components.pure.arguments import camel_case, known_paths
from settings.reading import provider_faults
from tests.versions import NEWEST_MINOR, newest_image

ROOT = Path(__file__).parents[2]
GOOD = {
    "region": "us-east-1",
    "cluster": {"name": "series-api"},
    "nodeGroups": [{"name": "general", "minSize": 1, "maxSize": 3}],
}
GROUP = GOOD["nodeGroups"][0]


def parse(config):
    return settings.parse(
        {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    )


def group(**changes):
    return {"nodeGroups": [{**GROUP, **changes}]}


ASG = {"minSize": 1, "maxSize": 3}
CHINESE = "arn:aws-cn:iam::123456789012"


def asg(**changes):
    return {"autoScalingGroups": [{"name": "mixed", "create": {**ASG, **changes}}]}


def create(**changes):
    base = {"kubernetesVersion": "1.35", "network": {"zones": ["us-east-1a", "us-east-1b"]}}
    return {"cluster": {"name": "series-api", "create": {**base, **changes}}}


def own_vpc(**changes):
    base = {"network": None, "vpcId": "vpc-00000001", "privateSubnetIds": ["subnet-00000001", "subnet-00000002"]}
    return create(**{**base, **changes})


def isolated(**changes):
    return create(network={"zones": ["us-east-1a", "us-east-1b"], "nat": False, "endpoints": {}, **changes})


def autoscaler(**changes):
    return {"autoscaler": changes}


def headroom(*, flags=None, **changes):
    entry = {"name": "web", "cpu": "1", "memory": "2Gi", **changes}
    return {"headroom": [entry], **autoscaler(flags=flags or {})}


ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


def in_ecr(**changes):
    return autoscaler(image={"repository": f"{ECR}/ca"}, **changes)


def dra(change, **entry):
    """With Dynamic Resource Allocation, and further keys of the self-managed group."""
    for group in change.get("autoScalingGroups", []):
        group.update(entry)
    return {**change, **autoscaler(flags={"enable-dynamic-resource-allocation": True})}


def priorities(expression):
    return autoscaler(expander="priority", expanderPriorities={"10": [expression]})


# Each row: what is changed in good settings, and the whole line (or its end) that must be reported.
BAD = [
    # Top level
    ({"region": "virginia"}, "region: got 'virginia'; expected an AWS region such as us-east-1"),
    ({"region": ""}, "region: got ''; expected an AWS region"),
    ({"regoin": "x"}, "regoin: got an unknown key; expected a known key, such as region"),
    ({"expander": "random"}, "expander: got an unknown key; expected a known key, such as autoscaler.expander"),
    ({"nodeGroups": [{**GROUP, "acelerator": "x"}]}, "nodeGroups[0].acelerator: got an unknown key; expected a known key, such as nodeGroups[].gpu.accelerator"),
    ({"zzz": "x"}, "zzz: got an unknown key; expected one of region, accountId, cluster, nodeGroups"),
    ({"accountId": "42"}, "accountId: got '42'; expected an AWS account ID of twelve digits, in quotes"),
    ({"credentials": "keys"}, "credentials: got 'keys'; expected one of irsa, podIdentity, nodeRole"),
    ({"credentials": "nodeRole", "nodeGroups": []}, "expected a node group as well"),
    ({"tags": "team"}, "tags: got 'team'; expected an object or a list"),
    ({"tags": {"team": 5}}, "tags['team']: got 5; expected a string: write \"5\" in quotes"),
    ({"tags": {"eks:cluster-autoscaler/enabled": "true"}}, "tags['eks:cluster-autoscaler/enabled']: got the prefix eks:cluster-autoscaler/; expected the prefix k8s.io/cluster-autoscaler/"),
    ({"tags": {"aws:team": "x"}}, "tags['aws:team']: got 'aws:team'; expected another prefix"),
    ({"tags": {"team": "a*b"}}, "tags['team']: got 'a*b'; expected a tag value of letters, digits"),
    ({"tags": {"": "x"}}, "tags['']: got a tag key of 0 characters; expected 1 to 128"),
    ({"tags": {f"t{n}": "x" for n in range(51)}}, "tags: got 51 tags; expected 50 at most"),
    ({"tags": {"owner": "data", "Owner": "data"}}, "tags['Owner']: got 'Owner' and 'owner'; expected one of them"),
    # What EKS or the kubelet refuses, and what Cluster Autoscaler itself needs
    (group(labels={"node-role.kubernetes.io/worker": "true"}), "nodeGroups[0].labels['node-role.kubernetes.io/worker']: got"),
    (group(amiType="AL2023_x86_64_STANDARD", instanceTypes=["t4g.medium"]), "nodeGroups[0].amiType: got AL2023_x86_64_STANDARD with t4g.medium"),
    ({**create(), **group(amiType="AL2_x86_64")}, "nodeGroups[0].amiType: got AL2_x86_64 for Kubernetes 1.35"),
    ({**create(), "nodeGroups": []}, "nodeGroups: got no group; expected a Linux group with minSize 1 or more"),
    ({**create(), **group(minSize=0)}, "nodeGroups: got groups that are empty, tainted or Windows at first"),
    ({**create(), "nodeGroups": [{**GROUP, "onePerZone": True}, {**GROUP, "name": "general-us-east-1a"}]}, "nodeGroups[1].name: got 'general-us-east-1a'; expected another name: general makes"),
    # Cluster
    ({"cluster": {}}, "cluster: got neither name nor stack"),
    ({"cluster": {"name": "a", "stack": "organization/b/c"}}, "cluster: got both name and stack"),
    ({"cluster": {"name": ""}}, "cluster.name: got ''; expected an EKS cluster name"),
    ({"cluster": {"stack": ""}}, "cluster.stack: got ''; expected the stack whose output names the cluster"),
    ({"cluster": {"name": "-api"}}, "cluster.name: got '-api'; expected an EKS cluster name"),
    ({"cluster": "series-api"}, "cluster: got 'series-api'; expected an object or a list"),
    ({"cluster": ["series-api"]}, 'cluster: got ["series-api"]; expected an object with keys'),
    ({"cluster": {"nam": "a"}}, "cluster.nam: got an unknown key; expected a known key, such as name"),
    ({"cluster": {"stack": "o/p/s", "create": {"kubernetesVersion": "1.35"}}}, "cluster.create: got create without name"),
    (create(kubernetesVersion=1.35), 'cluster.create.kubernetesVersion: got 1.35; expected a string: put what you wrote in quotes, because without them 1.30 is'),
    (create(kubernetesVersion="1.28"), "cluster.create.kubernetesVersion: got Kubernetes 1.28; expected 1.29 or later"),
    (create(kubernetesVersion="latest"), "cluster.create.kubernetesVersion: got 'latest'; expected a Kubernetes version"),
    (create(network=None), "cluster.create: got no network; expected network, to make one, or vpcId with privateSubnetIds"),
    (create(vpcId="vpc-1", privateSubnetIds=["subnet-00000001"]), "cluster.create: got both network and vpcId or subnets; expected network"),
    (create(privateSubnetIds=["subnet-00000001"]), "cluster.create: got both network and vpcId or subnets; expected network"),
    (create(network=None, vpcId="vpc-00000001"), "cluster.create: got no network; expected"),
    (create(network={"zones": ["us-east-1a"]}), "cluster.create.network.zones: got ['us-east-1a']; expected two to eight"),
    (create(network={"zones": ["a", "b"]}), "cluster.create.network.zones[0]: got 'a'; expected an availability zone"),
    (create(network={"zones": ["us-east-1a", "us-east-1b"], "cidr": "10.0.0.0/24"}), "expected a prefix of /16 to /20"),
    (create(network={"zones": ["us-east-1a", "us-east-1b"], "cidr": "ten"}), "cluster.create.network.cidr: got 'ten'"),
    (create(publicAccessCidrs=["0.0.0.0/0"]), "the whole internet is refused"),
    (create(publicAccessCidrs=["home"]), "cluster.create.publicAccessCidrs[0]: got 'home'; expected a network"),
    (create(adminPrincipalArns=["admin"]), "cluster.create.adminPrincipalArns[0]: got 'admin'; expected the ARN of an IAM role or user"),
    (create(kubernetesVersion="v1.35.0"), "cluster.create.kubernetesVersion: got 'v1.35.0'; expected a Kubernetes version such as 1.35"),
    (own_vpc(vpcId="main"), "cluster.create.vpcId: got 'main'; expected a VPC's ID: vpc-…"),
    (own_vpc(privateSubnetIds=["subnet-00000001"]), "cluster.create.privateSubnetIds: got one subnet; expected two subnets at least, in two zones"),
    (own_vpc(privateSubnetIds=["subnet-00000001", "b"]), "cluster.create.privateSubnetIds[1]: got 'b'; expected a subnet ID"),
    (own_vpc(publicSubnetIds=["b"]), "cluster.create.publicSubnetIds[0]: got 'b'; expected a subnet ID"),
    ({"region": "eu-central-1", **create()}, "cluster.create.network.zones[1]: got 'us-east-1b'; expected a zone of eu-central-1, such as eu-central-1a"),
    # Node groups
    (group(name="a b/c!"), "nodeGroups[0].name: got 'a b/c!'; expected 1 to 40 letters, digits, - and _"),
    (group(name="a" * 41), "expected 1 to 40 letters"),
    (group(kubernetesVersion="latest"), "nodeGroups[0].kubernetesVersion: got 'latest'; expected a Kubernetes version such as 1.35"),
    ({**create(), **group(kubernetesVersion="1.36")}, "nodeGroups[0].kubernetesVersion: got '1.36'; expected 1.35, the cluster's, at most"),
    (group(gpu={"accelerator": ""}), "nodeGroups[0].gpu.accelerator: got ''; expected the GPU's name"),
    (group(gpu={"accelerator": "a b"}), "nodeGroups[0].gpu.accelerator: got 'a b'; expected a label value"),
    (group(gpu={"accelerator": "nvidia-l4", "resource": ""}), "nodeGroups[0].gpu.resource: got ''; expected a Kubernetes key"),
    (group(minSize=4), "nodeGroups[0].minSize: got 4; expected at most maxSize (3)"),
    (group(minSize=-1), "nodeGroups[0].minSize: got -1; expected 0 or more"),
    (group(minSize=0, maxSize=0), "nodeGroups[0].maxSize: got 0; expected 1 or more"),
    (group(desiredSize=9), "nodeGroups[0].desiredSize: got 9; expected minSize to maxSize (1 to 3)"),
    (group(minSize="1"), "nodeGroups[0].minSize: got '1'; expected a whole number, without quotes"),
    (group(minsize=1), "nodeGroups[0].minsize: got an unknown key; expected the key minSize"),
    (group(name=""), "nodeGroups[0].name: got ''; expected 1 to 40 letters"),
    ({"nodeGroups": [GROUP, GROUP]}, "nodeGroups: got the name general twice; expected each name once"),
    ({"nodeGroups": [{"name": "general"}]}, "nodeGroups[0].minSize: got nothing; expected a value: this key is required"),
    (group(instanceTypes=[]), "nodeGroups[0].instanceTypes: got 0 instance types; expected 1 to 20"),
    (group(instanceTypes=["large"]), "nodeGroups[0].instanceTypes[0]: got 'large'; expected an instance type such as m6i.large"),
    (group(capacityType="spot"), "nodeGroups[0].capacityType: got 'spot'; expected one of ON_DEMAND, SPOT, CAPACITY_BLOCK"),
    (group(amiType="UBUNTU"), "nodeGroups[0].amiType: got 'UBUNTU'; expected one of AL2023_x86_64_STANDARD"),
    (group(diskSizeGib=4), "nodeGroups[0].diskSizeGib: got 4; expected 20 to 65536"),
    (group(subnetIds=[]), "nodeGroups[0].subnetIds: got no subnet; expected one subnet at least"),
    (group(subnetIds=["vpc-1"]), "nodeGroups[0].subnetIds[0]: got 'vpc-1'; expected a subnet ID"),
    (group(onePerZone=True), "nodeGroups[0].subnetIds: got none with onePerZone"),
    ({**group(onePerZone=True), **autoscaler(balanceSimilarNodeGroups=False)}, "autoscaler.balanceSimilarNodeGroups: got false with onePerZone; expected true, or leave balanceSimilarNodeGroups out"),
    (group(labels={"a b": "x"}), "nodeGroups[0].labels['a b']: got 'a b'; expected a Kubernetes key"),
    (group(labels={"a": "x y"}), "nodeGroups[0].labels['a']: got 'x y'; expected a label value"),
    (group(labels={"eks.amazonaws.com/nodegroup": "x"}), "another prefix: EKS reserves kubernetes.io/, k8s.io/, eks.amazonaws.com/"),
    (group(labels={"a": True}), "nodeGroups[0].labels['a']: got true; expected a string: write \"true\" in quotes"),
    (group(taints=[{"key": "a", "effect": "NO_SCHEDULE"}]), "nodeGroups[0].taints[0].effect: got 'NO_SCHEDULE'; expected Kubernetes' spelling, NoSchedule"),
    (group(taints=[{"key": "a", "effect": "Never"}]), "nodeGroups[0].taints[0].effect: got 'Never'; expected one of NoSchedule"),
    (group(taints=[{"key": "a"}]), "nodeGroups[0].taints[0].effect: got nothing"),
    (group(taints=[{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoExecute"}]), "expected each taint key once"),
    (group(gpu={"accelerator": "nvidia-l4", "count": 0}), "nodeGroups[0].gpu.count: got 0; expected 1 to 16"),
    (group(resources={"example.com/fpga": "lots"}), "nodeGroups[0].resources['example.com/fpga']: got 'lots'; expected a Kubernetes quantity"),
    (group(autoscalingOptions={"maxnodeprovisiontime": "5m"}), "nodeGroups[0].autoscalingOptions.maxnodeprovisiontime: got an option unknown on AWS"),
    (group(autoscalingOptions={"scaledownutilizationthreshold": 7}), "expected a number from 0 to 1"),
    (group(labels={f"l{n}": "x" for n in range(47)}), "nodeGroups[0].labels: got 51 tags in addition to the 3 that EKS adds; expected 47 at most"),
    (group(labels={f"{'a' * 90}.example.com/b": "x"}), "example.com/b']: got a tag key of 150 characters; expected 1 to 128"),
    (group(updateSettings={}), "nodeGroups[0].updateSettings: got 0 settings; expected one of"),
    (group(updateSettings={"maxUnavailablePercentage": 0}), "nodeGroups[0].updateSettings.maxUnavailablePercentage: got 0"),
    (group(nodeRoleArn="nodes"), "nodeGroups[0].nodeRoleArn: got 'nodes'; expected the ARN of an IAM role"),
    (group(warmPool={"poolState": "COLD"}), "nodeGroups[0].warmPool.poolState: got 'COLD'; expected one of STOPPED, RUNNING, HIBERNATED"),
    (group(warmPool={}, capacityType="SPOT"), "nodeGroups[0].warmPool: got a warm pool with capacityType SPOT; expected capacityType ON_DEMAND, or no warmPool"),
    ({**group(warmPool={}), "region": "cn-north-1"}, "nodeGroups[0].warmPool: got a warm pool in cn-north-1; expected no warmPool: EKS has no warm pools in the regions of China"),
    (group(amiType="CUSTOM"), "nodeGroups[0].amiType: got CUSTOM; expected a launchTemplate that names the image"),
    (group(iops=2000), "nodeGroups[0].iops: got 2000; expected 3000 to 25000"),
    (group(userData="echo"), "nodeGroups[0].userData: got 'echo'; expected a script"),
    (group(launchTemplate={"id": "lt-00000001", "version": 3}), "nodeGroups[0].launchTemplate.version: got 3; expected a string"),
    (group(launchTemplate={"id": "lt-00000001", "version": "3"}, hopLimit=1), "nodeGroups[0].hopLimit: got one; expected none with launchTemplate"),
    (create(network={"zones": ["us-east-1a", "us-east-1-bos-1a"]}), "cluster.create.network.zones[1]: got 'us-east-1-bos-1a'; expected an availability zone: EKS cannot use"),
    ({**create(), **group(amiType="WINDOWS_CORE_2022_x86_64")}, "nodeGroups[0].amiType: got WINDOWS_CORE_2022_x86_64 on a cluster to create; expected a Linux AMI type"),
    (isolated(endpoints={"services": ["s3!"]}), "cluster.create.network.endpoints.services[0]: got 's3!'; expected the part of"),
    (create(network={"zones": ["us-east-1a", "us-east-1b"], "nat": False}), "cluster.create.network.nat: got false without endpoints"),
    ({"cluster": {"name": "c", "ipFamily": "ipv6"}, "region": "cn-north-1"}, "cluster.ipFamily: got ipv6 in cn-north-1; expected ipv4, or none: EKS has no IPv6"),
    ({"cluster": {"name": "c", "ipFamily": "v6"}}, "cluster.ipFamily: got 'v6'; expected one of ipv4, ipv6"),
    (group(hopLimit=3), "nodeGroups[0].hopLimit: got 3; expected 1 to 2"),
    ({**group(hopLimit=1), "credentials": "nodeRole"}, "nodeGroups[0].hopLimit: got 1 with credentials nodeRole; expected 2, or leave hopLimit out"),
    ({"existingNodeGroups": [{"name": ""}]}, "existingNodeGroups[0].name: got ''"),
    ({"autoScalingGroups": [{"name": "a:b"}]}, "autoScalingGroups[0].name: got 'a:b'; expected the name of an Auto Scaling group"),
    ({"autoScalingGroups": [{"name": "a"}, {"name": "a"}]}, "autoScalingGroups: got the name a twice"),
    ({"autoScalingGroups": [{"name": "a", "taints": [{"key": "a", "effect": "No"}]}]}, "autoScalingGroups[0].taints[0].effect"),
    (asg(minSize=9), "autoScalingGroups[0].create.minSize: got 9; expected at most maxSize (3)"),
    (asg(hopLimit=3), "autoScalingGroups[0].create.hopLimit: got 3; expected 1 to 2"),
    ({**asg(hopLimit=1), "credentials": "nodeRole"}, "autoScalingGroups[0].create.hopLimit: got 1 with credentials nodeRole; expected 2, or leave hopLimit out"),
    ({**create(), **asg(kubernetesVersion="1.36")}, "autoScalingGroups[0].create.kubernetesVersion: got '1.36'; expected 1.35, the cluster's, at most"),
    ({**asg(), "tags": {"k8s.io/cluster-autoscaler/enabled": "false"}}, "tags['k8s.io/cluster-autoscaler/enabled']: got"),
    ({"tags": {f"t{n}": "x" for n in range(30)}, "autoScalingGroups": [{"name": "m", "labels": {f"l{n}": "x" for n in range(20)}, "create": ASG}]}, "autoScalingGroups[0].labels: got 24 tags in addition to the 31 of the owning cluster and from tags; expected 19 at most: AWS allows 50 on an Auto Scaling Group; declare fewer labels, taints, resources, tags or"),
    ({"autoScalingGroups": [{"name": "m", "autoscalingOptions": {}, "labels": {f"l{n}": "x" for n in range(49)}}]}, "autoScalingGroups[0].labels: got 51 tags; expected 50 at most"),
    (asg(amiType="AL2_x86_64"), "autoScalingGroups[0].create.amiType: got 'AL2_x86_64'; expected one of AL2023"),
    (asg(instancesDistribution={"spotAllocationStrategy": "x"}), "autoScalingGroups[0].create.instancesDistribution.spotAllocationStrategy: got 'x'"),
    (asg(labels={"a": "b"}), "autoScalingGroups[0].create.labels: got an unknown key"),
    (asg(instanceRequirements={"vcpuCount": {"min": 2}}), "autoScalingGroups[0].create.instanceRequirements: got an unknown key; expected instanceTypes: a list of types of equal size"),
    ({"autoScalingGroups": [{"name": "a" * 41, "create": ASG}]}, "autoScalingGroups[0].name: got"),
    ({"autoScalingGroups": [{"name": "a", "labels": {"k8s.io/x": "b"}, "create": ASG}]}, "autoScalingGroups[0].labels['k8s.io/x']: got 'k8s.io/x'"),
    ({"existingNodeGroups": [{"name": "a b"}]}, "existingNodeGroups[0].name: got 'a b'; expected 1 to 63 letters"),
    ({"existingNodeGroups": [{"name": "w", "taints": [{"key": "a", "effect": "No"}]}]}, "existingNodeGroups[0].taints[0].effect"),
    # Role, provider
    ({"role": {"permissionsBoundaryArn": "x"}}, "role.permissionsBoundaryArn: got 'x'; expected the ARN of an IAM policy"),
    ({"role": {"path": "platform"}}, "role.path: got 'platform'; expected an IAM path"),
    ({"role": {"namePrefix": "a" * 40}}, "characters at most"),
    ({"role": {"namePrefix": "a b/"}}, "role.namePrefix: got 'a b/'; expected letters, digits and"),
    ({"oidcProvider": {"existingArn": "x"}}, "oidcProvider.existingArn: got an unknown key; expected create: false; the provider is"),
    ({"existingNodeGroups": [{"name": "a", "keepDiscoveryTags": True}]}, "existingNodeGroups[0].keepDiscoveryTags: got an unknown key; expected one of labels"),
    ({"oidcProvider": {"lookUp": True}}, "oidcProvider.lookUp: got an unknown key; expected create: false"),
    # ARNs of another place
    (group(nodeRolePolicies=[f"{CHINESE}:policy/ssm"]), f"nodeGroups[0].nodeRolePolicies[0]: got '{CHINESE}:policy/ssm'; expected an ARN of the partition aws, which has the region us-east-1: arn:aws:…"),
    ({"role": {"permissionsBoundaryArn": f"{CHINESE}:policy/limit"}}, f"role.permissionsBoundaryArn: got '{CHINESE}:policy/limit'; expected an ARN of the partition aws"),
    ({"region": "cn-north-1", "role": {"permissionsBoundaryArn": "arn:aws:iam::123456789012:policy/limit"}}, "expected an ARN of the partition aws-cn, which has the region cn-north-1: arn:aws-cn:…"),
    (group(kmsKeyArn="arn:aws:kms:eu-west-1:123456789012:key/a"), "nodeGroups[0].kmsKeyArn: got 'arn:aws:kms:eu-west-1:123456789012:key/a'; expected an ARN of us-east-1, the region of the cluster"),
    (asg(kmsKeyArn="arn:aws:kms:eu-west-1:123456789012:key/a"), "autoScalingGroups[0].create.kmsKeyArn: got 'arn:aws:kms:eu-west-1:"),
    # Autoscaler
    (autoscaler(expander="price"), "autoscaler.expander: got the expander price"),
    (autoscaler(expander="priority"), "autoscaler.expanderPriorities: got nothing"),
    (autoscaler(expanderPriorities={"10": [".*"]}), "autoscaler.expanderPriorities: got priorities; expected the expander priority"),
    (autoscaler(expander="priority", expanderPriorities={"high": [".*"]}), "expected a whole number as the priority"),
    (priorities("[a"), "autoscaler.expanderPriorities['10'][0]: got '[a'; expected a regular expression that Cluster Autoscaler (Go's RE2) can read (unterminated"),
    (priorities("(?!spot).*"), "autoscaler.expanderPriorities['10'][0]: got '(?!spot).*'; expected a regular expression that Cluster Autoscaler (Go's RE2) can read: it knows no (?!"),
    (priorities("a{99999999999}"), "can read (the repetition number is too large)"),
    (priorities(r"(a)\1"), "it knows no \\1"),
    (autoscaler(flags={"scan-intervall": "10s"}), "autoscaler.flags.scan-intervall: got a flag that Cluster Autoscaler does not know; expected a flag of Cluster Autoscaler; did you mean scan-interval?"),
    (autoscaler(flags={"scan-interval": 10}), "autoscaler.flags.scan-interval: got '10'; expected a Go duration"),
    (autoscaler(flags={"nodes": "1:2:asg"}), "autoscaler.flags.nodes: got '1:2:asg'; expected no such key"),
    (autoscaler(scaleDownUtilizationThreshold=0.7), "autoscaler.scaleDownUtilizationThreshold: got an unknown key; expected scale-down-utilization-threshold under flags: it is a flag of Cluster Autoscaler"),
    ({"accountId": "12345678901"}, "accountId: got '12345678901'; expected an AWS account ID of twelve digits, in quotes: YAML takes a number's leading zero away"),
    (autoscaler(scaleDownUnneededTime="soon"), "autoscaler.scaleDownUnneededTime: got 'soon'; expected a Go duration"),
    (autoscaler(scaleDownDelayAfterAdd=60), "autoscaler.scaleDownDelayAfterAdd: got 60; expected a string"),
    (autoscaler(replicas=0), "autoscaler.replicas: got 0; expected 1 to 10"),
    (autoscaler(replicas=2, minAvailable=2), "autoscaler.minAvailable: got 2 of 2 replicas; expected fewer"),
    (autoscaler(resources={"cpu": "some"}), "autoscaler.resources.cpu: got 'some'; expected a Kubernetes quantity"),
    (autoscaler(tolerations=[{"value": "x"}]), "autoscaler.tolerations[0]: got no key"),
    (autoscaler(tolerations=[{"key": "a", "operator": "In"}]), "autoscaler.tolerations[0].operator: got 'In'; expected one of Equal, Exists"),
    (autoscaler(tolerations=[{"key": "a", "operator": "Exists", "value": "b"}]), "autoscaler.tolerations[0].value: got 'b'; expected no value with the operator Exists, or the operator Equal"),
    (autoscaler(tolerations=[{"key": "a b", "operator": "Exists"}]), "autoscaler.tolerations[0].key: got 'a b'; expected a Kubernetes key"),
    (autoscaler(tolerations=[{"key": "a", "value": "c d"}]), "autoscaler.tolerations[0].value: got 'c d'; expected a label value"),
    (autoscaler(tolerations=[{"key": "", "value": "x"}]), "autoscaler.tolerations[0]: got no key"),
    (autoscaler(chart={"version": "9.54.0"}), "autoscaler.chart.version: got chart 9.54.0, with appVersion 1.35.0 and image 1.34.2"),
    (autoscaler(chart={"location": "./nowhere"}), "autoscaler.chart.location: got './nowhere'; expected an OCI reference"),
    (autoscaler(chart={"location": "./nowhere.tgz"}), "autoscaler.chart.location: got './nowhere.tgz'; expected an OCI reference"),
    (autoscaler(chart={"location": str(ROOT / "sandbox/chart/cluster-autoscaler"), "version": "9.46.0"}), "autoscaler.chart.version: got '9.46.0' for"),
    (autoscaler(chart={"repository": "oci://x/y"}), "an OCI reference goes into location"),
    (autoscaler(chart={"repository": "https://x", "location": "oci://x"}), "autoscaler.chart.location: got a location and a repository"),
    (autoscaler(image={"repository": ""}), "autoscaler.image.repository: got ''; expected an image's repository without a tag"),
    (autoscaler(image={"repository": "registry.example/ca:v1"}), "autoscaler.image.repository: got 'registry.example/ca:v1'; expected an image's"),
    (autoscaler(image={"tag": "latest"}), f"autoscaler.image.tag: got 'latest'; expected a full version such as {newest_image(NEWEST_MINOR)}"),
    (autoscaler(values={"extraArgs": {"v": "4"}}), "autoscaler.values.extraArgs: got a key that the program sets; expected no such key: the value follows from flags"),
    (autoscaler(values={"rbac": None}), "autoscaler.values.rbac: got None; expected a map"),
    (autoscaler(podAnnotations={"cluster-autoscaler.kubernetes.io/safe-to-evict": "True"}), "autoscaler.podAnnotations: got cluster-autoscaler.kubernetes.io/safe-to-evict=True; expected false"),
    (autoscaler(values={"awsAccessKeyID": "x"}), "no key of AWS belongs into a chart's values"),
    (autoscaler(namespace="Kube System"), "autoscaler.namespace: got 'Kube System'; expected lower-case letters"),
    (autoscaler(timeoutSeconds=1), "autoscaler.timeoutSeconds: got 1; expected 30 to 3600"),
    ({**create(kubernetesVersion="1.33"), **autoscaler(image={"tag": "v1.35.0"})}, "autoscaler.image.tag: got Cluster Autoscaler 1.35.0 on Kubernetes 1.33"),
    ({**create(), **autoscaler(chart={"version": "9.46.0"})}, f"autoscaler.chart.version: got chart 9.46.0 with Cluster Autoscaler {newest_image('1.35')[1:]}"),
    # Headroom
    (headroom(name="Web pods"), "headroom[0].name: got 'Web pods'; expected lower-case letters, digits and dashes"),
    (headroom(name="w" * 41), "headroom[0].name: got 41 characters; expected 40 at most"),
    (headroom(cpu="some"), "headroom[0].cpu: got 'some'; expected a Kubernetes quantity"),
    (headroom(memory="0Gi"), "headroom[0].memory: got '0Gi'; expected more than 0: a pod that requests nothing reserves nothing"),
    (headroom(cpu=2), "headroom[0].cpu: got 2; expected a string: write \"2\" in quotes"),
    (headroom(replicas=-1), "headroom[0].replicas: got -1; expected 0 to 1000"),
    (headroom(priority=0), "headroom[0].priority: got 0; expected -10 to -1: at 0 or more the pods do not give way"),
    (headroom(priority=-11), "headroom[0].priority: got -11; expected -10 to -1: Cluster Autoscaler adds no node for pods below --expendable-pods-priority-cutoff=-10"),
    (headroom(flags={"expendable-pods-priority-cutoff": "-5"}), "headroom[0].priority: got -10; expected -5 to -1: Cluster Autoscaler adds no node"),
    (headroom(flags={"expendable-pods-priority-cutoff": "0"}), "headroom[0].priority: got -10 with --expendable-pods-priority-cutoff=0; expected expendable-pods-priority-cutoff to be -1 or less"),
    (headroom(nodeSelector={"a b": "x"}), "headroom[0].nodeSelector['a b']: got 'a b'; expected a Kubernetes key"),
    (headroom(tolerations=[{"value": "x"}]), "headroom[0].tolerations[0]: got no key"),
    (headroom(tolerations=[{"operator": "Exists", "value": "b"}]), "headroom[0].tolerations[0].value: got 'b'; expected no value"),
    (headroom(tolerations=[{"key": "a/b/c", "value": "c d"}]), "headroom[0].tolerations[0].key: got 'a/b/c'; expected a Kubernetes key"),
    (headroom(image={"repository": "registry.example/pause:3"}), "headroom[0].image.repository: got 'registry.example/pause:3'"),
    (headroom(image={"tag": "a b"}), "headroom[0].image.tag: got 'a b'; expected an image's tag"),
    (headroom(namespace="Kube System"), "headroom[0].namespace: got 'Kube System'"),
    (headroom(kind="Buffer"), "headroom[0].kind: got 'Buffer'; expected one of Pods, CapacityBuffer"),
    (headroom(kind="CapacityBuffer"), "headroom[0].kind: got CapacityBuffer without autoscaler.capacityBuffers; expected autoscaler.capacityBuffers as well: {installDefinition: true}, or {} if"),
    (headroom(kind="CapacityBuffer", priority=-5), "headroom[0].priority: got a value with kind CapacityBuffer; expected none: a CapacityBuffer has no pods"),
    (headroom(kind="CapacityBuffer", image={"tag": "3.9"}), "headroom[0].image: got a value with kind CapacityBuffer; expected none"),
    (autoscaler(capacityBuffers={}, flags={"capacity-buffer-controller-enabled": "false"}), "autoscaler.flags.capacity-buffer-controller-enabled: got false with capacityBuffers; expected true, or leave capacity-buffer-controller-enabled out"),
    ({**create(), **autoscaler(capacityBuffers={}, image={"tag": "v1.33.0"})}, "autoscaler.capacityBuffers: got Cluster Autoscaler 1.33.0; expected Cluster Autoscaler 1.34 or later, or headroom by pods"),
    (autoscaler(capacityBuffers={"install": True}), "autoscaler.capacityBuffers.install: got an unknown key; expected one of installDefinition, retainDefinition"),
    (headroom(expendablePodsPriorityCutoff=-5), "headroom[0].expendablePodsPriorityCutoff: got an unknown key"),
    # Monitoring
    ({"monitoring": {"namespace": "x"}}, "monitoring: got neither alerts nor dashboard; expected alerts: true"),
    ({"monitoring": {"alerts": "yes"}}, "monitoring.alerts: got 'yes'; expected true or false, without quotes"),
    ({"monitoring": {"alerts": True, "namespace": "A b"}}, "monitoring.namespace: got 'A b'"),
    ({"monitoring": {"alerts": True, "ruleLabels": {"a b": "x"}}}, "monitoring.ruleLabels['a b']: got 'a b'; expected a Kubernetes key"),
    ({"monitoring": {"dashboard": True, "dashboardLabels": {"a": "x y"}}}, "monitoring.dashboardLabels['a']: got 'x y'; expected a label value"),
    ({"monitoring": {"alerts": True, "runbooks": "docs/doctor"}}, "monitoring.runbooks: got 'docs/doctor'; expected the URL of a folder"),
    ({"headroom": [{"name": "web", "cpu": "1", "memory": "1Gi"}] * 2}, "headroom: got the name web twice; expected each name once"),
    ({**create(), **autoscaler(flags={"parallel-drain": True})}, "autoscaler.flags.parallel-drain: got a flag that Cluster Autoscaler 1.35 does not have"),
]  # fmt: skip


ARNS = sorted(
    path
    for path in known_paths(settings.Settings, camel_case, settings.fields_of)
    if re.search(r"(Arns?|Policies)$", path)
)
NEEDED = {
    "nodeGroups[]": GROUP,
    "autoScalingGroups[]": {"name": "mixed"},
    "autoScalingGroups[].create": ASG,
    "cluster": {"name": "series-api"},
    "cluster.create": create()["cluster"]["create"],
}
"""What a place must have in addition to the one key that a test sets there."""


def placed(path, value, above=""):
    """Settings with a value at a path, and what else must be there."""
    key, _, rest = path.partition(".")
    here = f"{above}{key}"
    inner = {**NEEDED.get(here, {}), **placed(rest, value, f"{here}.")} if rest else value
    return {key.removesuffix("[]"): [inner] if key.endswith("[]") else inner}


@pytest.mark.parametrize("path", ARNS)
@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1", "us-gov-west-1"])
def test_no_setting_accepts_an_arn_of_another_partition(path, region):
    other = "aws-us-gov" if region == "us-east-1" else "aws"
    kind = "policy" if re.search("Boundary|Policies", path) else "role"
    arn = f"arn:{other}:iam::123456789012:{kind}/x"
    if "kms" in path:
        arn = f"arn:{other}:kms:{region}:123456789012:key/x"
    value = [arn] if re.search("Arns|Policies", path) else arn
    with pytest.raises(FaultsError) as refused:
        parse({**GOOD, "region": region, **placed(path, value)})
    found = [str(fault) for fault in refused.value.faults if fault.got == repr(arn)]
    (text,) = found
    assert "expected an ARN of the partition" in text


def test_arns_are_in_some_settings():
    assert len(ARNS) >= 7


def test_an_arn_of_another_place_passes_where_it_is_no_reference():
    text = f"{CHINESE}:role/x"
    assert parse(
        {**GOOD, **autoscaler(podAnnotations={"origin": text}, values={"note": text}), "tags": {"origin": text}}
    )


def test_good_settings_pass():
    assert parse(GOOD)["node_groups"] == [{"name": "general", "min_size": 1, "max_size": 3}]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[message[:60] for _, message in BAD])
def test_a_bad_setting_is_refused_by_its_path_with_what_was_expected(change, message):
    with pytest.raises(FaultsError) as refused:
        parse({**GOOD, **change})
    assert message in str(refused.value)


def known(path):
    """Whether a user knows this place: a key of the settings, an item of one's list, or an entry of one's map."""
    place = re.sub(r"\[\d+\]", "[]", path)
    keys = known_paths(settings.Settings, camel_case, settings.fields_of)
    maps = [key for key, field in keys.items() if "dict[" in str(field.hint)]
    return {place, place.removesuffix("[]")} & keys.keys() or place.startswith(
        tuple(f"{each}{joint}" for each in maps for joint in ".[")
    )


def test_every_fault_is_reported_at_a_key_that_the_settings_have():
    for change in (row[0] for row in BAD + BROKEN):
        with pytest.raises(FaultsError) as refused:
            parse({key: value for key, value in {**GOOD, **change}.items() if value is not None})
        unknown = [fault for fault in refused.value.faults if fault.got != "an unknown key" and not known(fault.path)]
        assert unknown == []


@pytest.mark.parametrize(
    "bad", [{"region": ""}, {"region": "virginia"}, {"cluster": {"name": "-a"}}, {"cluster": {"name": "a/b"}}]
)
def test_a_bad_name_or_region_hides_no_fault_of_the_autoscaler(bad):
    with pytest.raises(FaultsError) as refused:
        parse({**GOOD, **autoscaler(replicas=0), "role": {"path": "x"}, **bad})
    (key,) = bad
    paths = [fault.path for fault in refused.value.faults]
    assert sorted(paths) == sorted(
        ["region" if key == "region" else "cluster.name", "autoscaler.replicas", "role.path"]
    )


def test_sixty_settings_and_more_are_in_the_table():
    assert len(BAD) >= 60


def test_all_faults_are_reported_together():
    with pytest.raises(FaultsError) as refused:
        parse({**GOOD, "credentials": "keys", **group(minSize=9), **autoscaler(expander="price", replicas=0)})
    paths = {fault.path for fault in refused.value.faults}
    assert paths == {"credentials", "nodeGroups[0].minSize", "autoscaler.expander", "autoscaler.replicas"}
    assert str(refused.value).startswith("settings: 4 errors\n  ")


# Each row: settings of which some have wrong names or types, and the paths of all of these.
BROKEN = [
    ({"regoin": "x", "credentials": "keys", **group(minsize=9)}, {"regoin", "nodeGroups[0].minsize"}),
    ({"region": None, "cluster": None}, {"region", "cluster"}),
    ({"nodeGroups": [{**GROUP, "minSize": "1"}, {**GROUP, "maxSize": []}]}, {"nodeGroups[0].minSize", "nodeGroups[1].maxSize"}),
    ({"nodeGroups": [{}, GROUP]}, {f"nodeGroups[0].{key}" for key in ("name", "minSize", "maxSize")}),
    ({"nodeGroups": "general", "cluster": "series-api"}, {"nodeGroups", "cluster"}),
    ({"existingNodeGroups": {"name": "w"}, "role": [], "podIdentity": "x"}, {"existingNodeGroups", "role", "podIdentity"}),
    (group(clusterName="x", subnetIdsByZone={}, tags={}), {f"nodeGroups[0].{key}" for key in ("clusterName", "subnetIdsByZone", "tags")}),
]  # fmt: skip


@pytest.mark.parametrize(("change", "paths"), BROKEN)
def test_every_wrong_name_and_type_is_reported_and_only_then_the_values(change, paths):
    given = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    with pytest.raises(FaultsError) as refused:
        parse(given)
    message = [fault.path for fault in refused.value.faults]
    assert sorted(message) == sorted(paths)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (group(amiType="AL2023_ARM_64_STANDARD", instancTypes=["m6g.large"]), "nodeGroups[0].instancTypes"),
        (group(amiType="AL2023_ARM_64_STANDARD", instanceTypes="m6g.large"), "nodeGroups[0].instanceTypes"),
        ({**headroom(kind="CapacityBuffer"), **autoscaler(capacityBufers={})}, "autoscaler.capacityBufers"),
        ({"credentials": "nodeRole", "nodeGroups": [], "existingNodeGroup": [{"name": "w"}]}, "existingNodeGroup"),
        (autoscaler(expanderPriorities={"10": ["a"]}, expandr="priority"), "autoscaler.expandr"),
    ],
)
def test_no_rule_judges_what_a_misspelled_key_or_a_wrong_type_decides(change, key):
    with pytest.raises(FaultsError) as refused:
        parse({**GOOD, **change})
    assert [fault.path for fault in refused.value.faults] == [key]


@pytest.mark.parametrize("change", [{"regoin": "x"}, {"credentials": "keys"}])
def test_settings_of_the_aws_provider_are_reported_together_with_the_others(change, monkeypatch):
    config = {f"p:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in GOOD.items()}
    config |= {f"p:{key}": value for key, value in change.items()} | {"aws:profile": "x"}
    monkeypatch.setattr("settings.reading.runtime_config.get_config_env", lambda: config)
    with pytest.raises(FaultsError) as refused:
        settings.load("p")
    assert [fault.path for fault in refused.value.faults] == ["aws:profile", *change]


@pytest.mark.parametrize(
    "change",
    [
        own_vpc(),
        {**create(), **group(onePerZone=True), **autoscaler(balanceSimilarNodeGroups=True)},
        autoscaler(balanceSimilarNodeGroups=False),
        own_vpc(publicSubnetIds=[]),
        {**create(), "nodeGroups": [], **asg()},
        {"nodeGroups": [], "credentials": "nodeRole", **asg()},
        {**asg(instancesDistribution={}), "role": {"path": "/platform/"}, "tags": {"owner": "platform"}},
        {**create(), **group(kubernetesVersion="1.33")},
        priorities(r"(?i)^eks-(spot|gpu)-[a-z0-9]{1,8}\..*?$"),
        priorities(r".*\++.*"),
        headroom(priority=-30, flags={"expendable-pods-priority-cutoff": "-40"}),
        {
            **headroom(kind="CapacityBuffer"),
            **autoscaler(capacityBuffers={}, flags={"expendable-pods-priority-cutoff": "-5"}),
        },
        headroom(priority=-1, flags={"expendable-pods-priority-cutoff": "-1"}, image={"tag": f"3.9@sha256:{'0' * 64}"}),
        priorities("eks-[[:alpha:]]+-.*"),
        headroom(
            tolerations=[
                {"operator": "Exists"},
                {"key": "", "operator": "Exists", "value": ""},
                {"key": "example.com/a", "operator": "Exists", "effect": "NoExecute"},
                {"key": "a"},
                {"key": "a", "value": "B_c.1"},
            ]
        ),
        autoscaler(image={"repository": "localhost:5000/mirror/cluster-autoscaler"}),
        {"role": {"namePrefix": "Team_1-"}},
        group(gpu={"accelerator": "nvidia-l4", "resource": "example.com/gpu"}),
        group(amiType="CUSTOM", launchTemplate={"id": "lt-00000001", "version": "3"}),
        {**group(launchTemplate={"id": "lt-00000001", "version": "3"}), "credentials": "nodeRole"},
        {**create(), **group(amiType="CUSTOM", launchTemplate={"id": "lt-00000001", "version": "3"})},
        group(iops=4000, throughput=1000, maxPods=58, userData="#!/bin/bash\n", keyPair="ops"),
        group(amiType="WINDOWS_CORE_2022_x86_64"),
        group(subnetIds=["subnet-00000001"], onePerZone=True),
    ],
)
def test_good_values_pass(change):
    parse({**GOOD, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dra(group(minSize=0, gpu={"accelerator": "nvidia-l4"})), ["nodeGroups[0].minSize: 0 with gpu and enable-dynamic-resource-allocation: while the group general is empty"]),
        (dra(group(minSize=0, instanceTypes=["g5.xlarge"])), ["nodeGroups[0].minSize: 0 with g5.xlarge and"]),
        (dra(group(minSize=0, instanceTypes=["m6i.large", "trn1.2xlarge"])), ["nodeGroups[0].minSize: 0 with trn1.2xlarge and"]),
        (dra(group(minSize=0, resources={"vpc.amazonaws.com/efa": "1"})), ["nodeGroups[0].minSize: 0 with resources['vpc.amazonaws.com/efa'] and"]),
        (dra(asg(minSize=0, instanceTypes=["p5.48xlarge"])), ["autoScalingGroups[0].create.minSize: 0 with p5.48xlarge and"]),
        (dra(asg(minSize=0), resources={"nvidia.com/gpu": "1"}), ["autoScalingGroups[0].create.minSize: 0 with resources['nvidia.com/gpu'] and"]),
        (dra({"autoScalingGroups": [{"name": "theirs", "resources": {"nvidia.com/gpu": "1"}}]}), ["autoScalingGroups[0] with resources['nvidia.com/gpu'] and enable-dynamic-resource-allocation: while the group theirs is empty"]),
        (dra({"existingNodeGroups": [{"name": "theirs", "resources": {"nvidia.com/gpu": "1"}}]}), ["existingNodeGroups[0] with resources['nvidia.com/gpu'] and"]),
        (dra(asg(minSize=1, instanceTypes=["p5.48xlarge"])), []),
        (dra(group(minSize=0, instanceTypes=["m6i.large", "c7i.large", "d3.xlarge"], resources={"ephemeral-storage": "50Gi"})), []),
        (dra(group(gpu={"accelerator": "nvidia-l4"})), []),
        (group(minSize=0, gpu={"accelerator": "nvidia-l4"}), []),
        (group(minSize=3, warmPool={"maxGroupPreparedCapacity": 3}, maxSize=9), ["nodeGroups[0].warmPool is always empty: the group general has minSize 3"]),
        (group(minSize=3, warmPool={}, maxSize=3), ["nodeGroups[0].warmPool is always empty: the group general has minSize 3"]),
        (group(minSize=3, warmPool={"maxGroupPreparedCapacity": 4}, maxSize=9), []),
        (group(minSize=3, warmPool={"maxGroupPreparedCapacity": 2, "minSize": 1}, maxSize=9), []),
        (group(minSize=3, maxSize=3), []),
        ({"monitoring": {"alerts": True}}, ["monitoring.alerts without autoscaler.serviceMonitor"]),
        ({"monitoring": {"alerts": True}, **autoscaler(serviceMonitor={})}, []),
        ({"monitoring": {"dashboard": True}}, []),
        (isolated(), ["autoscaler.image.repository: the network has no NAT, so its nodes cannot pull registry.k8s.io/autoscaling/cluster-autoscaler"]),
        (isolated(nat=True), []),
        ({**isolated(), **headroom(), **in_ecr()}, ["headroom[0].image.repository: the network has no NAT, so its nodes cannot pull registry.k8s.io/pause"]),
        *(
            ({**isolated(), **autoscaler(image={"repository": f"{registry}/ca"})}, [f"autoscaler.image.repository: the network has no NAT, so its nodes cannot pull {registry}/ca"])
            for registry in ("ghcr.io/mirror", "registry.k8s.io", "public.ecr.aws/mirror", "registry.example", ECR.replace("us-east-1", "eu-west-1"), f"x{ECR}", "123456789012.dkr-ecr.us-east-1.on.aws")
        ),
        ({**isolated(), **autoscaler(image={"repository": f"{ECR}/k8s/autoscaling/cluster-autoscaler"})}, []),
        ({**isolated(), **in_ecr(values={"initContainers": [{"name": "a", "image": f"{ECR}/a:1"}, {"name": "b", "image": "busybox:1"}]})}, ["autoscaler.values.initContainers[1].image: the network has no NAT, so its nodes cannot pull busybox:1"]),
        ({**isolated(), **in_ecr(), "headroom": [{"name": "web", "cpu": "1", "memory": "2Gi", "image": {"repository": "registry.k8s.io/pause"}}]}, ["headroom[0].image.repository: the network has no NAT"]),
        ({**isolated(), **in_ecr(capacityBuffers={}), "headroom": [{"name": "web", "cpu": "1", "memory": "2Gi", "kind": "CapacityBuffer"}]}, []),
    ],
)  # fmt: skip
def test_what_is_probably_not_intended_gets_a_warning(change, message):
    found = settings.warnings(parse({**GOOD, **change}))
    assert [warning.startswith(beginning) for warning, beginning in zip(found, message, strict=True)] == [True] * len(
        message
    )


def test_yaml_scalars_are_welcome_as_flag_values():
    flags = {"max-nodes-total": 50, "skip-nodes-with-local-storage": False, "balancing-ignore-label": ["a", "b"]}
    assert parse({**GOOD, **autoscaler(flags=flags)})["autoscaler"]["flags"] == {
        "max-nodes-total": "50",
        "skip-nodes-with-local-storage": "false",
        "balancing-ignore-label": "a,b",
    }


def test_pulumi_yaml_lists_every_setting_in_the_words_of_its_declaration():
    from scripts.pages.settings_reference import described  # the components, which take a second to load

    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    assert {key: entry["description"] for key, entry in declared.items()} == described(settings.Settings)


leaves = st.none() | st.booleans() | st.integers(-5, 100) | st.floats(allow_nan=False) | st.text(max_size=12)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "name",
                    "minSize",
                    "maxSize",
                    "labels",
                    "taints",
                    "key",
                    "effect",
                    "create",
                    "flags",
                    "expander",
                    "values",
                ]
            )
            | st.text(max_size=6),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["region", "cluster", "nodeGroups", "credentials", "autoscaler", "role", "tags", "existingNodeGroups"]
        )
        | st.text(max_size=6),
        trees | st.text(max_size=10),
        max_size=5,
    )
)
def test_settings_fail_only_with_faults(config):
    with contextlib.suppress(FaultsError):
        parse({**GOOD, **config})


@given(st.text(max_size=12) | st.text("(?<!=P#>[]{}*+^-:1\\\\", max_size=12))
def test_an_expression_is_good_or_a_fault(expression):
    with contextlib.suppress(FaultsError):
        parse({**GOOD, **priorities(expression)})


@pytest.mark.parametrize("key", ["aws:profile", "aws:assumeRoles", "aws:endpoints", "aws:defaultTags"])
def test_settings_of_the_aws_provider_that_the_program_ignores_are_refused_by_name(key):
    (fault,) = provider_faults({"eks-cluster-autoscaler:region": "us-east-1", key: "x"})
    assert fault.path == key


def test_the_same_region_for_the_aws_provider_is_welcome_and_another_is_refused():
    ours = {"eks-cluster-autoscaler:region": "us-east-1"}
    assert provider_faults({**ours, "aws:region": "us-east-1"}) == []
    assert [fault.path for fault in provider_faults({**ours, "aws:region": "eu-west-1"})] == ["aws:region"]
