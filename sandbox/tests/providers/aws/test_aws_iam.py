"""IAM through the provider stand-in."""

import json

import grpc
import pytest

from sandbox.tests.aws.support import policy, trust
from sandbox.tests.providers.aws.lifecycle import (
    answered,
    differences,
    drifted,
    imported,
    made,
    removed,
    replaced,
    unchanged,
    updated,
)

ROLE = "aws:iam/role:Role"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"
POLICY = "aws:iam/policy:Policy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
INLINE = "aws:iam/rolePolicy:RolePolicy"
OIDC = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
GET_OIDC = "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider"

EC2 = trust({"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
EKS = trust({"Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"})
READ = policy({"Action": ["autoscaling:Describe*", "ec2:Describe*"]})
SCALE = policy({"Action": "autoscaling:SetDesiredCapacity"})


def test_role_life(engine, cloud, name):
    inputs = {
        "name": name,
        "assumeRolePolicy": EC2,
        "description": "first",
        "tags": {"team": "a", "k8s.io/x": "1"},
    }
    role = made(engine, ROLE, inputs)
    assert role.outputs["arn"] == f"arn:aws:iam::123456789012:role/{name}"
    assert role.outputs["uniqueId"].startswith("AROA")
    inputs |= {"assumeRolePolicy": EKS}
    role = updated(engine, ROLE, role, inputs, {"assumeRolePolicy": "UPDATE"})
    inputs |= {"description": "second"}
    role = updated(engine, ROLE, role, inputs, {"description": "UPDATE"})
    inputs |= {"tags": {"team": "b", "new": "2"}}
    changes = {"tags.team": "UPDATE", "tags.new": "ADD", 'tags["k8s.io/x"]': "DELETE"}
    role = updated(engine, ROLE, role, inputs, changes)
    replaced(engine, ROLE, role, inputs | {"name": f"{name}-other"}, "name")
    replaced(engine, ROLE, role, inputs | {"path": "/other/"}, "path")
    imported(engine, ROLE, name, role, inputs)

    def tamper():
        cloud("iam").tag_role(RoleName=name, Tags=[{"Key": "team", "Value": "z"}, {"Key": "extra", "Value": "1"}])
        cloud("iam").untag_role(RoleName=name, TagKeys=["new"])
        cloud("iam").update_assume_role_policy(RoleName=name, PolicyDocument=EC2)

    changes = {"assumeRolePolicy": "UPDATE", "tags.team": "UPDATE", "tags.extra": "DELETE", "tags.new": "ADD"}
    role = drifted(engine, ROLE, role, inputs, tamper, changes)
    removed(engine, ROLE, role)


def test_instance_profile_life(engine, cloud, name):
    for role in (name, f"{name}-other"):
        made(engine, ROLE, {"name": role, "assumeRolePolicy": EC2})
    inputs = {"name": name, "role": name, "tags": {"team": "a"}}
    profile = made(engine, PROFILE, inputs)
    assert profile.outputs["arn"] == f"arn:aws:iam::123456789012:instance-profile/{name}"
    inputs = {**inputs, "role": f"{name}-other", "tags": {"team": "b"}}
    profile = updated(engine, PROFILE, profile, inputs, {"role": "UPDATE", "tags.team": "UPDATE"})
    roles = cloud("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]
    assert [role["RoleName"] for role in roles] == [f"{name}-other"]
    replaced(engine, PROFILE, profile, {**inputs, "path": "/other/"}, "path")
    imported(engine, PROFILE, name, profile, inputs)
    removed(engine, PROFILE, profile)


def test_a_role_with_policies_of_others_is_not_deleted(engine, cloud, name):
    role = made(engine, ROLE, {"name": name, "assumeRolePolicy": EC2})
    cloud("iam").attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy")
    with pytest.raises(grpc.RpcError, match=f"DeleteConflict .*{name}|{ROLE} 'it': DeleteConflict"):
        engine.delete(ROLE, role)


def test_a_role_goes_with_the_policies_that_a_refresh_recorded(engine, cloud, name):
    role = made(engine, ROLE, {"name": name, "assumeRolePolicy": EC2})
    cloud("iam").attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy")
    removed(engine, ROLE, engine.refresh(ROLE, role))


def test_policies_on_the_role_itself_are_refused_by_name(engine):
    inputs = {"assumeRolePolicy": EC2, "managedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}
    _, failures = engine.check(ROLE, {**inputs, "inlinePolicies": [{"name": "read", "policy": READ}]})
    assert failures.keys() == {"inlinePolicies", "managedPolicyArns"}


def test_policy_life(engine, cloud, name):
    inputs = {"name": name, "policy": READ, "description": "reads", "tags": {"team": "a"}}
    resource = made(engine, POLICY, inputs)
    arn = f"arn:aws:iam::123456789012:policy/{name}"
    assert resource.id == resource.outputs["arn"] == arn
    for number in range(6):  # One more than AWS keeps.
        inputs |= {"policy": policy({"Action": f"s3:Get{number}"})}
        resource = updated(engine, POLICY, resource, inputs, {"policy": "UPDATE"})
    inputs |= {"tags": {}}
    resource = updated(engine, POLICY, resource, inputs, {"tags.team": "DELETE"})
    replaced(engine, POLICY, resource, inputs | {"description": "writes"}, "description")
    imported(engine, POLICY, arn, resource, inputs)

    def widen():
        versions = cloud("iam").list_policy_versions(PolicyArn=arn)["Versions"]
        spare = next(each["VersionId"] for each in versions if not each["IsDefaultVersion"])
        cloud("iam").delete_policy_version(PolicyArn=arn, VersionId=spare)
        cloud("iam").create_policy_version(PolicyArn=arn, PolicyDocument=policy({"Action": "*"}), SetAsDefault=True)

    resource = drifted(engine, POLICY, resource, inputs, widen, {"policy": "UPDATE"})
    removed(engine, POLICY, resource)


def test_a_policy_may_be_written_as_an_object(engine, name):
    resource = made(engine, POLICY, {"name": name, "policy": json.loads(READ)})
    assert json.loads(resource.outputs["policy"]) == json.loads(READ)


def test_a_policy_in_another_spelling_with_the_same_meaning_is_no_change(engine, name):
    resource = made(engine, POLICY, {"name": name, "policy": READ})
    document = json.loads(READ)
    [statement] = document["Statement"]
    statement |= {"Action": statement["Action"][::-1], "Resource": [statement["Resource"]]}
    same = json.dumps({"Statement": statement, "Version": document["Version"]}, indent=1)
    unchanged(engine, POLICY, resource, {"name": name, "policy": same})


def test_attachment_life(engine, cloud, name):
    made(engine, ROLE, {"name": name, "assumeRolePolicy": EC2})
    worker, cni = (f"arn:aws:iam::aws:policy/{each}" for each in ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy"))
    inputs = {"role": name, "policyArn": worker}
    attachment = made(engine, ATTACHMENT, inputs)
    replaced(engine, ATTACHMENT, attachment, inputs | {"policyArn": cni}, "policyArn")
    assert engine.diff(ATTACHMENT, attachment, inputs | {"policyArn": cni}).deleteBeforeReplace
    imported(engine, ATTACHMENT, f"{name}/{worker}", attachment, inputs)
    cloud("iam").detach_role_policy(RoleName=name, PolicyArn=worker)
    assert engine.refresh(ATTACHMENT, attachment) is None
    again = engine.create(ATTACHMENT, inputs)
    removed(engine, ATTACHMENT, again)


def test_inline_policy_life(engine, cloud, name):
    role = engine.create(ROLE, {"name": name, "assumeRolePolicy": EC2})
    inputs = {"name": "reads", "role": name, "policy": READ}
    inline = made(engine, INLINE, inputs)
    assert inline.id == f"{name}:reads"
    inputs |= {"policy": SCALE}
    inline = updated(engine, INLINE, inline, inputs, {"policy": "UPDATE"})
    replaced(engine, INLINE, inline, inputs | {"role": "other"}, "role")
    imported(engine, INLINE, inline.id, inline, inputs)
    with pytest.raises(grpc.RpcError, match="not of the form <role name>:<policy name>"):
        engine.import_(INLINE, name)

    def tamper():
        cloud("iam").put_role_policy(RoleName=name, PolicyName="reads", PolicyDocument=READ)

    inline = drifted(engine, INLINE, inline, inputs, tamper, {"policy": "UPDATE"})
    removed(engine, INLINE, inline)
    removed(engine, ROLE, role)


def test_oidc_provider_life(engine, cloud, name):
    url = f"https://oidc.eks.us-east-1.amazonaws.com/id/{name}"
    inputs = {"url": url, "clientIdLists": ["sts.amazonaws.com"], "tags": {"team": "a"}}
    resource = made(engine, OIDC, inputs, unforetold="url")
    arn = f"arn:aws:iam::123456789012:oidc-provider/{url.removeprefix('https://')}"
    assert resource.id == resource.outputs["arn"] == arn
    assert resource.outputs["url"] == url.removeprefix("https://")
    inputs |= {"clientIdLists": ["other", "sts.amazonaws.com"]}
    resource = engine.update(OIDC, resource, inputs)
    assert sorted(resource.outputs["clientIdLists"]) == ["other", "sts.amazonaws.com"]
    inputs |= {"clientIdLists": ["sts.amazonaws.com"], "tags": {"team": "b"}}
    resource = engine.update(OIDC, resource, inputs)
    assert resource.outputs["clientIdLists"] == ["sts.amazonaws.com"]
    assert resource.outputs["tags"] == {"team": "b"}
    unchanged(engine, OIDC, resource, inputs)
    replaced(engine, OIDC, resource, inputs | {"url": f"{url}x"}, "url")
    imported(engine, OIDC, arn, resource, inputs)
    assert answered(engine, GET_OIDC, url=url)["arn"] == arn
    assert answered(engine, GET_OIDC, arn=arn)["clientIdLists"] == ["sts.amazonaws.com"]

    def tamper():
        cloud("iam").add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="another")
        cloud("iam").untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["team"])

    tamper()
    refreshed = engine.refresh(OIDC, resource)
    changes = differences(engine, OIDC, refreshed, inputs)
    assert set(changes.values()) == {"ADD", "DELETE"}
    assert {path.partition("[")[0] for path in changes} == {"clientIdLists", "tags.team"}
    resource = engine.update(OIDC, refreshed, inputs)
    unchanged(engine, OIDC, resource, inputs)
    removed(engine, OIDC, resource)
    with pytest.raises(grpc.RpcError, match=r"finding IAM OIDC Provider by url .*: not found"):
        engine.invoke(GET_OIDC, url=url)
