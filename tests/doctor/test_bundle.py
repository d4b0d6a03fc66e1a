"""A bundle gives the findings and answers of the live cluster, has no secret, and is refused in words when damaged."""

import io
import json
import tarfile
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from doctor import cli
from doctor.bundle import archive, contents
from doctor.bundle.contents import Contents
from doctor.bundle.redaction import HIDDEN, redacted, without_secrets
from doctor.case import Case
from doctor.checks import examine
from doctor.errors import CannotCheckError
from doctor.explain import views
from doctor.explain.fit import Occupied
from doctor.explain.removal import explain_nodes
from doctor.explain.state import ClusterState
from doctor.explain.workload import Budget, Machine, Requirement, Selector, Separation, Workload
from doctor.facts import ConfigMap, Event, LogLine, Metrics, Snapshot, Toleration
from doctor.readings import Unreadable
from doctor.stress.capacity import Resources
from doctor.symptoms import SYMPTOMS

from . import snapshots
from .bundles import bundled
from .examples import few, refused_in_words
from .recordings import ROOT, recordings
from .test_explain_nodes import case as nodes_case
from .test_explain_nodes import machine, pod
from .test_explain_pods import LOGS, TYPES
from .test_explain_pods import case as pods_case
from .test_further_faults import PLANTS as FURTHER
from .test_known_misconfigurations import PLANTS as KNOWN

DENIED = Unreadable("list pods", True, "forbidden")
EMPTY = ClusterState((), (), {}, (), ())
GIB = 2**30


def through(snapshot: Snapshot, state: ClusterState = EMPTY, mask: bool = False) -> Contents:
    return contents.decode(contents.encode(Contents(snapshot, state, "1.2.3"), mask), "bundle")


# -- the same findings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", snapshots.MODES)
def test_a_healthy_snapshot_comes_back_as_it_was(mode):
    snapshot = snapshots.healthy(mode)
    back = through(snapshot)
    assert back.snapshot == snapshot
    assert back.tool == "1.2.3"


@pytest.mark.parametrize("plant", [*KNOWN, *FURTHER], ids=lambda plant: f"{plant.number} {plant.name}")
def test_every_planted_fault_is_found_in_the_bundle_as_live(plant):
    snapshot = plant.spoil(snapshots.healthy(plant.mode))
    assert examine(through(snapshot).snapshot).findings == examine(snapshot).findings


@pytest.mark.parametrize("it", recordings(), ids=lambda it: f"{it.version}-{it.scenario}")
def test_every_recorded_log_shows_the_same_in_the_bundle(it):
    events = tuple(Event(each.reason, each.message, each.kind, "", "") for each in it.events)
    snapshot = snapshots.with_kubernetes(snapshots.logging(snapshots.healthy(), *it.log), events=events)
    if it.status:
        snapshot = snapshots.with_kubernetes(snapshot, status=ConfigMap(it.status["data"], it.status["annotations"]))
    assert examine(through(snapshot).snapshot).findings == examine(snapshot).findings


@pytest.mark.parametrize("fact", ["logs", "access", "metrics", "pods", "nodes"])
def test_what_could_not_be_read_stays_unread(fact):
    snapshot = snapshots.with_kubernetes(snapshots.healthy(), **{fact: DENIED})
    assert through(snapshot).snapshot == snapshot


def test_masked_accounts_change_no_verdict():
    snapshot = snapshots.with_aws(snapshots.healthy(), oidc_provider=None)
    report = examine(through(snapshot, mask=True).snapshot)
    assert [(each.rule, each.status) for each in report.findings] == [
        (each.rule, each.status) for each in examine(snapshot).findings
    ]


# -- the same answers --------------------------------------------------------------------------------------------------


def state_of(*nodes: Occupied, **changes) -> ClusterState:
    machines = tuple(node.machine for node in nodes)
    on_nodes = tuple(replace(each, node=node.machine.name) for node in nodes for each in node.pods)
    return replace(EMPTY, **{"nodes": machines, "pods": on_nodes, **changes})


