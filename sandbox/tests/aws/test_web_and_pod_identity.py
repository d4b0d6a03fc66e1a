"""How pods get credentials: IRSA by AssumeRoleWithWebIdentity, and EKS Pod Identity."""

from __future__ import annotations

import time
import urllib.error
from collections.abc import Callable
from typing import Any

import botocore
import pytest
from botocore.exceptions import ClientError

from sandbox.tests.aws.support import ACCOUNT, FORGERS_KEY, SUBNETS, Aws, Cluster, Emulator, code, policy, trust

SUBJECT = "system:serviceaccount:kube-system:cluster-autoscaler"


@pytest.fixture
def irsa_role(aws: Aws, cluster: Cluster) -> str:
    """The autoscaler's role, and the cluster's provider."""
    aws("iam").create_open_id_connect_provider(Url=cluster.issuer, ClientIDList=["sts.amazonaws.com"])
    role = aws("iam").create_role(
        RoleName=f"{cluster.name}-irsa",
        AssumeRolePolicyDocument=trust(
            {
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Principal": {"Federated": cluster.provider_arn},
                "Condition": {
                    "StringEquals": {f"{cluster.host}:sub": SUBJECT, f"{cluster.host}:aud": "sts.amazonaws.com"}
                },
            }
        ),
    )["Role"]
    return str(role["Arn"])


@pytest.fixture
def exchange(emulator: Emulator) -> Callable[[str, str], dict[str, Any]]:
    """Exchanges a token for credentials, unsigned as a pod does."""
    sts = emulator.client("sts", {}, signature_version=botocore.UNSIGNED)

    def call(role: str, token: str) -> dict[str, Any]:
        return dict(
            sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="autoscaler", WebIdentityToken=token)
        )

    return call


def as_keys(credentials: dict[str, Any]) -> dict[str, str]:
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def test_the_right_token_gets_the_role_and_no_more(
    aws: Aws, cluster: Cluster, irsa_role: str, exchange: Callable[[str, str], dict[str, Any]]
) -> None:
    for audience in (["sts.amazonaws.com"], "sts.amazonaws.com"):
        answer = exchange(irsa_role, cluster.token(aud=audience))
        assert (answer["SubjectFromWebIdentityToken"], answer["Audience"]) == (SUBJECT, "sts.amazonaws.com")
        assert answer["Provider"] == cluster.provider_arn
    keys = as_keys(answer["Credentials"])
    assert aws("sts", keys).get_caller_identity()["Arn"] == (
        f"arn:aws:sts::{ACCOUNT}:assumed-role/{cluster.name}-irsa/autoscaler"
    )
    with pytest.raises(ClientError) as error:
        aws("autoscaling", keys).describe_auto_scaling_groups()
    assert code(error) == "AccessDenied"
    aws("iam").put_role_policy(
        RoleName=f"{cluster.name}-irsa", PolicyName="x", PolicyDocument=policy({"Action": "autoscaling:Describe*"})
    )
    aws("autoscaling", keys).describe_auto_scaling_groups()


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (lambda cluster: cluster.token(account="default"), "AccessDenied"),
        (lambda cluster: cluster.token(namespace="default"), "AccessDenied"),
        (lambda cluster: cluster.token(aud=["kubernetes.default.svc"]), "InvalidIdentityToken"),
        (lambda cluster: cluster.token(exp=int(time.time()) - 10), "ExpiredTokenException"),
        (lambda cluster: cluster.token(key=FORGERS_KEY()), "InvalidIdentityToken"),
        (lambda cluster: cluster.token(iss="https://oidc.example.org/id/1"), "InvalidIdentityToken"),
        (lambda cluster: "not-a-token", "InvalidIdentityToken"),
    ],
    ids=["other account", "other namespace", "wrong audience", "expired", "forged", "unknown issuer", "garbage"],
)
def test_any_other_token_is_refused(
    cluster: Cluster,
    irsa_role: str,
    exchange: Callable[[str, str], dict[str, Any]],
    token: Callable[[Cluster], str],
    expected: str,
) -> None:
    with pytest.raises(ClientError) as error:
        exchange(irsa_role, token(cluster))
    assert code(error) == expected


def test_without_its_provider_or_its_audience_no_token_helps(
    aws: Aws, cluster: Cluster, irsa_role: str, exchange: Callable[[str, str], dict[str, Any]]
) -> None:
    iam, arn = aws("iam"), cluster.provider_arn
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="sts.amazonaws.com")
    with pytest.raises(ClientError, match="Incorrect token audience"):
        exchange(irsa_role, cluster.token())
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="sts.amazonaws.com")
    exchange(irsa_role, cluster.token())
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    with pytest.raises(ClientError, match="No OpenIDConnect provider found") as error:
        exchange(irsa_role, cluster.token())
    assert code(error) == "InvalidIdentityToken"


