"""The snapshot is gathered by few calls that change nothing, and by any reader as far as their rights go."""

import functools
import re
import threading
from datetime import UTC, datetime

import pytest

from components.pure import iam
from doctor import clients, gather
from doctor.checks import examine
from doctor.errors import CannotCheckError
from doctor.facts import Intent, Snapshot, Source
from doctor.findings import ExitCode, Link, Status
from doctor.gather import kubernetes as kubernetes_reads
from doctor.readings import Unreadable
from doctor.target import Target

from . import snapshots
from .fakes import Cloud, Cluster
from .fakes import pod as fake_pod

LISTS = re.compile(r"(List|Simulate)\w+|DescribeAutoScalingGroups|DescribeScalingActivities")


def take(cloud: Cloud, cluster: Cluster | Unreadable, target: Target | None = None) -> Snapshot:
    with cloud.attached():
        wanted = target or Target(snapshots.CLUSTER, snapshots.REGION)
        return gather.take_snapshot(wanted, shared_clients(), lambda _: cluster, snapshots.NOW)


@functools.cache
def shared_clients() -> clients.Aws:
    """Making clients takes longer than all that is done with them here."""
    return clients.Aws(snapshots.REGION)


@pytest.mark.parametrize("mode", snapshots.MODES)
def test_a_healthy_cluster_is_gathered_and_found_healthy(mode: Source):
    snapshot = take(Cloud(mode), Cluster(mode))
    assert snapshot.aws.source is mode
    report = examine(snapshot)
    assert [finding for finding in report.findings if finding.status is not Status.OK] == []
    assert report.exit_code is ExitCode.HEALTHY


@pytest.mark.parametrize("mode", snapshots.MODES)
def test_a_hundred_groups_cost_twelve_list_calls_and_one_description_each(mode: Source):
    cloud = Cloud(mode, groups=100)
    report = examine(take(cloud, Cluster(mode, groups=100)))
    assert report.exit_code is ExitCode.HEALTHY
    lists = [call for call in cloud.calls if LISTS.fullmatch(call.partition(":")[2])]
    assert len(lists) <= 12, lists
    assert cloud.count["eks:DescribeNodegroup"] == 100
    assert len(cloud.calls) - len(lists) - 100 <= 12, cloud.count


def test_calls_grow_with_pages_only():
    few, many = Cloud(groups=10), Cloud(groups=500)
    take(few, Cluster(groups=10))
    take(many, Cluster(groups=500))
    more = many.count - few.count
    assert set(more) == {
        "eks:DescribeNodegroup",
        "eks:ListNodegroups",
        "autoscaling:DescribeAutoScalingGroups",
        "iam:SimulatePrincipalPolicy",
    }
    assert more["eks:ListNodegroups"] == 4
    assert more["autoscaling:DescribeAutoScalingGroups"] == 5
    assert more["iam:SimulatePrincipalPolicy"] == 8


def test_requests_to_kubernetes_do_not_grow_with_groups_at_all():
    few, many = Cluster(groups=1), Cluster(groups=100)
    take(Cloud(groups=1), few)
    take(Cloud(groups=100), many)
    assert sorted(few.calls) == sorted(many.calls)


@pytest.mark.parametrize("mode", snapshots.MODES)
def test_nothing_but_reads_is_asked_of_anyone(mode: Source):
    cloud, cluster = Cloud(mode), Cluster(mode)
    take(cloud, cluster)
    assert all(re.fullmatch(r"\w+:(Describe|List|Get|Simulate)\w+", call) for call in cloud.calls)
    allowed = {"get", "list", "create /apis/authorization.k8s.io/v1/subjectaccessreviews"}
    assert all(call in allowed or call.partition(" ")[0] in allowed for call in cluster.calls)