PODS = st.builds(
    pod,
    name=st.sampled_from("abcd"),
    cpu=st.integers(0, 3000),
    created_at=st.sampled_from([None, snapshots.ago(100)]),
    claims=st.sampled_from([(), ("data",)]),
    local_volumes=st.sampled_from([(), ("tmp",)]),
    owner=st.sampled_from([("", ""), ("ReplicaSet", "x"), ("DaemonSet", "x")]),
    annotations=st.dictionaries(
        st.sampled_from(["cluster-autoscaler.kubernetes.io/safe-to-evict", "kubernetes.io/config.mirror"]),
        st.sampled_from(["true", "false"]),
    ),
    tolerations=st.sampled_from([(), (Toleration("team", "Exists"),)]),
    node_terms=st.sampled_from([(), ((Requirement("disk", "In", ("ssd",)),),)]),
    separations=st.sampled_from([(), (Separation("zone", Selector(), frozenset({"shop"})),)]),
    extended=st.sampled_from([{}, {"nvidia.com/gpu": Decimal(1)}]),
)


@few
@examples(st.lists(PODS, max_size=5, unique_by=lambda each: each.id), st.integers(0, 1))
def test_nodes_are_explained_from_the_bundle_as_live(here, allowed):
    case = nodes_case()
    budgets = (
        Budget("shop", "api", Selector((Requirement("app", "In", ("api",)),)), allowed),
        Budget("shop", "b", None, 0),
    )
    state = state_of(
        Occupied(machine(), tuple(here)),
        Occupied(machine("node-2", "i-0aa2", taints=())),
        budgets=budgets,
        claim_zones={"shop/data": frozenset({"us-east-1a", "us-east-1b"})},
    )
    back = through(case.snapshot, state)
    assert back.state == state
    live = views.nodes_document(_nodes(case, state), "c")
    assert views.nodes_document(_nodes(Case(back.snapshot), back.state), "c") == live


def _nodes(case, state):
    return explain_nodes(case, state.surroundings(), state.listed_budgets())


def test_a_pod_is_explained_from_a_file_as_live(tmp_path):
    waiting = Workload("shop", "api-1", requests=Resources(2500, GIB, 1), created_at=snapshots.ago(5), phase="Pending")
    template = Occupied(Machine("t", allocatable=Resources(1930, 7 * GIB, 29)), (LOGS,))
    for templates in ({}, {"eks-batch-7c21": template}):
        state = state_of(pods=(waiting,), daemons=(LOGS,), instance_types=TYPES, templates=templates)
        case = pods_case()
        archive.write(tmp_path / "b.tar.gz", Contents(case.snapshot, state))
        answer = bundled(tmp_path / "b.tar.gz").pod("shop", "api-1")
        (group,) = answer.groups
        assert group.source.startswith("the autoscaler (" if templates else "its instance type m6i.large")
        assert group.capacity.startswith("1730m CPU (1930m" if templates else "1700m CPU (2000m")
        assert "CPU: requests 2500m" in group.reasons[0]


def test_a_list_that_could_not_be_read_stops_the_answer_with_the_right_that_lacks():
    state = through(snapshots.healthy(), replace(EMPTY, budgets=DENIED)).state
    assert state.surroundings().nodes == ()
    with pytest.raises(CannotCheckError, match="allow `list pods` to your user"):
        state.listed_budgets()


# -- no secret ---------------------------------------------------------------------------------------------------------

_UPPER, _LOWER, _DIGIT = "ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz", "23456789"
_WORD = st.text(_UPPER + _LOWER + _DIGIT, min_size=10, max_size=30).map(lambda text: f"{text}Q7x")


def _mixed(length: int) -> st.SearchStrategy[str]:
    return st.text(_UPPER + _LOWER + _DIGIT + "/+", min_size=length - 3, max_size=length - 3).map(
        lambda text: f"{text}Zk8"
    )


