import pytest

from policies.rules.no_static_aws_keys import RULE
from tests.policies.compliant import DEPLOYMENT, RELEASE
from tests.policies.judging import UNKNOWN, Declared, judge

# The example key of the AWS documentation.
KEY_ID = "AKIA" + "IOSFODNN7EXAMPLE"
CONTAINER = "spec/template/spec/containers/0"


@pytest.mark.parametrize("name", ["awsAccessKeyID", "awsSecretAccessKey", "secretKeyRefNameOverride"])
@pytest.mark.parametrize("value", ["anything", UNKNOWN], ids=["known", "unknown"])
def test_chart_values_for_keys_are_refused_even_before_they_are_known(name: str, value: str) -> None:
    verdict = judge(RULE, RELEASE.but(f"values/{name}", value))
    assert verdict.messages == [f"The chart value {name} is set; expected a role."]


def test_an_empty_chart_value_passes() -> None:
    assert judge(RULE, RELEASE.but("values/awsAccessKeyID", "")).passes


@pytest.mark.parametrize("group", ["extraEnv", "extraEnvSecrets"])
def test_environment_variables_of_the_chart_are_refused(group: str) -> None:
    verdict = judge(RULE, RELEASE.but(f"values/{group}/AWS_SECRET_ACCESS_KEY", {"name": "keys", "key": "secret"}))
    assert verdict.messages == ["The container's variable AWS_SECRET_ACCESS_KEY is set; expected a role."]


def test_environment_variables_of_a_deployment_are_refused() -> None:
    variables = [{"name": "AWS_ACCESS_KEY_ID", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "id"}}}]
    assert len(judge(RULE, DEPLOYMENT.but(f"{CONTAINER}/env", variables)).messages) == 1


def test_a_key_anywhere_is_found_and_never_shown() -> None:
    (message,) = judge(RULE, RELEASE.but("values/customArgs", ["--x=1", f"--key={KEY_ID}"])).messages
    assert message == "values.customArgs[1] holds an AWS access key id; expected a role."
    assert KEY_ID not in message


def test_the_search_for_keys_passes_over_what_is_not_known_yet() -> None:
    release = RELEASE.but("values/customArgs", [UNKNOWN, KEY_ID])
    assert judge(RULE, release).messages == ["values.customArgs[1] holds an AWS access key id; expected a role."]


def test_a_chart_component_is_judged_by_its_values() -> None:
    chart = Declared("kubernetes:helm.sh/v4:Chart", RELEASE.props).but("values/awsAccessKeyID", KEY_ID)
    assert len(judge(RULE, chart).messages) == 2


def test_other_workloads_are_not_judged() -> None:
    web = DEPLOYMENT.but(CONTAINER, {"image": "web:1", "env": [{"name": "AWS_ACCESS_KEY_ID", "value": KEY_ID}]})
    assert judge(RULE, web).passes
