import copy

from policies.rules.trust_names_the_service_account import RULE
from tests.policies.compliant import (
    ASSOCIATION,
    IRSA_ROLE,
    IRSA_TRUST,
    ISSUER,
    POD_IDENTITY_ROLE,
    RELEASE,
    SERVICE_ACCOUNT,
    role,
)
from tests.policies.judging import UNKNOWN, Declared, judge


def role_for(subject: str) -> Declared:
    trust = copy.deepcopy(IRSA_TRUST)
    trust["Statement"][0]["Condition"]["StringEquals"][f"{ISSUER}:sub"] = subject
    return role(trust)


def test_a_trust_for_another_namespace_is_refused() -> None:
    verdict = judge(RULE, role_for("system:serviceaccount:default:cluster-autoscaler"), RELEASE)
    assert verdict.messages == [
        "The pod runs as system:serviceaccount:kube-system:cluster-autoscaler, and its role autoscaler-role trusts "
        "system:serviceaccount:default:cluster-autoscaler."
    ]


def test_the_charts_own_name_for_the_account_is_worked_out() -> None:
    nameless = RELEASE.without("values/rbac/serviceAccount/name")
    assert judge(RULE, IRSA_ROLE, nameless).passes, "fullnameOverride names it"
    verdict = judge(RULE, IRSA_ROLE, nameless.without("values/fullnameOverride"))
    assert verdict.messages[0].startswith(
        "The pod runs as system:serviceaccount:kube-system:cluster-autoscaler-aws-cluster-autoscaler"
    )
    chart_name = nameless.without("values/fullnameOverride").but("name", "aws-cluster-autoscaler")
    chart_role = role_for("system:serviceaccount:kube-system:aws-cluster-autoscaler")
    assert judge(RULE, chart_role, chart_name).passes


def test_an_account_that_the_chart_does_not_make_is_the_default_one() -> None:
    separate = RELEASE.without("values/rbac/serviceAccount/name").but("values/rbac/serviceAccount/create", False)
    assert judge(RULE, role_for("system:serviceaccount:kube-system:default"), separate).passes


def test_a_role_that_trusts_no_service_account_is_refused() -> None:
    role_for_nodes = Declared("aws:iam/role:Role", {"assumeRolePolicy": "{}"}, "autoscaler-role")
    assert judge(RULE, role_for_nodes, RELEASE).messages[0].endswith("role autoscaler-role trusts no service account.")


def test_a_service_account_of_a_manifest_is_judged_alike() -> None:
    assert judge(RULE, IRSA_ROLE, SERVICE_ACCOUNT).passes
    assert len(judge(RULE, IRSA_ROLE, SERVICE_ACCOUNT.but("metadata/name", "autoscaler")).messages) == 1


def test_a_role_of_another_arn_than_the_annotation_asks_for_is_not_meant() -> None:
    other = role_for("system:serviceaccount:default:web").but("arn", "arn:aws:iam::123456789012:role/web")
    assert judge(RULE, other, RELEASE).passes


def test_at_preview_the_reference_counts_and_no_arn_is_needed() -> None:
    wrong = role_for("system:serviceaccount:default:web").but("arn", UNKNOWN)
    assert len(judge(RULE, wrong, RELEASE).messages) == 1


def test_a_role_of_another_stack_cannot_be_judged_here() -> None:
    assert judge(RULE, RELEASE).passes


def test_an_association_must_be_for_the_account_that_its_role_trusts() -> None:
    assert judge(RULE, POD_IDENTITY_ROLE, ASSOCIATION).passes
    assert judge(RULE, POD_IDENTITY_ROLE, ASSOCIATION.but("serviceAccount", "web")).messages == [
        "The association's serviceAccount is web, and its role autoscaler-role trusts cluster-autoscaler."
    ]


def test_a_trust_that_is_not_known_yet_is_undecided() -> None:
    assert judge(RULE, IRSA_ROLE.but("assumeRolePolicy", UNKNOWN), RELEASE).undecided