SECRETS = st.one_of(
    # The secret, and the text in which it is found.
    _WORD.map(lambda it: (it, f"Authorization: Bearer {it}")),
    _WORD.map(lambda it: (it, f'"authorization": "Basic {it}"')),
    _WORD.map(lambda it: (it, f"request with bearer {it} was refused")),
    st.tuples(_WORD, _WORD, _WORD).map(lambda it: (it[2], f"token eyJ{it[0]}.eyJ{it[1]}.{it[2]}")),
    st.text(_UPPER + _DIGIT, min_size=16, max_size=16).map(lambda it: (it, f"key AKIA{it} used")),
    st.text(_UPPER + _DIGIT, min_size=16, max_size=16).map(lambda it: (it, f"credential=ASIA{it}/20261129")),
    _mixed(40).map(lambda it: (it, f"signed with {it}")),
    _mixed(180).map(lambda it: (it, f"session {it}==")),
    _WORD.map(lambda it: (it, f"AWS_SECRET_ACCESS_KEY={it}")),
    _WORD.map(lambda it: (it, f"aws_session_token = '{it}'")),
    _WORD.map(lambda it: (it, f"DB_PASSWORD: {it}")),
    _WORD.map(lambda it: (it, f'{{"clientSecret": "{it}", "a": 1}}')),
    _WORD.map(lambda it: (it, f"--registry-token={it} --v=4")),
    _WORD.map(lambda it: (it, f"https://user:{it}@proxy.example:3128/")),
    _WORD.map(lambda it: (it, f"https://sts.amazonaws.com/?X-Amz-Signature={it}&Action=x")),
    _WORD.map(lambda it: (it, f"k8s-aws-v1.{it}")),
    _WORD.map(lambda it: (it, f"cloning with ghp_{it}{it}")),
    _mixed(64).map(lambda it: (it, f"-----BEGIN RSA PRIVATE KEY-----\n{it}\n-----END RSA PRIVATE KEY-----")),
)


def planted(text: str) -> Contents:
    """The same text wherever a text of others may be."""
    healthy = snapshots.healthy()
    group = snapshots.asg()
    snapshot = snapshots.with_kubernetes(
        healthy,
        logs=(LogLine("ca-1", text, snapshots.ago(1)),),
        events=(Event("Failed", text, "Pod", "shop", "api-1"),),
        deployments=(
            snapshots.deployment(
                arguments=(*snapshots.flags(), text),
                environment={"AWS_REGION": text},
                pod_annotations={"example.com/config": text, "cluster-autoscaler.kubernetes.io/note": text},
                labels={"note": text},
            ),
        ),
        pods=(snapshots.pod(environment={"AWS_ROLE_ARN": text}, waiting_message=text),),
        status=ConfigMap({"status": text}, {"cluster-autoscaler.kubernetes.io/last-updated": text}),
        priorities=ConfigMap({"priorities": text}),
        metrics=Metrics("ca-1", page=text),
        nodes=Unreadable("list nodes", False, text),
    )
    snapshot = snapshots.with_aws(
        snapshot,
        groups=(replace(group, tags={**group.tags, "note": text, text: "key"}),),
        cluster=Unreadable("eks:DescribeCluster", False, text),
    )
    workload = Workload(
        "shop",
        "api-1",
        labels={"note": text},
        annotations={"kubectl.kubernetes.io/last-applied-configuration": text, "eks.amazonaws.com/x": text},
    )
    return Contents(snapshot, replace(EMPTY, pods=(workload,), nodes=Unreadable("list nodes", False, text)))


@few
@examples(SECRETS)
def test_no_member_of_a_bundle_has_a_planted_secret(secret):
    hidden, text = secret
    for name, data in members(planted(text)).items():
        assert hidden not in data, name


def members(of: Contents, mask: bool = False) -> dict[str, str]:
    packed = archive.packed(of, mask)
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as opened:
        names = opened.getnames()
        return {name: opened.extractfile(name).read().decode() for name in names}  # type: ignore[union-attr]


def test_annotations_without_a_reader_are_left_out():
    whole = members(planted("harmless-text-of-others"))["snapshot.json"]
    assert "last-applied-configuration" not in whole
    assert "example.com/config" not in whole
    assert "cluster-autoscaler.kubernetes.io/note" in whole


