"""The `aws` stand-in under the real engine: the plain Pulumi CLI, a Python program, the emulated AWS."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.private_api import PrivateApi
from sandbox.tests.harness import Sandbox

PROGRAM = """
import json
import pulumi
import pulumi_aws as aws

config = pulumi.Config()
main = aws.Provider("main", region="us-east-1", default_tags={"tags": {"stack": "engine"}},
                    allowed_account_ids=["123456789012"])
options = pulumi.ResourceOptions(provider=main)
service = config.get("service") or "ec2"
trust = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
role = aws.iam.Role("role", assume_role_policy=trust, path=config.get("path"),
                    description=config.get_secret("description"),
                    tags={"version": config.get("version") or "1"}, opts=options)
policy = aws.iam.Policy("policy", name="engine-policy", policy=role.arn.apply(lambda arn: json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn}]})),
    opts=options)
attachment = aws.iam.RolePolicyAttachment("attachment", role=role.name, policy_arn=policy.arn, opts=options)
template = aws.ec2.LaunchTemplate("template", instance_type=config.get("type") or "m5.large",
                                  update_default_version=True, opts=options)
pulumi.export("role", role.name)
pulumi.export("url", role.arn.apply(lambda arn: f"arn is {arn}"))
pulumi.export("latest", template.latest_version)
pulumi.export("stack", role.tags_all["stack"])
"""


@pytest.fixture(scope="module")
def running(sandbox: Sandbox) -> Sandbox:
    return sandbox.start("aws", "aws-provider")


class Stack:
    """Commands of the plain CLI on a stack of a program's own."""

    def __init__(self, sandbox: Sandbox, folder: Path, program: str) -> None:
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text(f"name: {folder.parent.name}\nruntime: python\n")
        (folder / "__main__.py").write_text(program)
        self._sandbox = sandbox
        self._folder = folder
        self._deployed = False
        self("stack", "init", "dev")

    def __call__(self, *arguments: str, check: bool = True) -> str:
        return self._sandbox.pulumi(*arguments, folder=self._folder, check=check)

    def json(self, *arguments: str) -> Any:
        return self._sandbox.pulumi_json(*arguments, folder=self._folder)

    def set(self, **config: str) -> None:
        for key, value in config.items():
            self("config", "set", key, value)

    def up(self, *arguments: str, check: bool = True) -> str:
        self._deployed = True
        return self("up", "--yes", "--skip-preview", *arguments, check=check)

    def operations(self, *arguments: str) -> dict[str, str]:
        """What a preview would do: resource name to operation."""
        steps = self.json("preview", "--json", *arguments)["steps"]
        return {step["urn"].rsplit("::", 1)[1]: step["op"] for step in steps if step["op"] != "same"}

    def outputs(self) -> Any:
        return self.json("stack", "output", "--json")

    def state(self, name: str) -> Any:
        resources = self.json("stack", "export")["deployment"]["resources"]
        [found] = [each for each in resources if each["urn"].endswith(f"::{name}")]
        return found

    def destroy(self) -> None:
        if self._deployed:
            self("destroy", "--yes", "--skip-preview")
        self._deployed = False


@pytest.fixture
def stack(running: Sandbox, tmp_path: Path) -> Iterator[Callable[[str], Stack]]:
    """Makes stacks; what they deployed is destroyed in the end."""
    made: list[Stack] = []

    def make(program: str) -> Stack:
        made.append(Stack(running, tmp_path / "program", program))
        return made[-1]

    yield make
    for each in made:
        each.destroy()


