"""The protocol server that all provider stand-ins share, driven over real gRPC."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import grpc
import pytest
from pulumi.runtime import rpc as wire
from pulumi.runtime.proto import provider_pb2

from sandbox.providers.differences import Change, Difference, compare, join, root
from sandbox.providers.rpc import Checked, Failure, PartialFailure, Provider, ProviderError, Servicer, State, start
from sandbox.providers.values import UNKNOWN, contains_unknown, decode, encode
from sandbox.tests.providers.protocol_client import Engine, Recorded, connected, initialization_error, serving

TOKEN = "toy:index:Thing"


class Toy(Provider[str]):
    """Knows one type, `Thing`, whose `size` fails, breaks or waits at chosen values."""

    package = "toy"
    version = "1.2.3"

    def __init__(self):
        self.waiting = threading.Event()
        self.namings = []

    def configure(self, config):
        if config.get("region") == "nowhere":
            raise ProviderError("region 'nowhere' does not exist")
        return config.get("region", "none")

    def check(self, call, old_inputs, inputs, naming):
        self.namings.append(naming)
        bad = [Failure(key, f"unknown property {key!r}") for key in inputs if key != "size"]
        return Checked(inputs, bad)

    def diff(self, call, old, inputs, ignored):
        changes = compare(old.inputs, inputs)
        return Difference(changes, frozenset(changes) & {"size"}, delete_before_replace=True, of_inputs=True)

    def create(self, call, inputs, preview):
        if inputs["size"] == "half":
            raise PartialFailure("it-1", {"size": "half", "made": True}, "half of it is missing")
        if inputs["size"] == "broken":
            raise ValueError("a bug")
        if inputs["size"] == "slow":
            self.waiting.set()
            while True:
                call.pause(0.05)
        outputs = {"size": inputs["size"], "region": call.session, "asked": str(call.timeout)}
        return State("" if preview else "it-1", outputs)

    def read(self, call, old):
        return None if old.id == "gone" else State(old.id, {"size": 1}, {"size": 1})


@pytest.fixture
def toy() -> Toy:
    return Toy()


@pytest.fixture
def port(toy) -> Iterator[int]:
    with serving(Servicer(toy)) as port:
        yield port


@pytest.fixture
def engine(port) -> Iterator[Engine]:
    with connected(port, "toy") as engine:
        engine.configure(region="here", version="1.2.3")
        yield engine


def fails(code: grpc.StatusCode, text: str):
    return pytest.raises(grpc.RpcError, check=lambda error: error.code() == code and text in error.details())


def test_values_survive_the_wire():
    value = {"a": [1, 2.5, True, None, {"b": "x"}], "later": UNKNOWN, "e": {}}
    assert decode(encode(value)) == value


def test_whole_numbers_arrive_as_int():
    assert isinstance(decode(encode({"n": 3.0}))["n"], int)


def test_secrets_and_output_values_arrive_bare():
    signed = {wire._special_sig_key: wire._special_secret_sig, "value": {"a": 1}}
    output = {wire._special_sig_key: wire._special_output_value_sig, "value": 7, "secret": True}
    unknown = {wire._special_sig_key: wire._special_output_value_sig}
    assert decode(encode({"s": signed, "o": output, "u": unknown})) == {"s": {"a": 1}, "o": 7, "u": UNKNOWN}


def test_an_asset_goes_through_unchanged():
    asset = {wire._special_sig_key: wire._special_asset_sig, "text": "x"}
    assert decode(encode({"a": asset})) == {"a": asset}


def test_an_unknown_is_found_at_any_depth():
    assert contains_unknown({"a": [{"b": UNKNOWN}]})
    assert not contains_unknown({"a": [{"b": None}]})


def test_a_value_of_a_strange_type_is_refused():
    with pytest.raises(TypeError, match="set"):
        encode({"a": {1, 2}})


def test_compare_names_the_leaves_that_differ():
    old = {"tags": {"a.b": "1", "c": "2"}, "list": [1, 2], "same": {"x": 1}, "gone": 1, "absent": None}
    new = {"tags": {"a.b": "2", "d": "3"}, "list": [1], "same": {"x": 1}, "later": UNKNOWN}
    assert compare(old, new) == {
        'tags["a.b"]': Change.UPDATE,
        "tags.c": Change.DELETE,
        "tags.d": Change.ADD,
        "list[1]": Change.DELETE,
        "gone": Change.DELETE,
        "later": Change.ADD,
    }


@pytest.mark.parametrize(
    ("path", "key", "joined"),
    [("", "a", "a"), ("a", "b", "a.b"), ("a", 0, "a[0]"), ("a", "b/c", 'a["b/c"]'), ("", 'q"t', '["q\\"t"]')],
)
def test_paths_are_written_as_the_engine_reads_them(path, key, joined):
    assert join(path, key) == joined


@pytest.mark.parametrize(("path", "first"), [("a.b[0]", "a"), ('a["b.c"].d', "a"), ('["x.y"].z', "x.y"), ("a", "a")])
def test_the_root_of_a_path_is_its_first_property(path, first):
    assert root(path) == first


def test_each_connection_has_its_own_configuration(engine, port):
    with connected(port, "toy") as other:
        other.configure(region="there")
        assert other.create(TOKEN, {"size": 1}).outputs["region"] == "there"
        assert engine.create(TOKEN, {"size": 1}).outputs["region"] == "here"


def test_the_version_is_reported(engine):
    assert engine.stub.GetPluginInfo(provider_pb2.ReadRequest()).version == "1.2.3"


def test_a_call_before_configure_is_refused(port):
    with connected(port, "toy") as engine, fails(grpc.StatusCode.FAILED_PRECONDITION, "before configuring"):
        engine.check(TOKEN, {"size": 1})


def test_a_configuration_that_cannot_be_is_the_users_error(port):
    with connected(port, "toy") as engine, fails(grpc.StatusCode.FAILED_PRECONDITION, "does not exist"):
        engine.configure(region="nowhere")


def test_all_bad_properties_are_reported_at_once(engine):
    _, failures = engine.check(TOKEN, {"siez": 1, "colour": 2})
    assert failures == {"siez": "unknown property 'siez'", "colour": "unknown property 'colour'"}


def test_the_stacks_naming_rule_reaches_the_provider(engine, toy):
    options = provider_pb2.CheckRequest.AutonamingOptions
    engine.check(TOKEN, {}, autonaming=options(proposed_name="given", mode=options.ENFORCE))
    engine.check(TOKEN, {}, autonaming=options(mode=options.DISABLE))
    engine.check(TOKEN, {})
    assert [(each.proposal, each.disabled) for each in toy.namings] == [("given", False), (None, True), (None, False)]
    assert all(each.seed for each in toy.namings)


def test_a_difference_carries_kinds_paths_and_replacement(engine):
    response = engine.diff(TOKEN, Recorded("it-1", {"size": 1}, {}), {"size": 2})
    assert response.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert list(response.replaces) == ["size"]
    assert response.deleteBeforeReplace
    assert response.detailedDiff["size"].kind == provider_pb2.PropertyDiff.UPDATE_REPLACE
    assert response.detailedDiff["size"].inputDiff


def test_no_difference_is_reported_as_such(engine):
    response = engine.diff(TOKEN, Recorded("it-1", {"size": 1}, {}), {"size": 1})
    assert response.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert not response.deleteBeforeReplace


def test_a_resource_that_is_gone_reads_as_nothing(engine):
    assert engine.import_(TOKEN, "gone") is None
    assert engine.import_(TOKEN, "it-1") == Recorded("it-1", {"size": 1}, {"size": 1})


def test_a_half_made_resource_is_recorded_as_it_is(engine):
    with pytest.raises(grpc.RpcError) as caught:
        engine.create(TOKEN, {"size": "half"})
    failed = initialization_error(caught.value)
    assert failed.id == "it-1"
    assert list(failed.reasons) == ["half of it is missing"]
    assert decode(failed.properties) == {"size": "half", "made": True}
    assert failed.inputs == failed.properties


def test_a_fault_of_the_stand_in_itself_is_marked_as_one(engine):
    with fails(grpc.StatusCode.INTERNAL, "stand-in failed in Create: ValueError: a bug"):
        engine.create(TOKEN, {"size": "broken"})


def test_what_a_stand_in_does_not_know_fails_with_its_name(engine):
    with fails(grpc.StatusCode.UNIMPLEMENTED, "no function toy:index:guess"):
        engine.invoke("toy:index:guess")
    with fails(grpc.StatusCode.UNIMPLEMENTED, f"no resource type {TOKEN}"):
        engine.delete(TOKEN, Recorded("it-1", {}, {}))


@pytest.mark.parametrize(
    ("method", "request_type"),
    [
        ("GetSchema", "GetSchemaRequest"),
        ("GetMapping", "GetMappingRequest"),
        ("GetMappings", "GetMappingsRequest"),
        ("Parameterize", "ParameterizeRequest"),
        ("Construct", "ConstructRequest"),
        ("Call", "CallRequest"),
    ],
)
def test_a_method_that_is_not_served_is_refused_by_name(engine, method, request_type):
    with fails(grpc.StatusCode.UNIMPLEMENTED, f"toy provider does not answer {method}"):
        getattr(engine.stub, method)(getattr(provider_pb2, request_type)())


def test_cancel_ends_only_the_waits_of_the_same_connection(engine, port, toy):
    with connected(port, "toy") as other:
        other.configure()
        checked = encode({"size": "slow"})
        waiting = engine.stub.Create.future(provider_pb2.CreateRequest(type=TOKEN, properties=checked))
        assert toy.waiting.wait(10)
        other.cancel()
        assert not waiting.done()
        engine.cancel()
        with fails(grpc.StatusCode.FAILED_PRECONDITION, "cancelled"):
            waiting.result(timeout=10)


def test_calls_run_side_by_side(engine, toy):
    waiting = engine.stub.Create.future(provider_pb2.CreateRequest(type=TOKEN, properties=encode({"size": "slow"})))
    assert toy.waiting.wait(10)
    assert engine.create(TOKEN, {"size": 1}).id == "it-1"
    engine.cancel()
    assert waiting.exception(timeout=10) is not None


def test_the_users_timeout_reaches_the_provider(engine):
    request = provider_pb2.CreateRequest(type=TOKEN, properties=encode({"size": 1}), timeout=90)
    assert decode(engine.stub.Create(request).properties)["asked"] == "90.0"


def test_a_port_in_use_is_refused_not_shared(toy, port):
    with pytest.raises(OSError, match=f"127.0.0.1:{port}"):
        start(Servicer(toy), port)


MAIN = """
import sys
from sandbox.providers.rpc import Provider, Servicer, main
class Empty(Provider):
    package, version = "toy", "1.0.0"
    def configure(self, config): return None
sys.exit(main(Servicer(Empty()), "toy", sys.argv[1:]))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_reports_when_it_is_ready_listens_on_loopback_and_stops_on_a_signal(number):
    command = [sys.executable, "-c", MAIN, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        try:
            line = process.stdout.readline()
            assert line.startswith("ready: stand-in on ")
            port = int(line.rsplit(":", 1)[1])
            with socket.create_connection(("127.0.0.1", port), 5):
                pass
            process.send_signal(number)
            assert process.wait(10) == 0
        finally:
            process.kill()


def test_the_process_reports_a_port_in_use_without_a_traceback(port):
    command = [sys.executable, "-c", MAIN, "--port", str(port)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 1
    assert str(port) in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
