"""The policy of the deploying role: what a stack uses is allowed, what it does not use is not."""

import json

import pytest

import settings
from components.pure.iam import NODE_MANAGED_POLICIES
from scripts.deploy_policy import __main__ as command
from scripts.deploy_policy.document import MAX_LENGTH, TABLE, _Scopes, document, features, table
from tests.unit.test_settings import GOOD, ROOT, create, own_vpc

ACCOUNT = "123456789012"
MANAGED = "arn:aws:iam::aws:policy"

CREATED_GROUP = {"autoScalingGroups": [{"name": "mixed", "create": {"minSize": 0, "maxSize": 3}}]}


def parsed(**changes):
    given = {**GOOD, **changes}
    return settings.parse({key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()})


def statements(*, write=True, **changes):
    return document(parsed(**changes), ACCOUNT, write=write)["Statement"]


def allowed(found):
    return {action for statement in found for action in statement["Action"]}


def of(found, action):
    (statement,) = [each for each in found if action in each["Action"]]
    return statement


def role_arn(name):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def by_resource(found, action, operator, key):
    """The values of a condition by resource, an empty list without the condition."""
    return {
        resource: values if isinstance(values, list) else [values]
        for statement in found
        if action in statement["Action"]
        for values in [statement.get("Condition", {}).get(operator, {}).get(key, [])]
        for resource in statement["Resource"]
    }


def attachable(found):
    """Names of the policies that each role may get."""
    conditions = by_resource(found, "iam:AttachRolePolicy", "ArnEqualsIfExists", "iam:PolicyARN")
    return {resource: {arn.rsplit("/")[-1] for arn in arns} for resource, arns in conditions.items()}


def boundaries(found):
    """The boundary that each role must be created with."""
    return by_resource(found, "iam:CreateRole", "StringEquals", "iam:PermissionsBoundary")


def test_each_row_has_a_known_scope_and_exists_once():
    rows = table()
    assert len({(row.feature, row.action, row.scope) for row in rows}) == len(rows)
    assert {row.access for row in rows} == {"read", "write"}
    for scope in {row.scope for row in rows}:
        assert all("Resource" in each for each in _Scopes(parsed(**CREATED_GROUP), ACCOUNT).of(scope))


def test_every_feature_of_the_table_is_one_that_some_settings_have():
    every = (
        features(parsed(**create(adminPrincipalArns=[f"arn:aws:iam::{ACCOUNT}:role/admins"])))
        | features(
            parsed(
                **create(addons={}, network={"zones": ["us-east-1a", "us-east-1b"], "endpoints": {}}),
                credentials="podIdentity",
                podIdentity={"agentVersion": "default", "retainAgent": False},
            )
        )
        | features(
            parsed(credentials="nodeRole", existingNodeGroups=[{"name": "w"}], autoScalingGroups=[{"name": "s"}])
        )
        | features(parsed(**CREATED_GROUP))
        | features(parsed(oidcProvider={"create": False}))
        | features(parsed(cluster={**create()["cluster"], "ipFamily": "ipv6"}))
        | features(parsed(nodeGroups=[{**GOOD["nodeGroups"][0], "subnetIds": ["subnet-00000001"], "onePerZone": True}]))
    )
    assert every == {row.feature for row in table()}


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({}, "ec2:CreateVpc"),
        (create(network={"zones": ["us-east-1a", "us-east-1b"]}), "ec2:CreateVpcEndpoint"),
        (
            create(network={"zones": ["us-east-1a", "us-east-1b"], "nat": False, "endpoints": {}}),
            "ec2:CreateNatGateway",
        ),
        ({}, "eks:CreateCluster"),
        ({}, "eks:CreatePodIdentityAssociation"),
        ({"nodeGroups": []}, "eks:CreateNodegroup"),
        ({"nodeGroups": []}, "ec2:RunInstances"),
        ({"oidcProvider": {"create": False}}, "iam:CreateOpenIDConnectProvider"),
        ({}, "iam:DeleteOpenIDConnectProvider"),
        ({"credentials": "podIdentity"}, "eks:DeleteAddon"),
        ({"credentials": "podIdentity", "podIdentity": {"installAgent": False}}, "eks:CreateAddon"),
        (
            {
                "credentials": "nodeRole",
                "nodeGroups": [{**GOOD["nodeGroups"][0], "nodeRoleArn": f"arn:aws:iam::{ACCOUNT}:role/n"}],
            },
            "iam:CreateRole",
        ),
    ],
)
def test_what_a_stack_does_not_use_is_not_allowed(changes, action):
    assert action not in allowed(statements(**changes))
    assert action in {row.action for row in table()}


