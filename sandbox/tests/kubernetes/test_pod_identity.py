"""The identity that a cluster gives its pods when they are created, and only then."""

import json

import pytest

ROLE = "arn:aws:iam::123456789012:role/reader"


@pytest.fixture
def create(cluster):
    """Creates a pod of a service account and tells its variables and volumes; removes it with the test."""
    created = []

    def make(name, account):
        container = {"name": "app", "image": "registry.k8s.io/pause:3.10"}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {"serviceAccountName": account, "containers": [container]},
        }
        cluster.kubectl("create", "-f", "-", stdin=pod)
        created.append(name)
        return read(name)

    def read(name):
        spec = json.loads(cluster.kubectl("get", "pod", name, "-o", "json"))["spec"]
        variables = {entry["name"]: entry["value"] for entry in spec["containers"][0].get("env", ())}
        return variables, [volume["name"] for volume in spec["volumes"] if "kube-api-access" not in volume["name"]]

    make.read = read
    yield make
    for name in created:
        cluster.kubectl("delete", "pod", name, "--force", "--grace-period=0")


def test_a_pod_carries_what_its_service_account_stood_for_when_it_was_created(account, cluster, create):
    cluster.kubectl("create", "serviceaccount", "reader")
    assert create("before", "reader") == ({}, [])

    cluster.kubectl("annotate", "serviceaccount", "reader", f"eks.amazonaws.com/role-arn={ROLE}")
    variables, volumes = create("annotated", "reader")
    assert (variables["AWS_ROLE_ARN"], volumes) == (ROLE, ["aws-iam-token"])
    assert create.read("before") == ({}, [])

    patched = json.loads(cluster.kubectl("get", "pod", "annotated", "-o", "json"))
    copy = {**patched, "metadata": {"name": "copy"}, "status": {}}
    assert "created" in cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=copy)

    role = account.create_role("reader", {"Service": "pods.eks.amazonaws.com"})
    account.eks.create_pod_identity_association(
        clusterName=cluster.name, namespace="default", serviceAccount="reader", roleArn=role
    )
    variables, volumes = create("associated", "reader")
    assert variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://169.254.170.23/v1/credentials"
    assert "AWS_ROLE_ARN" not in variables
    assert volumes == ["eks-pod-identity-token"]
