"""A set-up made by hand comes under the program by the commands of docs/migration.md, and nothing stops meanwhile."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from kubernetes import client

from sandbox.adoption import CLUSTER
from sandbox.tests.harness import Sandbox
from tests.e2e.program.checkout import Checkout
from tests.markdown import ROOT, blocks, executed_by
from tests.versions import newest_image

PAGE = ROOT / "docs" / "migration.md"
NAMESPACE = "kube-system"
NAME = "cluster-autoscaler"
OF_THE_RELEASE = f"app.kubernetes.io/instance={NAME}"
OLD_ROLE = "AmazonEKSClusterAutoscalerRole"
OLD_POLICY = "AmazonEKSClusterAutoscalerPolicy"
READS = ["autoscaling:Describe*", "ec2:Describe*", "ec2:GetInstanceTypesFromInstanceRequirements", "eks:Describe*"]
WRITES = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]

BY_HAND = """
provider=$(aws iam create-open-id-connect-provider --url "$ISSUER" --client-id-list sts.amazonaws.com --output text)
policy=$(aws iam create-policy --policy-name $OLD_POLICY --policy-document "$POLICY" --query Policy.Arn --output text)
role=$(aws iam create-role --role-name $OLD_ROLE --assume-role-policy-document "$TRUST" --query Role.Arn --output text)
aws iam attach-role-policy --role-name $OLD_ROLE --policy-arn "$policy"
# As `eksctl create iamserviceaccount` leaves it, and `kubectl apply` with a team's own marks.
kubectl apply --filename - <<END
apiVersion: v1
kind: ServiceAccount
metadata:
  name: cluster-autoscaler
  namespace: kube-system
  labels: {app.kubernetes.io/managed-by: eksctl, team: platform}
  annotations: {eks.amazonaws.com/role-arn: "$role", example.com/owner: platform}
END
group=$(aws eks describe-nodegroup --cluster-name legacy --nodegroup-name workers \
  --query 'nodegroup.resources.autoScalingGroups[0].name' --output text)
tag="ResourceId=$group,ResourceType=auto-scaling-group,PropagateAtLaunch=true"
aws autoscaling create-or-update-tags --tags "$tag,Key=k8s.io/cluster-autoscaler/enabled,Value=true" \
  "$tag,Key=k8s.io/cluster-autoscaler/legacy,Value=owned"
helm install cluster-autoscaler sandbox/chart/cluster-autoscaler --namespace kube-system --wait \
  --set autoDiscovery.clusterName=legacy --set awsRegion=us-east-1 --set fullnameOverride=cluster-autoscaler \
  --set rbac.serviceAccount.create=false --set rbac.serviceAccount.name=cluster-autoscaler --set image.tag=IMAGE_TAG
""".replace("IMAGE_TAG", newest_image("1.36"))


class Moment(NamedTuple):
    """What there was of the autoscaler at one moment."""

    holder: str
    ready: frozenset[str]
    deployments: int


class Watch:
    """Looks at the cluster once a second, from its start to its end."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.moments: list[Moment] = []
        self.complaints: set[str] = set()

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        core, apps = client.CoreV1Api(self._api), client.AppsV1Api(self._api)
        leases = client.CoordinationV1Api(self._api)
        while not self._ended.wait(1.0):
            pods = core.list_namespaced_pod(NAMESPACE, label_selector=OF_THE_RELEASE).items
            self.moments.append(
                Moment(
                    leases.read_namespaced_lease(NAME, NAMESPACE).spec.holder_identity,
                    frozenset(pod.metadata.name for pod in pods if _ready(pod)),
                    len(apps.list_namespaced_deployment(NAMESPACE, label_selector=OF_THE_RELEASE).items),
                )
            )
            self.complaints |= {line for pod in pods if _ready(pod) for line in _denials(core, pod.metadata.name)}


def _ready(pod: client.V1Pod) -> bool:
    return any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions or [])


def _denials(core: client.CoreV1Api, pod: str) -> list[str]:
    try:
        log = core.read_namespaced_pod_log(pod, NAMESPACE, tail_lines=50)
    except client.ApiException:
        return []  # gone since it was listed
    return [line for line in log.splitlines() if "AccessDenied" in line or "not authorized" in line]