def test_a_preview_may_only_read():
    verbs = {action.split(":")[1] for action in allowed(statements(write=False, **create()))}
    assert all(verb.startswith(("Describe", "Get", "List")) for verb in verbs)


def test_writes_name_the_resources_of_this_stack():
    for statement in statements(**create(), existingNodeGroups=[{"name": "w"}]):
        if not all(action.split(":")[1].startswith(("Describe", "Get", "List")) for action in statement["Action"]):
            # AWS knows no resource for it (service authorization reference of EKS).
            assert "*" not in statement["Resource"] or "eks:CreateCluster" in statement["Action"], statement


def test_roles_are_those_that_the_program_names_with_prefix_and_path():
    found = statements(role={"path": "/platform/", "namePrefix": "team-"})
    assert of(found, "iam:CreateRole")["Resource"] == [
        f"arn:aws:iam::{ACCOUNT}:role/platform/team-cluster-autoscaler-*",
        f"arn:aws:iam::{ACCOUNT}:role/platform/team-general-node-*",
    ]
    (policy,) = of(found, "iam:CreatePolicy")["Resource"]
    assert policy.startswith(
        f"arn:aws:iam::{ACCOUNT}:policy/platform/team-AmazonEKSClusterAutoscalerPolicy-series-api-"
    )


def test_what_a_stack_deletes_may_be_deleted():
    assert "iam:DeleteOpenIDConnectProvider" in allowed(statements(**create()))
    assert "iam:DeleteOpenIDConnectProvider" in allowed(statements(oidcProvider={"retain": False}))


def test_the_role_of_a_created_cluster_is_the_one_that_its_settings_describe():
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/clusters"
    own = {"path": "/clusters/", "namePrefix": "org-", "permissionsBoundaryArn": boundary}
    found = boundaries(statements(**create(role=own), role={"permissionsBoundaryArn": f"{boundary}-2"}))
    assert found[role_arn("clusters/org-eks-cluster-*")] == [boundary]
    assert found[role_arn("cluster-autoscaler-*")] == [f"{boundary}-2"]
    assert boundaries(statements(**create()))[role_arn("cluster-eksRole-role-*")] == []


@pytest.mark.parametrize(
    ("cluster", "name"), [({}, "cluster-eksRole-role-*"), ({"role": {"namePrefix": "org-"}}, "org-eks-cluster-*")]
)
def test_a_cluster_role_without_a_boundary_is_allowed_while_other_roles_must_have_one(cluster, name):
    """Nothing but the AWS managed policy can be attached to it, so it is no way around the boundary."""
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    found = statements(**create(**cluster), role={"permissionsBoundaryArn": boundary})
    others = [role_arn("cluster-autoscaler-*"), role_arn("general-node-*")]
    assert boundaries(found) == {**{each: [boundary] for each in others}, role_arn(name): []}
    assert attachable(found)[role_arn(name)] == {"AmazonEKSClusterPolicy"}
    assert of(found, "iam:DeleteRolePermissionsBoundary")["Resource"] == [role_arn(name)]
    assert "iam:PutRolePolicy" not in allowed(found)


def test_inline_policies_are_for_roles_of_nodes_only():
    found = statements(cluster={**create()["cluster"], "ipFamily": "ipv6"})
    assert of(found, "iam:PutRolePolicy")["Resource"] == [role_arn("general-node-*")]


def test_a_group_that_is_created_is_allowed_with_its_role_and_instance_profile():
    found = statements(**CREATED_GROUP, nodeGroups=[], role={"path": "/platform/", "namePrefix": "team-"})
    beginning = f"arn:aws:iam::{ACCOUNT}"
    assert f"{beginning}:role/platform/team-mixed-node-*" in of(found, "iam:CreateRole")["Resource"]
    assert of(found, "iam:CreateInstanceProfile")["Resource"] == [
        f"{beginning}:instance-profile/platform/team-mixed-node-*"
    ]
    without = of(statements(**CREATED_GROUP), "iam:CreateInstanceProfile")["Resource"]
    assert without == [f"{beginning}:instance-profile/mixed-*"]
    assert "autoscaling:CreateAutoScalingGroup" not in allowed(statements(autoScalingGroups=[{"name": "mixed"}]))


