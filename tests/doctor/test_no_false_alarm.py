"""Clusters that are in order in an unusual way: nothing is called broken, and no fix weakens them.

Each comes from a public report; the doctor called each of them broken once.
"""

import copy
import json
from dataclasses import replace

import pytest

from components.pure import iam
from doctor.checks import examine
from doctor.facts import FailedLaunch, Intent, Lease, LogLine, Policy, Snapshot, Source, Taint
from doctor.findings import Finding, Status

from . import snapshots as given

GLOBAL_KEYS = ("aws:SourceVpc", "aws:SourceVpce", "aws:SourceIp", "aws:PrincipalOrgID", "aws:RequestedRegion")


def named(snapshot: Snapshot) -> list[Finding]:
    return [each for each in examine(snapshot).findings if each.status in (Status.BROKEN, Status.WARNING)]


def found(snapshot: Snapshot, rule: str) -> Finding:
    return next(each for each in examine(snapshot).findings if each.rule.id == rule)


def trust(mode: Source) -> dict:
    if mode is Source.POD_IDENTITY:
        return copy.deepcopy(iam.pod_identity_trust(given.CLUSTER_ARN, given.NAMESPACE, given.NAME))
    return copy.deepcopy(iam.irsa_trust(given.PROVIDER_ARN, given.ISSUER, given.NAMESPACE, given.NAME))


@pytest.mark.parametrize("mode", [Source.IRSA, Source.POD_IDENTITY])
@pytest.mark.parametrize("key", GLOBAL_KEYS)
def test_a_global_key_in_a_trust_is_not_judged(mode, key):
    # terraform-aws-modules/terraform-aws-iam#426: works through an interface endpoint of STS.
    document = trust(mode)
    document["Statement"][0]["Condition"].setdefault("StringEquals", {})[key] = "vpc-0a1b2c3d"
    snapshot = given.with_aws(given.healthy(mode), role=given.role(mode, trust=document))
    assert named(snapshot) == []
    rule = "role.trust-subject" if mode is Source.IRSA else "role.trust-pod-identity"
    assert f"Not judged: StringEquals {key}." in found(snapshot, rule).seen


def test_a_denial_outside_of_a_network_is_not_judged():
    document = trust(Source.IRSA)
    condition = {"StringNotEquals": {"aws:SourceVpc": "vpc-0a1b2c3d"}}
    document["Statement"].append(
        {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}
    )
    assert named(given.with_aws(given.healthy(), role=given.role(trust=document))) == []


@pytest.mark.parametrize("mode", [Source.IRSA, Source.POD_IDENTITY])
def test_the_fix_of_a_trust_keeps_conditions_and_principals_that_it_does_not_know(mode):
    document = trust(mode)
    (statement,) = document["Statement"]
    other = {"Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"}
    conditions = {
        operator: {
            key: "wrong" if key.endswith((":sub", "/kubernetes-service-account")) else value
            for key, value in keys.items()
        }
        for operator, keys in statement["Condition"].items()
    }
    conditions.setdefault("StringEquals", {})["aws:SourceVpc"] = "vpc-0a1b2c3d"
    conditions["IpAddress"] = {"aws:SourceIp": ["10.0.0.0/8", "192.168.0.0/16"]}
    unrelated = {"Effect": "Allow", "Principal": other, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {}}
    denial = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sts:*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    broken = {**document, "Statement": [{**statement, "Condition": conditions}, unrelated, denial]}
    snapshot = given.with_aws(given.healthy(mode), role=given.role(mode, trust=broken))
    (finding,) = [each for each in named(snapshot) if each.rule.id.startswith("role.trust")]
    written = finding.fix.partition("--policy-document '")[2].rpartition("'")[0]
    repaired = json.loads(written)
    assert unrelated in repaired["Statement"]
    assert denial in repaired["Statement"]
    (own,) = [each for each in repaired["Statement"] if each not in (unrelated, denial)]
    assert own["Condition"]["StringEquals"]["aws:SourceVpc"] == "vpc-0a1b2c3d"
    assert own["Condition"]["IpAddress"] == {"aws:SourceIp": ["10.0.0.0/8", "192.168.0.0/16"]}
    assert named(given.with_aws(given.healthy(mode), role=given.role(mode, trust=repaired))) == []


@pytest.mark.parametrize("key", GLOBAL_KEYS)
def test_a_denial_that_rests_on_a_value_only_aws_knows_is_not_judged(key):
    snapshot = given.healthy()
    decisions = tuple(
        replace(each, allowed=False, reason="implicitDeny", unjudged=(key,))
        for each in given.decisions((given.asg(), given.other_group()), (given.node_group(),))
    )
    judged = given.with_aws(snapshot, decisions=decisions)
    assert named(judged) == []
    assert key in found(judged, "permissions.writes").seen