@pytest.mark.parametrize(
    "text",
    [
        "InvalidIdentityToken: No OpenIDConnect provider found in your account for https://oidc.eks.us-east-1.amazonaws.com/id/ABC",
        "InvalidClientTokenId: The security token included in the request is invalid.",
        "ExpiredToken: The security token included in the request is expired",
        "arn:aws:iam::123456789012:role/series-api-cluster-autoscaler",
        "node ip-10-0-0-1.ec2.internal cannot be removed: pod with local storage present: api-7c6cfd7f47-sndwg",
        "registry.k8s.io/autoscaling/cluster-autoscaler@sha256:6d5661c0f0a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d",
        "eks-workers-c0c9d016-3488-4daf-bf28-a1c150e3d9a4",
        "AWS_WEB_IDENTITY_TOKEN_FILE=/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
        "9e99a48a9960b14926bb7f3b02e22da2b0ab7280",
    ],
)
def test_what_only_resembles_a_secret_is_kept(text):
    assert without_secrets(text) == text


def test_accounts_are_masked_alike_everywhere():
    other = "210987654321"
    snapshot = snapshots.logging(snapshots.healthy(), f"assumed arn:aws:sts::{other}:assumed-role/x for {other}")
    kept, masked = members(Contents(snapshot, EMPTY)), members(Contents(snapshot, EMPTY), mask=True)
    assert snapshots.ACCOUNT in kept["snapshot.json"]
    for data in masked.values():
        assert snapshots.ACCOUNT not in data
        assert other not in data
    (line,) = json.loads(masked["snapshot.json"])["snapshot"]["kubernetes"]["logs"]
    first, second = (word for word in line["text"].replace(":", " ").split() if word.isdigit())
    assert first == second
    assert json.loads(masked["snapshot.json"])["accounts_masked"] is True


@few
@examples(st.lists(st.from_regex(r"[0-9]{12}", fullmatch=True), min_size=1, max_size=9))
def test_different_accounts_stay_different(accounts):
    masked = redacted([f"arn:aws:iam::{account}:role/x" for account in accounts], mask_accounts=True)
    assert len(set(masked)) == len(set(accounts))
    assert all(
        len(before) == len(f"arn:aws:iam::{after}:role/x") for before, after in zip(masked, accounts, strict=True)
    )


# -- the file ----------------------------------------------------------------------------------------------------------


def test_the_same_facts_give_the_same_bytes_and_only_the_owner_reads_them(tmp_path):
    first, second = tmp_path / "a.tar.gz", tmp_path / "b.tar.gz"
    for file in (first, second):
        archive.write(file, Contents(snapshots.healthy(), EMPTY))
        assert file.stat().st_mode & 0o077 == 0
    assert first.read_bytes() == second.read_bytes()


def test_people_find_log_events_status_and_metrics_as_text():
    events = (Event("ScaledUpGroup", "group x", "ConfigMap", "kube-system", "s", snapshots.ago(3)),)
    metrics = Metrics("ca-1", page="cluster_autoscaler_errors_total 1\n")
    found = members(Contents(snapshots.with_kubernetes(snapshots.healthy(), events=events, metrics=metrics), EMPTY))
    assert sorted(found) == ["events.txt", "log.txt", "metrics.txt", "snapshot.json", "status.yaml"]
    assert "Starting main loop" in found["log.txt"]
    assert "ScaledUpGroup ConfigMap kube-system/s: group x" in found["events.txt"]
    assert "autoscalerStatus: Running" in found["status.yaml"]
    assert found["metrics.txt"] == metrics.page


def tarred(name: str, data: bytes, kind: bytes = tarfile.REGTYPE) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as opened:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc/passwd"
        member.size = len(data) if kind == tarfile.REGTYPE else 0
        opened.addfile(member, io.BytesIO(data))
    return target.getvalue()