def test_each_role_may_get_the_policies_that_the_program_attaches_to_it_and_no_others():
    ssm, own = f"{MANAGED}/AmazonSSMManagedInstanceCore", f"arn:aws:iam::{ACCOUNT}:policy/logs"
    mixed = {"name": "mixed", "create": {"minSize": 0, "maxSize": 3, "nodeRolePolicies": [own]}}
    groups = [
        {**GOOD["nodeGroups"][0], "nodeRolePolicies": [ssm]},
        {"name": "plain", "minSize": 0, "maxSize": 1},
        {"name": "given", "minSize": 0, "maxSize": 1, "nodeRoleArn": role_arn("nodes")},
    ]
    found = attachable(statements(nodeGroups=groups, autoScalingGroups=[mixed]))
    (autoscaler,) = found.pop(role_arn("cluster-autoscaler-*"))
    assert autoscaler.startswith("AmazonEKSClusterAutoscalerPolicy-")
    assert found == {
        role_arn("general-node-*"): {*NODE_MANAGED_POLICIES, "AmazonSSMManagedInstanceCore"},
        role_arn("plain-node-*"): {*NODE_MANAGED_POLICIES},
        role_arn("mixed-node-*"): {*NODE_MANAGED_POLICIES, "logs"},
    }


@pytest.mark.parametrize(
    ("region", "services"),
    [
        ("us-east-1", {"ec2.amazonaws.com"}),
        ("us-gov-west-1", {"ec2.amazonaws.com"}),
        ("cn-north-1", {"ec2.amazonaws.com", "ec2.amazonaws.com.cn"}),
    ],
)
def test_roles_are_passed_to_each_name_that_ec2_has_in_the_partition(region, services):
    condition = of(statements(region=region), "iam:PassRole")["Condition"]["StringEqualsIfExists"]
    assert {*condition["iam:PassedToService"]} == {"eks.amazonaws.com", "pods.eks.amazonaws.com", *services}


def test_of_parameters_only_the_public_ones_can_be_read():
    (resource,) = of(statements(**CREATED_GROUP), "ssm:GetParameter")["Resource"]
    assert resource == "arn:aws:ssm:us-east-1:*:parameter/aws/service/*"


def test_the_private_subnets_of_an_adopted_cluster_may_be_looked_up_for_the_output_of_the_stack():
    lookups = {"ec2:DescribeSubnets", "ec2:DescribeRouteTables"}
    group = {**GOOD["nodeGroups"][0], "subnetIds": ["subnet-00000001"]}
    assert lookups <= allowed(statements(write=False, nodeGroups=[group]))
    assert not lookups & allowed(statements(write=False, **own_vpc()))
    zones = {**group, "onePerZone": True}
    assert lookups & allowed(statements(write=False, **own_vpc(), nodeGroups=[zones])) == {"ec2:DescribeSubnets"}


