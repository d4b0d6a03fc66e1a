"""Flags that make Cluster Autoscaler wait for something are refused unless the release supplies it."""

import pytest

from components.pure.compatibility import Request, solve
from tests.versions import newest_image

IMAGE = newest_image("1.36")
CHART = "9.59.0"
"""The first chart that grants all that capacity buffers need but resourcequotas."""

BUFFERS = {"capacity-buffer-controller-enabled": "true"}
RULES = [
    {"apiGroups": [""], "resources": ["resourcequotas"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["autoscaling.x-k8s.io"], "resources": ["capacitybuffers"], "verbs": ["*"]},
]
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "capacitybuffers.autoscaling.x-k8s.io"},
}


def refusal(flags, image=IMAGE, chart=CHART, values=None, kubernetes="1.36"):
    _, faults = solve(
        Request(kubernetes, image_tag=image, chart_version=chart, flags=flags, values=values or {}),
    )
    return " ".join(map(str, faults))


@pytest.mark.parametrize("flag", ["capacity-buffer-controller-enabled", "capacity-buffer-pod-injection-enabled"])
def test_capacity_buffers_need_a_right_that_no_chart_grants_and_a_definition(flag):
    message = refusal({flag: "true"})
    assert f"flags.{flag}: got a flag that makes Cluster Autoscaler {IMAGE[1:]} wait indefinitely" in message
    assert "the right to list and watch resourcequotas, in rbac.additionalRules" in message
    assert "the CustomResourceDefinition capacitybuffers.autoscaling.x-k8s.io, in extraObjects" in message


@pytest.mark.parametrize(
    "values",
    [
        {"rbac": {"additionalRules": RULES[:1]}, "extraObjects": [DEFINITION]},
        {"rbac": {"additionalRules": RULES}},
    ],
    ids=["the definition is in the release", "the definition is confirmed by a rule"],
)
def test_capacity_buffers_pass_when_the_values_supply_what_they_need(values):
    assert refusal(BUFFERS, values=values) == ""


@pytest.mark.parametrize("values", [{}, {"rbac": {"additionalRules": RULES[1:]}}, {"extraObjects": [DEFINITION]}])
def test_capacity_buffers_are_refused_as_long_as_something_is_missing(values):
    assert "wait indefinitely" in refusal(BUFFERS, values=values)


def test_a_flag_that_is_false_needs_nothing():
    assert refusal({"capacity-buffer-controller-enabled": "false"}) == ""


def test_an_older_chart_grants_less():
    message = refusal(BUFFERS, chart="9.58.0", values={"rbac": {"additionalRules": RULES}})
    assert "the right to list and watch deployments.apps" in message
    assert "capacitybuffers" not in message


def test_additional_rules_do_not_count_for_a_chart_that_ignores_them():
    message = refusal(
        {"enable-provisioning-requests": "true"},
        image="v1.33.0",
        chart="9.47.0",
        kubernetes="1.33",
        values={
            "rbac": {
                "additionalRules": [
                    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
                ]
            }
        },
    )
    assert "(chart 9.48.0 or later)" in message


def test_provisioning_requests_need_their_definition_only_with_a_new_chart():
    flags = {"enable-provisioning-requests": "true"}
    message = refusal(flags)
    assert "the CustomResourceDefinition provisioningrequests.autoscaling.x-k8s.io" in message
    assert "the right" not in message
    rule = {"apiGroups": ["autoscaling.x-k8s.io"], "resources": ["provisioningrequests"], "verbs": ["list", "watch"]}
    assert refusal(flags, values={"rbac": {"additionalRules": [rule]}}) == ""


def test_capacity_buffers_need_json_before_the_version_that_asks_for_it_itself():
    values = {"rbac": {"additionalRules": RULES}}
    message = refusal(BUFFERS, image=newest_image("1.35"), kubernetes="1.35", values=values)
    assert "flags.kube-api-content-type: got nothing; expected application/json" in message
    json = {**BUFFERS, "kube-api-content-type": "application/json"}
    assert refusal(json, image=newest_image("1.35"), kubernetes="1.35", values=values) == ""
    assert refusal(BUFFERS, image=IMAGE, values=values) == ""


@pytest.mark.parametrize(
    "values", [{"rbac": None}, {"rbac": {"additionalRules": "all"}}, {"extraObjects": ["text"]}, {"extraObjects": {}}]
)
def test_values_of_another_shape_supply_nothing(values):
    assert "wait indefinitely" in refusal(BUFFERS, values=values)
