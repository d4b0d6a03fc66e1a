"""A pod that asks AWS once who it is: the last step of the hand work, and one way to see what a service account may."""

import json

import pytest

from sandbox.tests.kubelet.installation import GROUP, NAME, NODE_GROUP_LABEL, ROLE
from sandbox.tests.kubernetes.eks import eventually

LABELS = {"app": "debug"}


@pytest.fixture
def asked(installation):
    """Runs the AWS CLI in a pod of a service account, annotated with the role or not; its phase and its words."""
    kubectl = installation.cluster.kubectl

    def ask(*arguments, annotated=True, **spec):
        annotations = {"eks.amazonaws.com/role-arn": installation.role_arn} if annotated else {}
        named = {"name": NAME, "namespace": "kube-system", "annotations": annotations}
        kubectl("apply", "-f", "-", stdin={"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named})
        pod = {
            "serviceAccountName": NAME,
            "restartPolicy": "Never",
            "nodeSelector": {NODE_GROUP_LABEL: GROUP},
            "containers": [{"name": "aws", "image": "amazon/aws-cli", "args": [*arguments]}],
            **spec,
        }
        metadata = {"name": "debug", "namespace": "kube-system", "labels": LABELS}
        kubectl("apply", "-f", "-", stdin={"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod})

        def ended():
            (found,) = installation.cluster.objects("pods", "-n", "kube-system", "-l", "app=debug")
            return found["status"]["phase"] in ("Succeeded", "Failed") and found["status"]

        return eventually(ended)["phase"], kubectl("logs", "debug", "-n", "kube-system")

    yield ask
    kubectl("delete", "pod", "debug", "-n", "kube-system", "--ignore-not-found", "--wait=true")
    kubectl("delete", "serviceaccount", NAME, "-n", "kube-system", "--ignore-not-found")


def test_it_has_the_role_of_its_service_account(asked):
    phase, output = asked("sts", "get-caller-identity", "--output", "json")
    assert phase == "Succeeded"
    assert json.loads(output)["Arn"].startswith(f"arn:aws:sts::123456789012:assumed-role/{ROLE}/")


def test_without_the_annotation_it_has_nothing_on_a_node_that_keeps_its_role_to_itself(asked):
    phase, output = asked("sts", "get-caller-identity", annotated=False)
    assert phase == "Failed"
    assert "Unable to locate credentials" in output


def test_what_the_role_may_not_is_refused(asked):
    phase, output = asked("iam", "list-roles", "--region", "us-east-1")
    assert phase == "Failed"
    assert "AccessDenied" in output


def test_it_ends_at_its_deadline(asked):
    waiter = ("ec2", "wait", "instance-running", "--instance-ids", "i-0", "--region", "us-east-1")
    phase, _ = asked(*waiter, activeDeadlineSeconds=1)
    assert phase == "Failed"
