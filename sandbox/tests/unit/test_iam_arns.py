"""Which ARN IAM checks when a call creates something: policies that name resources depend on it."""

import pytest

from sandbox.aws.hooks.iam_resources import extract_resource_arn


@pytest.mark.parametrize(
    ("params", "arn"),
    [
        ({"Action": "CreateRole", "RoleName": "nodes", "Path": "/platform/"}, "role/platform/nodes"),
        ({"Action": "CreatePolicy", "PolicyName": "scale"}, "policy/scale"),
        (
            {"Action": "CreateOpenIDConnectProvider", "Url": "https://oidc.eks.us-east-1.amazonaws.com/id/A"},
            "oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/A",
        ),
    ],
)
def test_a_call_that_creates_is_about_the_arn_of_what_it_creates(params, arn):
    query = {name: [value] for name, value in params.items()}
    found = extract_resource_arn(lambda *_: "*", "iam", "POST", "/", {}, b"", query, "us-east-1", "123456789012")
    assert found == f"arn:aws:iam::123456789012:{arn}"


def test_a_call_that_only_lists_has_no_resource():
    query = {"Action": ["ListOpenIDConnectProviders"]}
    found = extract_resource_arn(lambda *_: "*", "iam", "POST", "/", {}, b"", query, "us-east-1", "123456789012")
    assert found == "*"


@pytest.mark.parametrize(
    ("path", "arn"),
    [
        ("/clusters/c/addons/agent", "addon/c/agent/"),
        ("/clusters/c/pod-identity-associations/a-1", "podidentityassociation/c/a-1/"),
        ("/clusters/c/node-groups/general", "nodegroup/c/general/"),
    ],
)
def test_a_part_that_does_not_exist_is_not_taken_for_its_cluster(path, arn):
    found = extract_resource_arn(lambda *_: "*", "eks", "GET", path, {}, b"", {}, "us-east-1", "123456789012")
    assert found == f"arn:aws:eks:us-east-1:123456789012:{arn}"