@pytest.fixture
def by_hand(sandbox: Sandbox, legacy: object, tmp_path: Path) -> Iterator[Checkout]:
    """The cluster with an autoscaler made by hand, and a checkout with the settings that the page shows."""
    issuer = sandbox.client("eks").describe_cluster(name=CLUSTER)["cluster"]["identity"]["oidc"]["issuer"]
    account = sandbox.client("sts").get_caller_identity()["Account"]
    path = issuer.removeprefix("https://")
    project = Checkout(sandbox, tmp_path, {"prod": _settings()}, CLUSTER)
    policy = {"Statement": [{"Effect": "Allow", "Action": READS + WRITES, "Resource": "*"}], "Version": "2012-10-17"}
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::{account}:oidc-provider/{path}"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {
                        f"{path}:sub": f"system:serviceaccount:{NAMESPACE}:{NAME}",
                        f"{path}:aud": "sts.amazonaws.com",
                    }
                },
            }
        ],
    }
    documents = {"POLICY": json.dumps(policy), "TRUST": json.dumps(trust)}
    project.shell(BY_HAND, ISSUER=issuer, OLD_ROLE=OLD_ROLE, OLD_POLICY=OLD_POLICY, **documents)
    yield project
    project.shell("pulumi destroy --yes --skip-preview --stack prod; pulumi stack rm --yes prod")
    sandbox.client("iam").delete_open_id_connect_provider(
        OpenIDConnectProviderArn=trust["Statement"][0]["Principal"]["Federated"]  # type: ignore[index]
    )


def _settings() -> str:
    """The page's settings, with what the sandbox needs."""
    (shown,) = [block.text for block in blocks(PAGE) if block.language == "yaml"]
    settings: dict[str, Any] = yaml.safe_load(_for_the_sandbox(shown))
    settings["config"]["eks-cluster-autoscaler:autoscaler"] = {
        "chart": {"location": "./sandbox/chart/cluster-autoscaler"}
    }
    return yaml.safe_dump(settings)


def _for_the_sandbox(text: str) -> str:
    return text.replace("series-api", CLUSTER)


def test_a_set_up_made_by_hand_is_moved_without_a_gap(sandbox: Sandbox, by_hand: Checkout) -> None:
    steps = executed_by("test_migration")
    assert {step.page for step in steps} == {PAGE}
    core = client.CoreV1Api(sandbox.kubernetes(CLUSTER))
    (old,) = [pod.metadata.name for pod in core.list_namespaced_pod(NAMESPACE, label_selector=OF_THE_RELEASE).items]
    nodes = {node.metadata.name for node in core.list_node().items}
    before = core.read_namespaced_service_account(NAME, NAMESPACE).metadata

    with Watch(sandbox.kubernetes(CLUSTER)) as watch:
        said = [by_hand.shell(_for_the_sandbox(step.text)) for step in steps]

    assert {each.metadata.name for each in core.list_node().items} == nodes, "no node came or went"
    assert all(moment.ready for moment in watch.moments), "there was no autoscaler for a while"
    assert all(moment.deployments <= 1 for moment in watch.moments)
    assert watch.complaints == set(), "it lacked permissions for a while"
    # The lease passed on once, and not before the old pod was told to go.
    holders = [moment.holder for moment in watch.moments]
    new = holders[-1]
    assert new != old
    assert holders == [old] * holders.count(old) + [new] * holders.count(new)
    assert all(moment.holder == old for moment in watch.moments if old in moment.ready)

    preview = next(text for text in said if "Previewing update" in text and "values" in text)
    assert "~ 1 to update" in preview
    assert "+ 1 to create" in preview
    assert "every link holds" in said[-2]
    # The age of the version tables depends on the day.
    warned = [line for line in said[-2].splitlines() if "warning" in line and "version tables" not in line]
    assert warned == [], "what the manual set-up was warned of is gone"
    after = core.read_namespaced_service_account(NAME, NAMESPACE).metadata
    assert after.uid == before.uid, "the service account was deleted under the pods that use it"
    assert OLD_ROLE not in after.annotations["eks.amazonaws.com/role-arn"]
    assert (after.labels["team"], after.annotations["example.com/owner"]) == ("platform", "platform")
    assert OLD_ROLE not in {role["RoleName"] for role in sandbox.client("iam").list_roles()["Roles"]}