def test_with_a_boundary_roles_are_created_with_it_only_and_it_stays():
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    found = statements(role={"permissionsBoundaryArn": boundary})
    assert of(found, "iam:CreateRole")["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    assert "iam:DeleteRolePermissionsBoundary" not in allowed(found)
    assert "iam:DeleteRolePermissionsBoundary" in allowed(statements())


@pytest.mark.parametrize(
    ("region", "partition"),
    [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eusc-de-east-1", "aws-eusc")],
)
def test_arns_are_of_the_regions_partition(region, partition):
    for statement in document(parsed(region=region), ACCOUNT, write=True)["Statement"]:
        assert all(resource == "*" or resource.startswith(f"arn:{partition}:") for resource in statement["Resource"])


@pytest.mark.parametrize("stack", ["adopt", "dev", "sandbox"])
def test_the_policies_of_the_shipped_environments_fit_a_managed_policy(stack, capsys):
    assert command.main([stack, "--account", ACCOUNT, "--folder", str(ROOT)]) == 0
    out, err = capsys.readouterr()
    assert len(json.dumps(json.loads(out), separators=(",", ":"))) <= MAX_LENGTH
    assert err == ""


GOOD_FILE = """config:
  eks-cluster-autoscaler:region: us-east-1
  eks-cluster-autoscaler:cluster: {name: c}
"""
OWN = "  eks-cluster-autoscaler:"


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (None, ["got the stack 'x'; expected one with a file Pulumi.x.yaml"]),
        (f"config:\n{OWN}region: us-east-1\n", ["Pulumi.x.yaml: 1 error", "cluster: got nothing; expected"]),
        (GOOD_FILE, ["Pulumi.x.yaml: accountId: got nothing; expected the ID of the account, here or by --account"]),
        ("config:\n  a: [b\n", ["Pulumi.x.yaml: 1 error", "line 3, column 1: got malformed YAML: expected ',' or ']'"]),
        ("config: {a: \x00}", ["file: got malformed YAML: unacceptable character #x0000"]),
        (b"config: {a: \xff}", ["file: got bytes that are not UTF-8; expected text in UTF-8"]),
        ("- config\n", ["Pulumi.x.yaml: 1 error", "file: got a list; expected a map"]),
        ("config\n", ["file: got text; expected a map with the key config"]),
        ("config: [a]\n", ["config: got a list; expected a map of `eks-cluster-autoscaler:<setting>`"]),
        ("config: 5\n", ["config: got a number; expected a map"]),
        ("", ["cluster: got nothing", "region: got nothing"]),
        (f"{GOOD_FILE}  2026-11-30: x\n", ['config: got the key "2026-11-30", a date; expected text as a key']),
        (
            f"{GOOD_FILE}{OWN}tags: {{2: x, 2026-11-30: x, released: 2026-11-30, null: x, at: 2026-11-30T10:00:00Z}}\n",
            [
                "Pulumi.x.yaml: 5 errors",
                "tags: got the key 2, a number; expected text as a key: put it in quotes",
                'tags: got the key "2026-11-30", a date; expected text as a key: put it in quotes',
                "tags: got the key null, nothing; expected text as a key: put it in quotes",
                "tags.released: got a date 2026-11-30; expected text: put it in quotes",
                "tags.at: got a datetime 2026-11-30 10:00:00+00:00; expected text: put it in quotes",
            ],
        ),
        (
            f"{GOOD_FILE}{OWN}nodeGroups:\n  - {{name: a, minSize: 0, maxSize: 1, labels: {{released: 2026-11-30}}}}\n",
            ["nodeGroups[0].labels.released: got a date 2026-11-30; expected text: put it in quotes"],
        ),
        (
            f"{GOOD_FILE}{OWN}accountId: {{secure: v1:x}}\n{OWN}credentials: {{secure: v1:x}}\n",
            [
                "accountId: got a secret; expected --account with the ID: this command decrypts nothing",
                "credentials: got a secret; expected plain text: this command decrypts nothing",
            ],
        ),
    ],
)
def test_what_does_not_suffice_gets_a_line_for_each_error_and_no_traceback(text, messages, tmp_path, capsys):
    file = tmp_path / "Pulumi.x.yaml"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert command.main(["x", "--folder", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert [message for message in messages if message not in err] == [], err


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path, capsys):
    (tmp_path / "Pulumi.x.yaml").mkdir()
    assert command.main(["x", "--folder", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        "Pulumi.x.yaml: 1 error\n  file: got an error: Is a directory; expected a file that can be read\n"
    )


def test_the_option_takes_the_place_of_an_encrypted_account_and_secrets_of_the_chart_are_not_read(tmp_path, capsys):
    secrets = (
        f"{OWN}accountId: {{secure: v1:x}}\n{OWN}autoscaler: {{values: {{extraEnv: {{TOKEN: {{secure: v1:x}}}}}}}}\n"
    )
    (tmp_path / "Pulumi.x.yaml").write_text(GOOD_FILE + secrets)
    assert command.main(["x", "--account", ACCOUNT, "--folder", str(tmp_path)]) == 0
    assert f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/c" in capsys.readouterr().out


@pytest.mark.parametrize("given", ["12", "", "1234567890123", "12345678901a", "１２３４５６７８９０１２"])
def test_an_account_that_is_none_is_refused(given, capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(["dev", "--account", given, "--folder", str(ROOT)])
    assert ended.value.code == 2
    assert f"argument --account: got '{given}'; expected an AWS account ID of twelve digits" in capsys.readouterr().err


def test_the_table_names_its_sources():
    assert all(row.source for row in table())
    assert TABLE.read_text().splitlines()[1].endswith("read 2026-11-29.")
