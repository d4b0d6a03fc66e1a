"""The components as a plugin, used through the SDK that `pulumi package add` generates, against the direct import."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.tests.harness import Sandbox
from tests.e2e.plugin.consumer import ROOT, Consumer

HEAD = """
import pulumi
import pulumi_aws as aws
provider = aws.Provider("aws", region="us-east-1")
on_aws = pulumi.ResourceOptions(providers=[provider])
"""

BY_IMPORT = """
import sys; sys.path.insert(0, {root!r})
from components import AutoscalerTags
made = AutoscalerTags("tags", {{
    "asg_name": {asg!r},
    "cluster_name": "main",
    "labels": {{"workload": "legacy"}},
    "taints": [{{"key": "dedicated", "value": "legacy", "effect": "NoSchedule"}}],
    "resources": {{"ephemeral-storage": "100Gi"}},
}}, on_aws)
pulumi.export("tags", made.tags)
"""

BY_PLUGIN = """
from pulumi_eks_cluster_autoscaler import AutoscalerTags, TaintArgs
made = AutoscalerTags("tags",
    asg_name={asg!r},
    cluster_name="main",
    labels={{"workload": "legacy"}},
    taints=[TaintArgs(key="dedicated", value="legacy", effect="NoSchedule")],
    resources={{"ephemeral-storage": "100Gi"}},
    opts=on_aws)
pulumi.export("tags", made.tags)
"""

NODE_GROUP = """
from pulumi_eks_cluster_autoscaler import GpuArgs, ManagedNodeGroup, UpdateSettingsArgs
ManagedNodeGroup("gpu",
    cluster_name="main",
    subnet_ids=["subnet-0000000a"],
    min_size=0,
    max_size=provider.urn.apply(lambda _: 3),
    disk_size_gib=100,
    hop_limit=1,
    instance_types=["g5.xlarge"],
    ami_type="AL2023_x86_64_NVIDIA",
    gpu=GpuArgs(accelerator="nvidia-a10g", count=2),
    update_settings=UpdateSettingsArgs(max_unavailable=2),
    opts=on_aws)
"""


def as_the_cli_prints_it(shape: Any, *, of_element: bool = False) -> Any:
    """A schema without the descriptions of a container's elements, which repeat the container's, and empty lists."""
    if isinstance(shape, list):
        return [as_the_cli_prints_it(each) for each in shape]
    if not isinstance(shape, dict):
        return shape
    return {
        key: as_the_cli_prints_it(value, of_element=key in ("items", "additionalProperties"))
        for key, value in shape.items()
        if not (of_element and key == "description") and value != []
    }


def test_from_a_clone_the_plugin_starts_in_its_own_environment_and_has_the_golden_schema(
    sandbox: Sandbox, tools: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    golden = json.loads((ROOT / "tests" / "schema" / "schema.json").read_text())
    assert golden.pop("dependencies") == []
    printed = sandbox.pulumi_json("package", "get-schema", str(plugin))
    assert printed.pop("config") == {}
    assert printed == as_the_cli_prints_it(golden)

    paths = sandbox.run([plugin / "venv" / "bin" / "python", "-c", "import pulumi, sys; print(*sys.path, sep=':')"])
    lent = [path for path in paths.strip().split(":") if Path(path).is_relative_to(sys.prefix) or path == str(ROOT)]
    assert lent == []


def changed_in_cloud(consumer: Consumer) -> dict[str, str]:
    """Operation by URN of what a preview would do to AWS; its own record may differ in spelling."""
    component = "eks-cluster-autoscaler:index:AutoscalerTags::tags"
    return {
        str(step["urn"]): str(step["op"])
        for step in consumer.planned()
        if step["op"] != "same" and not str(step["urn"]).endswith(component)
    }


def test_import_and_plugin_make_the_same_resources_and_switching_changes_none_in_the_cloud(
    asg: str, consumer: Consumer, sandbox: Sandbox
):
    consumer.write(HEAD + BY_IMPORT.format(root=str(ROOT), asg=asg))
    consumer.up()
    imported = consumer.resources()
    assert len(imported) == 6, "the component and five tags"

    consumer.add_plugin()
    consumer.write(HEAD + BY_PLUGIN.format(asg=asg))
    assert changed_in_cloud(consumer) == {}
    consumer.up()
    plugged = consumer.resources()
    assert plugged.keys() == imported.keys()
    for urn, found in plugged.items():
        assert (found.get("id"), found.get("parent")) == (imported[urn].get("id"), imported[urn].get("parent"))
        if found["custom"]:
            assert (found["inputs"], found["outputs"]) == (imported[urn]["inputs"], imported[urn]["outputs"])

    groups = sandbox.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[asg])
    tags = {tag["Key"]: tag["Value"] for tag in groups["AutoScalingGroups"][0]["Tags"]}
    assert tags == sandbox.pulumi_json("stack", "output", "--json", folder=consumer.folder)["tags"]
    assert tags["k8s.io/cluster-autoscaler/main"] == "owned"

    consumer.write(HEAD + BY_IMPORT.format(root=str(ROOT), asg=asg))
    assert changed_in_cloud(consumer) == {}, "and back"


def test_whole_numbers_stay_whole_through_the_plugin(consumer: Consumer):
    """The plugin's host passes every number as a float: a count of 2.0 in a tag or a version would break.

    maxSize is an Output, on which Pulumi's own host fails.
    """
    consumer.add_plugin()
    consumer.write(HEAD + NODE_GROUP)
    inputs = {
        str(step["urn"]).split("::")[2].split("$")[-1] + " " + str(step["urn"]).split("::")[3]: new["inputs"]
        for step in consumer.planned()
        if isinstance(new := step.get("newState"), dict)
    }
    group = inputs["aws:eks/nodeGroup:NodeGroup gpu"]
    assert group["scalingConfig"] == {"minSize": 0, "maxSize": 3, "desiredSize": 0}
    template = inputs["aws:ec2/launchTemplate:LaunchTemplate gpu"]
    assert template["metadataOptions"]["httpPutResponseHopLimit"] == 1
    tags = {found["tag"]["key"]: found["tag"]["value"] for key, found in inputs.items() if "autoscaling/tag" in key}
    resources = "k8s.io/cluster-autoscaler/node-template/resources"
    assert tags[f"{resources}/nvidia.com/gpu"] == "2"
    assert tags[f"{resources}/ephemeral-storage"] == "100Gi"


def test_an_error_uses_the_names_that_the_consumer_wrote(consumer: Consumer):
    consumer.add_plugin()
    consumer.write(HEAD + BY_PLUGIN.format(asg="any").replace('"legacy", effect="NoSchedule"', '"legacy", effect="No"'))
    with pytest.raises(AssertionError, match=r"taints\[0\]\.effect"):
        consumer("preview")