def test_an_absent_role_and_a_cluster_without_keys_are_refused(
    aws: Aws, creating_cluster: Cluster, exchange: Callable[[str, str], dict[str, Any]]
) -> None:
    aws("iam").create_open_id_connect_provider(Url=creating_cluster.issuer, ClientIDList=["sts.amazonaws.com"])
    with pytest.raises(ClientError, match="Couldn't retrieve verification key"):
        exchange(f"arn:aws:iam::{ACCOUNT}:role/absent", creating_cluster.token())


def test_a_new_role_is_not_known_everywhere_at_once(
    aws: Aws, emulator: Emulator, cluster: Cluster, exchange: Callable[[str, str], dict[str, Any]]
) -> None:
    iam, eks = aws("iam"), aws("eks")
    iam.create_open_id_connect_provider(Url=cluster.issuer, ClientIDList=["sts.amazonaws.com"])
    service = {"Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    irsa = {"Principal": {"Federated": cluster.provider_arn}, "Action": "sts:AssumeRoleWithWebIdentity"}
    emulator.private("POST", "delays", {"iam": 3})
    try:
        made = iam.create_role(RoleName=f"{cluster.name}-new", AssumeRolePolicyDocument=trust(service, irsa))
    finally:
        emulator.private("DELETE", "delays")
    role = made["Role"]["Arn"]
    assert iam.get_role(RoleName=f"{cluster.name}-new")["Role"]["Arn"] == role
    association = {"clusterName": cluster.name, "namespace": "a", "serviceAccount": "b", "roleArn": role}
    vpc = {"subnetIds": SUBNETS}
    for call, words in (
        (lambda: exchange(role, cluster.token()), "AccessDenied"),
        (lambda: eks.create_pod_identity_association(**association), "Role provided in the request does not exist"),
        (
            lambda: eks.create_cluster(name=f"{cluster.name}-2", roleArn=role, resourcesVpcConfig=vpc),
            "Role could not be assumed because the trusted entity is not correct",
        ),
    ):
        with pytest.raises(ClientError, match=words):
            call()
    time.sleep(3)
    exchange(role, cluster.token())
    made = eks.create_pod_identity_association(**association)["association"]["associationId"]
    with pytest.raises(ClientError, match=f"ResourceInUseException.*: Association already exists: {made}$"):
        eks.create_pod_identity_association(**association)


@pytest.mark.parametrize("wrong", [{"iamm": 1}, {"iam": -1}, {"iam": "1"}, {"iam": True}])
def test_a_delay_that_cannot_be_set_is_refused(emulator: Emulator, wrong: dict[str, Any]) -> None:
    with pytest.raises(urllib.error.HTTPError) as error:
        emulator.private("POST", "delays", wrong)
    assert error.value.code == 400
    error.value.close()
    assert emulator.private("GET", "delays")["delays"] == {"iam": 0, "node-group-update": 0, "tag-call": 0}


# ---------------------------------------------------------------------------------------------- Pod Identity


@pytest.fixture
def pod_role(aws: Aws, cluster: Cluster) -> str:
    """A role that trusts Pod Identity for the autoscaler of this cluster only, with an association."""
    role = aws("iam").create_role(
        RoleName=f"{cluster.name}-pod",
        AssumeRolePolicyDocument=trust(
            {
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Principal": {"Service": "pods.eks.amazonaws.com"},
                "Condition": {
                    "StringEquals": {
                        "aws:RequestTag/kubernetes-namespace": "kube-system",
                        "aws:RequestTag/kubernetes-service-account": "cluster-autoscaler",
                        "aws:RequestTag/eks-cluster-arn": cluster.arn,
                    }
                },
            }
        ),
    )["Role"]["Arn"]
    aws("eks").create_pod_identity_association(
        clusterName=cluster.name, namespace="kube-system", serviceAccount="cluster-autoscaler", roleArn=role
    )
    return str(role)


def pod_token(cluster: Cluster, **changed: Any) -> str:
    return cluster.token(**({"aud": ["pods.eks.amazonaws.com"]} | changed))


@pytest.fixture
def agent(emulator: Emulator, aws: Aws, node_group: dict[str, Any]) -> Any:
    """An ``eks-auth`` client with the credentials of a node, as the Pod Identity agent has."""
    group = node_group["resources"]["autoScalingGroups"][0]["name"]
    described = aws("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"][0]
    given = emulator.private("POST", f"instances/{described['Instances'][0]['InstanceId']}/credentials", {})
    return aws(
        "eks-auth",
        {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["Token"],
        },
    )


def test_an_associated_pod_gets_a_tagged_session_of_the_role(
    aws: Aws, agent: Any, cluster: Cluster, pod_role: str
) -> None:
    answer = agent.assume_role_for_pod_identity(clusterName=cluster.name, token=pod_token(cluster))
    assert answer["subject"] == {"namespace": "kube-system", "serviceAccount": "cluster-autoscaler"}
    assert answer["audience"] == "pods.eks.amazonaws.com"
    assert answer["podIdentityAssociation"]["associationId"].startswith("a-")
    given = answer["credentials"]
    assert given["expiration"].timestamp() > time.time()
    keys = {
        "aws_access_key_id": given["accessKeyId"],
        "aws_secret_access_key": given["secretAccessKey"],
        "aws_session_token": given["sessionToken"],
    }
    assert f"assumed-role/{cluster.name}-pod/eks-{cluster.name}-" in aws("sts", keys).get_caller_identity()["Arn"]

    # The six session tags are the principal's tags in policies.
    def describe(wanted: str) -> None:
        aws("iam").put_role_policy(
            RoleName=f"{cluster.name}-pod",
            PolicyName="x",
            PolicyDocument=policy(
                {
                    "Action": "autoscaling:Describe*",
                    "Condition": {"StringEquals": {"aws:PrincipalTag/eks-cluster-name": wanted}},
                }
            ),
        )
        aws("autoscaling", keys).describe_auto_scaling_groups()

    describe(cluster.name)
    with pytest.raises(ClientError):
        describe("another")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"account": "default"}, "ResourceNotFoundException"),
        ({"aud": ["sts.amazonaws.com"]}, "InvalidTokenException"),
        ({"exp": 1}, "ExpiredTokenException"),
        ({"key": FORGERS_KEY}, "InvalidTokenException"),
    ],
    ids=["no association", "wrong audience", "expired", "forged"],
)
def test_any_other_pod_token_is_refused(
    agent: Any, cluster: Cluster, pod_role: str, changed: dict[str, Any], expected: str
) -> None:
    changed = {name: value() if callable(value) else value for name, value in changed.items()}
    with pytest.raises(ClientError) as error:
        agent.assume_role_for_pod_identity(clusterName=cluster.name, token=pod_token(cluster, **changed))
    assert code(error) == expected


