"""No key, no token: not in what is printed, not in what a value shows of itself, not in an exception."""

import base64
import json
import string
import traceback
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor.whoami.secrets import HIDDEN, Secret, hide
from doctor.whoami.tokens import Claims, TokenFormatError, parse_claims

from .examples import few


def encoded(claims: object) -> str:
    text = json.dumps(claims).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def token_of(claims: object) -> Secret:
    return Secret(f"{encoded({'alg': 'RS256'})}.{encoded(claims)}.c2lnbmF0dXJl")


def test_a_secret_shows_in_no_way_of_printing_it():
    secret = Secret("wJalrXUtnFEMI")
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{secret:>20}", "%s" % secret):  # noqa: UP031
        assert shown.strip() == HIDDEN


@few
@given(st.text(string.ascii_letters + string.digits + "/+=", min_size=8), st.text(), st.text())
def test_a_known_secret_is_taken_out_of_any_text(value: str, before: str, after: str):
    assert value not in hide(f"{before}{value}{after}", Secret(value)).replace(HIDDEN, "")


@pytest.mark.parametrize(
    "message",
    [
        f"bad token {token_of({'sub': 'x'}).value} given",
        "InvalidClientTokenId: AKIAIOSFODNN7EXAMPLE",
        '{"SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}',
        "aws_session_token=IQoJb3JpZ2luX2VjEXAMPLE",
    ],
)
def test_what_resembles_a_secret_is_removed_from_the_output_of_others(message: str):
    kept = hide(message)
    for part in ("eyJ", "AKIAIOSFODNN7", "wJalrXUtnFEMI", "IQoJb3JpZ2lu"):
        assert part not in kept


def test_arns_and_names_are_left_as_they_are():
    message = "arn:aws:sts::123456789012:assumed-role/series-api-cluster-autoscaler/ca-doctor is not authorized"
    assert hide(message) == message


def test_claims_of_a_pods_token_are_read():
    pod = {"namespace": "kube-system", "pod": {"name": "cluster-autoscaler-1", "uid": "u"}}
    token = token_of({"iss": "https://i", "sub": "s", "aud": ["a", "b"], "exp": 1788264000, "kubernetes.io": pod})
    expiry = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
    assert parse_claims(token) == Claims("https://i", "s", ("a", "b"), expiry, "cluster-autoscaler-1")


def test_an_audience_may_be_a_plain_text():
    assert parse_claims(token_of({"aud": "sts.amazonaws.com"})).audiences == ("sts.amazonaws.com",)


@few
@given(
    st.dictionaries(
        st.sampled_from(["iss", "sub", "aud", "exp", "kubernetes.io"]),
        st.recursive(
            st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["pod", "name"]), inner),
            max_leaves=5,
        ),
    )
)
def test_any_claims_are_read_without_a_traceback(claims: dict[str, object]):
    assert isinstance(parse_claims(token_of(claims)), Claims)


@few
@given(st.text(min_size=9) | st.builds(lambda a, b: f"{a}.{b}.x", st.text(min_size=5), st.text(min_size=5)))
def test_what_is_not_a_token_is_reported_without_quoting_it(text: str):
    try:
        parse_claims(Secret(text))
    except TokenFormatError as error:
        shown = "".join(traceback.format_exception(error))
        assert text not in shown
