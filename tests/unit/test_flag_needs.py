"""Flags that make Cluster Autoscaler wait for something are refused unless the release supplies it."""

import pytest

from components.pure import capacity_buffers
from components.pure.compatibility import Request, solve
from components.pure.flag_needs import BUFFER_FLAGS, NEEDS
from components.pure.flags import table
from components.pure.versions import parse_minor, parse_patch
from tests.versions import newest_image

IMAGE = newest_image("1.36")
CHART = "9.59.0"
"""The first chart that grants all that capacity buffers need but resourcequotas."""

BUFFERS = {"capacity-buffer-controller-enabled": "true", "capacity-buffer-pod-dry-run-enabled": "false"}
OLDER_BUFFERS = {"capacity-buffer-controller-enabled": "true"}
"""The same before 1.36, which has no dry run."""
RULES = [
    {"apiGroups": [""], "resources": ["resourcequotas"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["autoscaling.x-k8s.io"], "resources": ["capacitybuffers"], "verbs": ["*"]},
]
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "capacitybuffers.autoscaling.x-k8s.io"},
}


def refusal(flags, image=IMAGE, chart=CHART, values=None, kubernetes="1.36", buffers=False):
    given = {"image_tag": image, "chart_version": chart, "flags": flags, "capacity_buffers": buffers}
    _, faults = solve(Request(kubernetes, **given, values=values or {}))
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
    message = refusal(OLDER_BUFFERS, image=newest_image("1.35"), kubernetes="1.35", values=values)
    assert "flags.kube-api-content-type: got nothing; expected application/json" in message
    json = {**OLDER_BUFFERS, "kube-api-content-type": "application/json"}
    assert refusal(json, image=newest_image("1.35"), kubernetes="1.35", values=values) == ""
    assert refusal(BUFFERS, image="v1.36.0", values=values) == ""
    assert refusal(BUFFERS, image=IMAGE, values=values) == ""


def test_the_dry_run_of_a_buffers_pods_needs_the_right_to_create_pods():
    flags = {"capacity-buffer-controller-enabled": "true"}
    message = refusal(flags, values={"rbac": {"additionalRules": RULES}})
    assert "flags.capacity-buffer-pod-dry-run-enabled: got nothing; expected false, or a rule to create pods" in message
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}
    assert refusal(flags, values={"rbac": {"additionalRules": [*RULES, rule]}}) == ""
    assert refusal({}, buffers=True) == ""
    assert "create pods" in refusal({"capacity-buffer-pod-dry-run-enabled": "true"}, buffers=True)


@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36"])
def test_capacity_buffers_as_a_setting_need_nothing_else(version):
    assert refusal({}, image=newest_image(version), kubernetes=version, buffers=True) == ""
    assert capacity_buffers.flags(parse_patch(newest_image(version))).keys() <= {
        flag for flag, (_, defaults) in table().items() if parse_minor(version) in defaults
    }


def test_capacity_buffers_as_a_setting_are_refused_before_the_version_that_has_them():
    message = refusal({}, image=newest_image("1.33"), kubernetes="1.33", buffers=True)
    assert message.startswith("capacityBuffers: got Cluster Autoscaler 1.33.")
    assert "expected Cluster Autoscaler 1.34 or later, or headroom by pods" in message


def test_the_rights_for_capacity_buffers_cover_all_that_their_flags_list():
    granted = {
        (group, resource)
        for rule in capacity_buffers.RULES
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    listed = {(need.group, need.resource) for need in NEEDS if need.flag in BUFFER_FLAGS}
    assert listed <= granted
    assert not any("pods" in rule["resources"] for rule in capacity_buffers.RULES)


@pytest.mark.parametrize(
    "values", [{"rbac": None}, {"rbac": {"additionalRules": "all"}}, {"extraObjects": ["text"]}, {"extraObjects": {}}]
)
def test_values_of_another_shape_supply_nothing(values):
    assert "wait indefinitely" in refusal(BUFFERS, values=values)