def test_a_stack_is_made_changed_watched_and_removed(stack, running):
    dev = stack(PROGRAM)
    dev("config", "set", "--secret", "description", "hush-hush")
    assert set(dev.operations().values()) == {"create"}
    said = dev.up("--diff")
    outputs = dev.outputs()
    assert re.fullmatch(r"role-[0-9a-f]{7}", outputs["role"])
    assert outputs["url"] == f"arn is arn:aws:iam::123456789012:role/{outputs['role']}"
    assert (outputs["latest"], outputs["stack"]) == (1, "engine")

    # A secret goes through the provider and comes out as one.
    iam = running.client("iam")
    assert iam.get_role(RoleName=outputs["role"])["Role"]["Description"] == "hush-hush"
    assert "hush-hush" not in said + json.dumps(dev.json("stack", "export"))
    assert "hush-hush" not in running.layout.log("aws-provider").read_text()

    dev.set(version="2", type="m5.xlarge")
    shown = dev("preview", "--diff", "--refresh")
    assert re.search(r'~ version: "1" => "2"', shown)
    assert re.search(r'~ instanceType *: "m5.large" => "m5.xlarge"', shown)
    assert re.search(r"~ 2 to update\n.* unchanged", shown)
    dev.up()
    assert dev.outputs()["latest"] == 2

    dev.set(path="/other/")
    operations = dev.operations()
    assert operations["role"] == "replace"
    assert operations["policy"] == "update"
    # An attachment must go before the one that takes its place comes.
    assert operations["attachment"] in ("replace", "delete-replaced")
    assert "template" not in operations
    dev.up()
    name = dev.outputs()["role"]
    assert name != outputs["role"]
    iam.tag_role(RoleName=name, Tags=[{"Key": "version", "Value": "tampered"}])
    assert dev.operations("--refresh")["role"] == "update"
    dev.up("--refresh")
    tags = {tag["Key"]: tag["Value"] for tag in iam.list_role_tags(RoleName=name)["Tags"]}
    assert tags == {"stack": "engine", "version": "2"}
    dev("preview", "--expect-no-changes")
    dev.destroy()
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName=name)


def test_an_update_that_stops_half_way_leaves_a_true_state_and_is_finished_later(stack, running):
    dev = stack(PROGRAM)
    dev.up()
    dev.set(service="eks", version="2")
    emulator = PrivateApi(running.layout.aws_endpoint)
    emulator.inject("iam", "TagRole", "500", "forever")
    try:
        said = dev.up(check=False)
    finally:
        emulator.clear_faults()
    assert "updating aws:iam/role:Role 'role'" in said
    assert "(TagRole)" in said
    role = dev.state("role")
    assert "eks.amazonaws.com" in role["outputs"]["assumeRolePolicy"]
    assert role["outputs"]["tags"] == {"version": "1"}
    assert role["initErrors"]
    dev.up()
    role = dev.state("role")
    assert role["outputs"]["tags"] == {"version": "2"}
    assert "initErrors" not in role
    dev("preview", "--expect-no-changes")


def test_a_wrong_property_stops_the_preview_with_all_that_is_wrong(stack):
    program = """
import pulumi

class Role(pulumi.CustomResource):
    def __init__(self, name, **properties):
        super().__init__("aws:iam/role:Role", name, properties)

Role("wrong", assumeRolePolicy="{}", descripton="x", maxSessionDuration="3600")
"""
    said = stack(program)("preview", check=False)
    assert "unknown property 'descripton'; did you mean 'description'?" in said
    assert "expected a number, got a string" in said


def test_an_unknown_type_stops_the_preview_and_is_named(stack):
    said = stack("import pulumi_aws as aws\naws.s3.Bucket('bucket')\n")("preview", check=False)
    assert "the sandbox's stand-in for the aws provider has no resource type aws:s3/bucket:Bucket" in said


def test_a_resource_that_exists_is_imported_by_its_official_id(stack, running):
    trust = {"Version": "2012-10-17", "Statement": []}
    running.client("iam").create_role(RoleName="already-there", AssumeRolePolicyDocument=json.dumps(trust))
    program = f"""
import pulumi, pulumi_aws as aws

aws.iam.Role("adopted", name="already-there", assume_role_policy={trust},
             opts=pulumi.ResourceOptions(import_="already-there"))
"""
    dev = stack(program)
    dev.up()
    assert dev.state("adopted")["id"] == "already-there"
    dev("preview", "--expect-no-changes")