def test_a_role_that_does_not_trust_the_pod_is_not_given(aws: Aws, agent: Any, cluster: Cluster, pod_role: str) -> None:
    (association,) = aws("eks").list_pod_identity_associations(clusterName=cluster.name)["associations"]
    # Without session tags the conditions of the trust policy cannot match.
    aws("eks").update_pod_identity_association(
        clusterName=cluster.name, associationId=association["associationId"], disableSessionTags=True
    )
    with pytest.raises(ClientError) as error:
        agent.assume_role_for_pod_identity(clusterName=cluster.name, token=pod_token(cluster))
    assert code(error) == "AccessDeniedException"
    aws("iam").update_assume_role_policy(
        RoleName=f"{cluster.name}-pod",
        PolicyDocument=trust({"Action": "sts:AssumeRole", "Principal": {"Service": "pods.eks.amazonaws.com"}}),
    )
    agent.assume_role_for_pod_identity(clusterName=cluster.name, token=pod_token(cluster))


def test_a_caller_without_the_permission_gets_no_pod_credentials(
    aws: Aws, agent: Any, cluster: Cluster, pod_role: str, name: str
) -> None:
    aws("iam").detach_role_policy(
        RoleName=f"{name}-node", PolicyArn="arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
    )
    with pytest.raises(ClientError, match="eks-auth:AssumeRoleForPodIdentity") as error:
        agent.assume_role_for_pod_identity(clusterName=cluster.name, token=pod_token(cluster))
    assert code(error) == "AccessDeniedException"


def test_an_association_can_be_tagged(aws: Aws, cluster: Cluster, pod_role: str) -> None:
    (association,) = aws("eks").list_pod_identity_associations(clusterName=cluster.name)["associations"]
    aws("eks").tag_resource(resourceArn=association["associationArn"], tags={"a": "1"})
    shown = aws("eks").describe_pod_identity_association(
        clusterName=cluster.name, associationId=association["associationId"]
    )["association"]
    assert shown["tags"] == {"a": "1"}