def test_a_write_through_the_client_is_refused_before_it_leaves(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    aws = clients.Aws("us-east-1")
    with pytest.raises(clients.RefusedError, match="SetDesiredCapacity"):
        aws.read("autoscaling", "set_desired_capacity", AutoScalingGroupName="x", DesiredCapacity=1)


def test_no_secret_is_part_of_the_snapshot():
    cluster = Cluster()
    cluster.objects["/api/v1/namespaces/kube-system/secrets"][0]["data"] = {"release": "hunter2"}
    snapshot = take(Cloud(), cluster)
    assert "hunter2" not in repr(snapshot)


READ_CALLS = sorted(
    {
        "DescribeNodegroup",
        "ListNodegroups",
        "DescribeAutoScalingGroups",
        "DescribeScalingActivities",
        "GetOpenIDConnectProvider",
        "ListPodIdentityAssociations",
        "DescribeInstances",
        "GetRole",
        "ListAttachedRolePolicies",
        "GetPolicyVersion",
        "SimulatePrincipalPolicy",
        "DescribeCluster",
    }
)


@pytest.mark.parametrize("operation", READ_CALLS)
def test_a_right_that_the_reader_lacks_in_aws_is_no_fault_of_the_cluster(operation: str):
    cloud = Cloud()
    cloud.denied = {operation}
    report = examine(take(cloud, Cluster()))
    assert {finding.status for finding in report.findings} <= {Status.OK, Status.NOT_REACHED}
    unreached = [finding for finding in report.findings if finding.yours]
    assert unreached
    assert all(operation in finding.seen and operation in finding.fix for finding in unreached)
    assert report.exit_code is ExitCode.COULD_NOT_CHECK


@pytest.mark.parametrize(
    "resource",
    [
        "deployments",
        "kube-system/pods",
        "pods/cluster-autoscaler-1/log",
        "serviceaccounts",
        "configmaps",
        "leases",
        "events",
        "nodes",
        "persistentvolumes",
        "/api/v1/pods",
        "subjectaccessreviews",
    ],
)
def test_a_right_that_the_reader_lacks_in_kubernetes_is_no_fault_of_the_cluster(resource: str):
    cluster = Cluster()
    cluster.denied = {resource}
    report = examine(take(Cloud(), cluster))
    assert {finding.status for finding in report.findings} <= {Status.OK, Status.NOT_REACHED}
    assert any(finding.yours and resource in finding.seen for finding in report.findings)
    assert report.exit_code is ExitCode.COULD_NOT_CHECK


def test_who_may_not_list_secrets_may_still_find_the_cluster_healthy():
    cluster = Cluster()
    cluster.denied = {"secrets"}
    assert examine(take(Cloud(), cluster)).exit_code is ExitCode.HEALTHY


@pytest.mark.parametrize("operation", ["SimulatePrincipalPolicy", "DescribeAutoScalingGroups", "DescribeNodegroup"])
def test_a_service_that_does_not_answer_is_no_fault_of_the_cluster(operation: str):
    cloud = Cloud()
    cloud.unreachable = {operation}
    report = examine(take(cloud, Cluster()))
    assert report.exit_code is ExitCode.COULD_NOT_CHECK
    assert any("No answer to" in finding.seen and operation in finding.seen for finding in report.findings)


def test_without_kubernetes_the_groups_are_still_read():
    cloud = Cloud()
    cloud.groups[0]["Tags"] = [tag for tag in cloud.groups[0]["Tags"] if "enabled" not in tag["Key"]]
    report = examine(take(cloud, Unreadable("get /version", False, "connection refused")))
    assert report.verdict(Link.POD) is Status.NOT_REACHED
    assert report.verdict(Link.GROUPS) is Status.BROKEN
    assert report.exit_code is ExitCode.BROKEN


def test_without_aws_and_kubernetes_there_is_nothing_to_report():
    cloud = Cloud()
    cloud.denied = {"GetCallerIdentity", "DescribeCluster"}
    with pytest.raises(CannotCheckError, match="neither AWS nor Kubernetes"):
        take(cloud, Unreadable("get /version", False, "connection refused"))


def test_a_cluster_that_does_not_exist_is_reported_as_missing():
    with pytest.raises(CannotCheckError, match="no EKS cluster seriez-api in us-east-1"):
        take(Cloud(), Cluster(), Target("seriez-api", snapshots.REGION))


def test_credentials_that_aws_rejects_stop_the_check():
    cloud = Cloud()

    def refuse(*_):
        raise cloud.error("InvalidClientTokenId", "GetCallerIdentity", "The security token is invalid")

    cloud._GetCallerIdentity = refuse  # type: ignore[method-assign]
    with pytest.raises(CannotCheckError, match="rejected your credentials"):
        take(cloud, Cluster())


def test_a_role_of_another_account_is_out_of_reach_not_missing():
    cluster = Cluster()
    elsewhere = snapshots.ROLE_ARN.replace(snapshots.ACCOUNT, "210987654321")
    account = {"metadata": {"name": snapshots.NAME, "annotations": {"eks.amazonaws.com/role-arn": elsewhere}}}
    cluster.objects["/api/v1/namespaces/kube-system/serviceaccounts"] = [account]
    environment = {"AWS_ROLE_ARN": elsewhere}
    for each in cluster.objects["/api/v1/namespaces/kube-system/pods"][0]["spec"]["containers"][0]["env"]:
        each["value"] = environment.get(each["name"], each["value"])
    report = examine(take(Cloud(), cluster))
    assert report.verdict(Link.ROLE) is Status.NOT_REACHED
    assert report.exit_code is ExitCode.COULD_NOT_CHECK


@pytest.mark.parametrize("intent", [Intent(credentials=Source.IRSA, role_arn=snapshots.ROLE_ARN), None])
def test_an_annotation_that_went_missing_is_no_fault_of_the_role(intent: Intent | None):
    cluster = Cluster()
    cluster.objects["/api/v1/namespaces/kube-system/serviceaccounts"] = [{"metadata": {"name": snapshots.NAME}}]
    report = examine(take(Cloud(), cluster, Target(snapshots.CLUSTER, snapshots.REGION, intent)))
    assert [each.rule.id for each in report.findings if each.status is Status.BROKEN] == ["service-account.source"]
    assert report.verdict(Link.ROLE) is Status.OK
    assert report.verdict(Link.PERMISSIONS) is Status.OK


def test_an_annotation_on_a_service_account_mistaken_for_the_pods_own_is_no_fault_of_the_role():
    cluster = Cluster()
    annotated = {"name": "cluster-autoscaler-aws", "annotations": {"eks.amazonaws.com/role-arn": snapshots.ROLE_ARN}}
    accounts = [{"metadata": annotated}, {"metadata": {"name": snapshots.NAME}}]
    cluster.objects["/api/v1/namespaces/kube-system/serviceaccounts"] = accounts
    cluster.objects["/api/v1/namespaces/kube-system/pods"] = [fake_pod(Source.NODE_ROLE)]
    cloud = Cloud()
    cloud.trust = iam.irsa_trust(
        snapshots.PROVIDER_ARN, snapshots.ISSUER, snapshots.NAMESPACE, "cluster-autoscaler-aws"
    )
    report = examine(take(cloud, cluster))
    assert [each.rule.id for each in report.findings if each.status is Status.BROKEN] == ["service-account.source"]


def test_a_role_behind_the_role_of_an_association_is_out_of_reach():
    cloud = Cloud(Source.POD_IDENTITY)
    association = cloud._DescribePodIdentityAssociation({})
    association["association"]["targetRoleArn"] = "arn:aws:iam::210987654321:role/beyond"
    cloud._DescribePodIdentityAssociation = lambda _: association  # type: ignore[method-assign]
    report = examine(take(cloud, Cluster(Source.POD_IDENTITY)))
    assert report.verdict(Link.PERMISSIONS) is Status.NOT_REACHED
    assert any("role/beyond" in finding.seen for finding in report.of(Link.PERMISSIONS))
    assert report.exit_code is ExitCode.COULD_NOT_CHECK


def test_the_log_of_the_last_life_is_read_too_where_the_pod_keeps_ending():
    cluster = Cluster()
    status = cluster.objects["/api/v1/namespaces/kube-system/pods"][0]["status"]["containerStatuses"][0]
    status |= {"ready": False, "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    cluster.logs = {"previous": "2026-09-01T11:58:00.123456789Z F0901 unknown flag: --x\nno time", "current": ""}
    snapshot = take(Cloud(), cluster)
    assert not isinstance(snapshot.kubernetes.logs, Unreadable)
    first, second = snapshot.kubernetes.logs
    assert (first.text, first.at and first.at.minute) == ("F0901 unknown flag: --x", 58)
    assert (second.text, second.at) == ("no time", None)


def test_reads_are_made_side_by_side():
    cloud, cluster = Cloud(groups=30), Cluster(groups=30)
    seen: set[int] = set()
    answer = cloud.answer

    def noting(*arguments):
        seen.add(threading.get_ident())
        return answer(*arguments)

    cloud.answer = noting  # type: ignore[method-assign]
    take(cloud, cluster)
    assert len(seen) > 1


EDITED_AT = datetime(2026, 9, 1, 11, tzinfo=UTC)


def by(manager: str, *fields: str) -> dict[str, object]:
    given = {name: {} for name in fields}
    return {"manager": manager, "operation": "Update", "time": "2026-09-01T11:00:00Z", "fieldsV1": given}


@pytest.mark.parametrize(
    ("entry", "edited"),
    [
        (by("helm", "f:metadata", "f:spec"), False),
        (by("pulumi-resource-kubernetes", "f:spec"), False),
        (by("kube-controller-manager", "f:status"), False),
        (by("kubectl-rollout", "f:spec"), False),
        (by("kubectl-annotate", "f:metadata"), False),
        (by("kubectl-set", "f:spec"), True),
        (by("kubectl-edit", "f:spec"), True),
    ],
)
def test_an_edit_of_what_the_release_describes_is_read_from_the_field_managers(entry, edited):
    container = {"image": "x/cluster-autoscaler:v1.33.0"}
    deployment = {
        "metadata": {"name": "cluster-autoscaler", "namespace": "kube-system", "managedFields": [entry]},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    assert kubernetes_reads._deployment(deployment, container).edited_at == (EDITED_AT if edited else None)


@pytest.mark.parametrize("label", ["createdAt", "modifiedAt"])
def test_the_newest_revision_of_a_release_has_the_time_at_which_helm_wrote_it(label: str):
    cluster = Cluster()
    records = cluster.objects["/api/v1/namespaces/kube-system/secrets"]
    records[1]["metadata"]["labels"][label] = str(int(EDITED_AT.timestamp()))
    assert take(Cloud(), cluster).kubernetes.revised_at == EDITED_AT


def test_a_pending_pod_has_the_workload_that_it_belongs_to():
    cluster = Cluster()
    unplaced = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
    cluster.objects["/api/v1/pods"] = [
        {
            "metadata": {
                "namespace": "shop",
                "name": "api-7c9f-x2k4",
                "creationTimestamp": "2026-09-01T11:00:00Z",
                "labels": {"pod-template-hash": "7c9f"},
                "ownerReferences": [{"kind": "ReplicaSet", "name": "api-7c9f", "controller": True}],
            },
            "spec": {"containers": []},
            "status": {"phase": "Pending", "conditions": [unplaced]},
        }
    ]
    pending = take(Cloud(), cluster).kubernetes.pending_pods
    assert not isinstance(pending, Unreadable)
    assert [pod.owner for pod in pending] == ["Deployment shop/api"]


def test_a_deployment_that_is_gone_is_made_again_from_the_record_of_its_release():
    cluster = Cluster()
    cluster.objects["/apis/apps/v1/deployments"] = []
    intent = Intent(credentials=Source.IRSA, release="cluster-autoscaler")
    report = examine(take(Cloud(), cluster, Target(snapshots.CLUSTER, snapshots.REGION, intent)))
    (fix,) = [each.fix for each in report.findings if each.status is Status.BROKEN]
    assert fix == "helm rollback cluster-autoscaler 2 --namespace kube-system --wait"


def test_the_lease_and_the_status_are_read_from_the_namespace_of_the_flag():
    cluster = Cluster()
    for path in [path for path in cluster.objects if "/leases/" in path or path.endswith("-status")]:
        cluster.objects[path.replace("/kube-system/", "/mine/")] = cluster.objects.pop(path)
    words = ["./cluster-autoscaler", *snapshots.flags(), "--namespace=mine", "--leader-elect-resource-namespace=other"]
    deployment, _ = cluster.objects["/apis/apps/v1/deployments"]
    deployment["spec"]["template"]["spec"]["containers"][0]["command"] = words
    found = take(Cloud(), cluster).kubernetes
    assert found.lease
    assert found.status