def sharded(other_flag: str) -> Snapshot:
    """Two autoscalers, the second of which discovers by other tags."""
    second = given.deployment(
        namespace="kube-system", name="ca-gpu", arguments=given.flags(node_group_auto_discovery=other_flag)
    )
    gpu = given.asg("eks-gpu-9c1d", tags={"shard": "gpu", "eks:cluster-name": given.CLUSTER})
    snapshot = given.with_aws(
        given.healthy(),
        groups=(given.asg(), gpu, given.other_group()),
        node_groups=(given.node_group(),),
    )
    return given.with_kubernetes(snapshot, deployments=(given.deployment(), second))


def test_autoscalers_that_share_no_group_are_not_two_autoscalers():
    assert found(sharded("asg:tag=shard=gpu"), "pod.single").status is Status.OK


def test_autoscalers_that_share_a_group_are_two_autoscalers():
    shared = f"asg:tag=k8s.io/cluster-autoscaler/{given.CLUSTER}"
    assert found(sharded(shared), "pod.single").status is Status.BROKEN


def test_an_autoscaler_that_manages_no_group_known_here_counts_as_a_second_one():
    assert found(sharded("asg:tag=of-no-group"), "pod.single").status is Status.BROKEN


def test_weights_are_not_taken_for_a_lack_of_capacity():
    weighted = given.asg(desired=4, unit="weights")
    failure = FailedLaunch(weighted.name, given.ago(5), "We currently do not have sufficient capacity")
    snapshot = given.with_aws(
        given.healthy(),
        groups=(weighted, given.other_group()),
        decisions=given.decisions((weighted, given.other_group()), (given.node_group(),)),
        failed_launches=(failure,),
    )
    assert {each.rule.id for each in named(snapshot)} == {"groups.weights"}


def test_a_candidate_for_deletion_is_in_order_while_the_autoscaler_runs():
    long_ago = str(int(given.ago(300).timestamp()))
    taint = Taint("DeletionCandidateOfClusterAutoscaler", long_ago, "PreferNoSchedule")
    assert named(given.with_kubernetes(given.healthy(), nodes=(given.node(taints=(taint,)),))) == []


def test_a_node_that_is_being_deleted_is_in_order():
    just_now = str(int(given.ago(5).timestamp()))
    taint = Taint("ToBeDeletedByClusterAutoscaler", just_now, "NoSchedule")
    assert named(given.with_kubernetes(given.healthy(), nodes=(given.node(taints=(taint,)),))) == []


def test_in_govcloud_every_arn_of_a_fix_is_govclouds():
    snapshot = given.with_aws(given.healthy(), cluster=given.cluster(partition="aws-us-gov"))
    broken = given.with_kubernetes(
        snapshot,
        service_accounts=tuple(
            replace(each, annotations={"eks.amazonaws.com/role-arn": "not-an-arn"})
            for each in (snapshot.kubernetes.service_accounts)
            if each.name == given.NAME
        ),
    )
    finding = found(broken, "service-account.role-arn")
    assert "arn:aws-us-gov:iam::" in finding.fix
    assert "arn:aws:" not in finding.fix


def test_under_pod_identity_no_fix_is_an_annotation_of_irsa():
    intent = Intent(credentials=Source.POD_IDENTITY, role_arn=given.ROLE_ARN)
    snapshot = replace(given.with_aws(given.healthy(Source.POD_IDENTITY), role=None), intent=intent)
    fixes = [each.fix for each in named(snapshot)]
    assert any("create-pod-identity-association" in fix for fix in fixes)
    assert not any("annotate" in fix for fix in fixes)


def test_a_denial_that_rests_on_known_keys_is_broken():
    decisions = given.decisions((given.asg(), given.other_group()), (given.node_group(),), iam.WRITE_ACTIONS)
    assert "permissions.writes" in {
        each.rule.id for each in named(given.with_aws(given.healthy(), decisions=decisions))
    }


@pytest.mark.parametrize(
    "lines",
    [
        ["E1129 11:59:50.1       1 static_autoscaler.go:368] Failed to refresh cloud provider config: x"] * 2,
        ["E1129 11:59:50.1       1 leaderelection.go:332] error retrieving resource lock: x"] * 9,
        ["I1129 11:59:50.1       1 static_autoscaler.go:274] Starting main loop"] * 9,
    ],
    ids=["twice", "another file", "no error"],
)
def test_a_line_that_does_not_end_the_loop_again_and_again_is_no_recurring_error(lines):
    assert found(given.logging(given.healthy(), *lines), "autoscaler.recurring-error").status is Status.OK


WIDE = {"Statement": [{"Effect": "Allow", "Action": "autoscaling:*", "Resource": "*"}]}