GOOD = json.loads(contents.encode(Contents(snapshots.healthy(), EMPTY, "9.9.9")))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "got no sound tar.gz archive"),
        (b"no archive", "got no sound tar.gz archive"),
        (tarred("snapshot.json", b"{}")[:40], "got no sound tar.gz archive"),
        (tarred("other.json", b"{}"), "got an archive without snapshot.json"),
        (tarred("../snapshot.json", b"{}"), "got an archive without snapshot.json"),
        (tarred("snapshot.json", b"", tarfile.SYMTYPE), "the bundle is damaged"),
        (tarred("snapshot.json", b"{"), "the bundle is damaged"),
        (tarred("snapshot.json", b"\xff\xfe"), "the bundle is damaged"),
        (tarred("snapshot.json", b"[]"), "got no bundle format"),
        (tarred("snapshot.json", b'{"format": "1"}'), "got no bundle format"),
        (tarred("snapshot.json", b'{"format": 1}'), "the bundle is damaged: tool"),
        (
            tarred("snapshot.json", json.dumps({**GOOD, "format": 2}).encode()),
            "got a bundle of format 2, by ca-doctor 9.9.9; expected format 1 or older. Upgrade ca-doctor.",
        ),
    ],
    # An archive holds the time at which it was made, which must not be part of a test's name.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_no_bundle_is_refused_in_words(tmp_path, data, words):
    file = tmp_path / "bundle.tar.gz"
    file.write_bytes(data)
    with pytest.raises(CannotCheckError, match=words):
        archive.read(file)


def test_a_later_version_may_add_facts(tmp_path):
    more = {**GOOD, "weather": "fine", "state": {**GOOD["state"], "more": []}}
    (tmp_path / "b").write_bytes(tarred("snapshot.json", json.dumps(more).encode()))
    assert archive.read(tmp_path / "b").snapshot == snapshots.healthy()


@few
@examples(st.binary(max_size=400), st.integers(0, 300))
def test_damage_never_ends_in_a_traceback(noise, place):
    packed = bytearray(archive.packed(Contents(snapshots.healthy(), EMPTY)))
    packed[place : place + len(noise)] = noise
    with refused_in_words(CannotCheckError, "bundle: "):
        archive.unpacked(bytes(packed), "bundle")


# -- the commands ------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(capsys, monkeypatch):
    monkeypatch.delenv("AWS_REGION", raising=False)

    def _run(*arguments):
        with pytest.raises(SystemExit) as stop:
            cli.main([str(each) for each in arguments])
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return _run


@pytest.fixture
def file(tmp_path):
    snapshot = snapshots.crashed(snapshots.with_aws(snapshots.healthy(), oidc_provider=None))
    state = state_of(Occupied(machine(), (pod(owner=("", "")),)), pods=(pod(owner=("", ""), node="node-1"),))
    path = tmp_path / "bundle.tar.gz"
    archive.write(path, Contents(snapshot, state))
    return path


def test_check_works_offline_on_a_bundle(run, file):
    code, out, err = run("check", "--bundle", file, "--json")
    assert (code, err) == (1, "")
    assert json.loads(out)["takenAt"] == snapshots.NOW.isoformat()
    assert "role.oidc-provider" in {each["id"] for each in json.loads(out)["findings"] if each["status"] == "broken"}


def test_explain_works_offline_on_a_bundle(run, file):
    code, out, _ = run("explain", "node", "--bundle", file, "--json")
    assert code == 0
    assert json.loads(out)["nodes"][0]["reasons"][0]["rule"] == "NotReplicated"
    code, out, _ = run("explain", "pod", "shop/api-1", "--bundle", file)
    assert code == 0
    assert "The pod is on the node node-1." in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "--cluster", "a", "--region", "r"),
        ("check", "--wait", "5"),
        ("explain", "node", "--stack", "a"),
        ("explain", "pod", "a/b", "--context", "c"),
    ],
)
def test_a_bundle_and_a_cluster_at_once_are_refused(run, file, arguments):
    code, out, err = run(*arguments, "--bundle", file)
    assert (code, out) == (2, "")
    assert "Got --bundle and --" in err


def test_a_bundle_that_does_not_exist_is_reported(run):
    code, _, err = run("check", "--bundle", "/nowhere.tar.gz")
    assert code == 2
    assert "/nowhere.tar.gz: No such file" in err


def test_what_was_hidden_is_marked():
    assert without_secrets("password=hunter2secret") == f"password={HIDDEN}"


@pytest.mark.parametrize("line", json.loads((ROOT / "upstream.json").read_text()), ids=lambda each: each["rule"])
def test_every_line_by_which_a_symptom_is_known_survives(line):
    patterns = [symptom.pattern for symptom in SYMPTOMS if symptom.pattern.search(line["line"])]
    assert patterns
    assert all(pattern.search(without_secrets(line["line"])) for pattern in patterns)
