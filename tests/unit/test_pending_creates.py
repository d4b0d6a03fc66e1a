"""What is reported about the creations that a killed `up` left open, and what is offered for import."""

import io
import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "pending_creates.py"))
URN = "urn:pulumi:dev::project::component:index:Parent$"
PARENT = "urn:pulumi:dev::project::component:index:Parent::parent"
PROVIDER = "urn:pulumi:dev::project::pulumi:providers:aws::aws"
VPC = "aws:ec2/vpc:Vpc"
ROLE = "aws:iam/role:Role"


def creating(type_, called, /, **inputs):
    resource = {"urn": f"{URN}{type_}::{called}", "type": type_, "custom": True, "inputs": inputs}
    return {"type": "creating", "resource": resource | {"parent": PARENT, "provider": f"{PROVIDER}::uuid"}}


def export(*operations, resources=()):
    return {"deployment": {"pending_operations": list(operations), "resources": list(resources)}}


class Cloud:
    """An account with these VPCs (by tag) and these roles (with tags, if that matters)."""

    def __init__(self, vpcs=(), roles=()):
        self.vpcs, self.roles = vpcs, roles if isinstance(roles, dict) else {name: {} for name in roles}

    def get_paginator(self, operation):
        def paginate(**asked):
            if operation == "list_roles":
                assert asked == {"PathPrefix": "/"}
                return [{"Roles": [{"RoleName": name}]} for name in self.roles]
            return [{"Tags": [{"Key": key, "Value": value}]} for key, value in self.roles[asked["RoleName"]].items()]

        return SimpleNamespace(paginate=paginate)

    def __call__(self, service):
        return self

    def describe_vpcs(self, Filters):  # noqa: N803
        wanted = {each["Name"]: each["Values"] for each in Filters}
        return {"Vpcs": [{"VpcId": i} for i, name in self.vpcs if wanted["tag:Name"] == [name]]}

    def get_role(self, RoleName):  # noqa: N803
        if RoleName not in self.roles:
            raise ClientError({"Error": {"Code": "NoSuchEntity"}}, "GetRole")


NETWORK = creating(VPC, "network", tags={"Name": "network"})


def report(exported, cloud):
    findings = SCRIPT["search"](exported, cloud)
    return SCRIPT["advice"](findings), SCRIPT["import_file"](findings)


def test_what_was_made_is_offered_at_its_place_in_the_program():
    text, file = report(export(NETWORK), Cloud(vpcs=[("vpc-1", "network"), ("vpc-2", "another")]))
    assert f"{VPC} network: made, as vpc-1 (by its tags Name=network)" in text
    assert "pulumi import --file interrupted.json" in text
    (entry,) = file["resources"]
    assert (entry["type"], entry["name"], entry["id"]) == (VPC, "network", "vpc-1")
    assert file["nameTable"][entry["parent"]] == PARENT
    assert file["nameTable"][entry["provider"]] == PROVIDER


def test_what_may_still_be_creating_is_waited_for_before_the_import():
    class Eks(Cloud):
        def describe_nodegroup(self, clusterName, nodegroupName):  # noqa: N803
            return {"nodegroup": {"status": "CREATING"}}

    group = creating("aws:eks/nodeGroup:NodeGroup", "general", clusterName="prod", nodeGroupName="general-1a2b3c4")
    text, _ = report(export(group, NETWORK), Eks(vpcs=[("vpc-1", "network")]))
    wait = "aws eks wait nodegroup-active --cluster-name prod --nodegroup-name general-1a2b3c4"
    assert text.index(wait) < text.index("pulumi import")
    assert text.count("wait") == 1


def test_what_was_not_made_is_only_forgotten():
    text, file = report(export(creating(ROLE, "role", name="role-1")), Cloud())
    assert f"{ROLE} role: was not made" in text
    assert "pulumi import" not in text
    assert "pulumi refresh --clear-pending-creates" in text
    assert file == {"nameTable": {}, "resources": []}


def test_a_role_with_a_prefix_is_found_by_its_prefix_and_tags():
    mine, other, longer = f"org-ca-{'0' * 26}", f"org-ca-{'1' * 26}", f"org-ca-node-{'2' * 26}"
    tags = {"team": "a", "cluster": "demo"}
    cloud = Cloud(roles={mine: {**tags, "more": "1"}, other: {"team": "b"}, longer: tags})
    text, file = report(export(creating(ROLE, "role", namePrefix="org-ca-", tags=tags)), cloud)
    assert f"{ROLE} role: made, as {mine}" in text
    assert [entry["id"] for entry in file["resources"]] == [mine]


def test_what_was_made_once_more_since_is_left_over():
    again = {"urn": NETWORK["resource"]["urn"], "id": "vpc-2"}
    cloud = Cloud(vpcs=[("vpc-1", "network"), ("vpc-2", "network")])
    text, file = report(export(NETWORK, resources=[again]), cloud)
    assert "vpc-2 was made since; delete what is left over: vpc-1" in text
    assert file["resources"] == []


def test_two_tries_are_one_finding_and_the_user_chooses():
    tries = [creating(ROLE, "role", name="role-1"), creating(ROLE, "role", name="role-2")]
    text, file = report(export(*tries), Cloud(roles=["role-1", "role-2"]))
    assert "Interrupted creations: 1" in text
    assert "role-1 and role-2 fit: have the stack's own in the file" in text
    assert [entry["id"] for entry in file["resources"]] == ["role-1"]


def test_what_may_be_made_twice_is_not_searched():
    attachment = creating("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "attachment", role="r")
    text, _ = report(export(attachment), Cloud())
    assert "creating it again does no harm" in text


def test_deletions_and_components_are_ignored():
    deleting = NETWORK | {"type": "deleting"}
    component = {"type": "creating", "resource": {"urn": PARENT, "type": "component:index:Parent"}}
    text, _ = report(export(deleting, component), Cloud())
    assert text == "No creation was interrupted; nothing to do.\n"


@pytest.mark.parametrize("text", ["", "[]", "{}", '"text"', json.dumps({"deployment": None})])
def test_what_is_no_export_gets_one_line_and_no_traceback(text, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert SCRIPT["main"]([]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("pending_creates: got no `pulumi stack export` on stdin")
    assert printed.out == ""