@pytest.mark.parametrize("stack", [True, False])
@pytest.mark.parametrize("own", [True, False], ids=["its own policy", "an unrelated policy"])
def test_a_wide_policy_is_narrowed_by_its_owner(stack, own):
    (narrow,) = given.policies()
    full_access = Policy("AutoScalingFullAccess", WIDE, "arn:aws:iam::aws:policy/AutoScalingFullAccess")
    policies = (replace(narrow, document=WIDE),) if own else (narrow, full_access)
    snapshot = given.with_aws(given.healthy(), policies=policies)
    fix = found(replace(snapshot, intent=Intent()) if stack else snapshot, "permissions.narrow").fix
    assert fix.startswith("pulumi up --refresh") == (stack and own)
    assert ("detach-role-policy" in fix.partition("   # ")[0]) == (not (stack and own))


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (
            'Post "https://sts.us-east-1.amazonaws.com/": dial tcp: lookup sts.us-east-1.amazonaws.com on '
            "172.20.0.10:53: read udp 10.0.1.7:42100->172.20.0.10:53: i/o timeout",
            "autoscaler.dns",
        ),
        (
            'Post "https://sts.us-east-1.amazonaws.com/": dial tcp 52.94.1.1:443: i/o timeout',
            "autoscaler.aws-unreachable",
        ),
    ],
)
def test_one_cause_of_an_unreachable_aws_is_named(line, rule):
    assert [each.rule.id for each in named(given.crashed(given.healthy(), line))] == [rule]


def empty_group_with(key: str, **flags: str) -> Snapshot:
    empty = given.asg("eks-batch-7c21", min=0, desired=0, instances=())
    taint = Taint(key, "", "NoExecute")
    batch = given.node_group("batch", groups=(empty.name,), taints=(taint,))
    node_groups = (given.node_group(), batch)
    groups = (given.asg(), empty, given.other_group())
    snapshot = given.with_aws(
        given.healthy(), groups=groups, node_groups=node_groups, decisions=given.decisions(groups, node_groups)
    )
    return given.with_deployment(snapshot, arguments=given.flags(**flags))


@pytest.mark.parametrize(
    ("key", "flags", "broken"),
    [
        ("ebs.csi.aws.com/agent-not-ready", {}, False),
        ("startup-taint.cluster-autoscaler.kubernetes.io/cni", {}, False),
        ("example.com/not-ready", {"startup_taint": "example.com/not-ready"}, False),
        ("example.com/not-ready", {}, True),
    ],
)
def test_a_startup_taint_of_an_empty_group_is_in_order(key, flags, broken):
    # kubernetes/autoscaler#7268
    assert ("groups.taints" in {each.rule.id for each in named(empty_group_with(key, **flags))}) == broken


def test_a_leader_that_a_rollout_has_just_replaced_is_not_another_autoscaler():
    snapshot = given.with_kubernetes(given.healthy(), lease=Lease(f"{given.NAME}-847d59568b-mk6zk", given.ago(0.2)))
    assert found(snapshot, "autoscaler.leader").status is Status.OK
    expired = given.with_kubernetes(given.healthy(), lease=Lease(f"{given.NAME}-847d59568b-mk6zk", given.ago(3)))
    assert found(expired, "autoscaler.leader").status is Status.BROKEN


@pytest.mark.parametrize(("minutes", "rules"), [(1, {"permissions.node-groups"}), (6, set())])
def test_an_error_before_a_fix_is_not_reported_for_long(minutes, rules):
    line = LogLine("x", "Failed to query the managed nodegroup x for: AccessDeniedException", given.ago(minutes))
    assert {each.rule.id for each in named(given.with_kubernetes(given.healthy(), logs=(line,)))} == rules


UNREACHABLE = 'Post "https://sts.ap-southeast-2b.amazonaws.com/": dial tcp 52.94.1.1:443: i/o timeout'
NO_ANSWER = 'Post "https://sts.us-east-1.amazonaws.com/": dial tcp: lookup sts.us-east-1.amazonaws.com: i/o timeout'


@pytest.mark.parametrize(
    ("spoil", "lines", "cause"),
    [
        # kubernetes/kops#4347: a zone in place of the region.
        (
            lambda it: given.with_kubernetes(
                it, pods=(given.pod(environment={**given.environment(Source.IRSA), "AWS_REGION": "us-east-1b"}),)
            ),
            [UNREACHABLE, "MissingRegion: could not find region configuration"],
            "pod.region",
        ),
        (lambda it: it, [NO_ANSWER, "F1 Failed to get nodes from apiserver: i/o timeout"], "autoscaler.dns"),
        (
            lambda it: given.with_aws(it, oidc_provider=None),
            ["InvalidIdentityToken: No OpenIDConnect provider found", "Failed to create AWS Manager: AccessDenied"],
            "role.oidc-provider",
        ),
    ],
    ids=["region", "DNS", "OIDC provider"],
)
def test_the_consequences_of_a_cause_are_not_reported_with_it(spoil, lines, cause):
    stopped = given.crashed(spoil(given.healthy()), *lines)
    pods = spoil(given.healthy()).kubernetes.pods if cause == "pod.region" else stopped.kubernetes.pods
    assert cause in {each.rule.id for each in named(given.with_kubernetes(stopped, pods=pods))}
    assert {each.rule.link for each in named(given.with_kubernetes(stopped, pods=pods))} == {cause.partition(".")[0]}
