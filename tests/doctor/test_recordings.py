"""What the doctor believes about Cluster Autoscaler, held against the real one: recordings of it, and its source.

``recordings/<version>/<scenario>/`` is what the real program did (``tests/e2e/doctor/record.py`` made it).
``recordings/upstream.json`` holds the lines that no scenario can produce, each with the place that produces it.
"""

import json
import re

import pytest

from components.pure import capacity_buffers, flag_needs, flags
from components.pure import versions as pure_versions
from doctor import access, symptoms
from doctor.arguments import PROCESS_FLAGS, parse_arguments
from doctor.checks import autoscaler
from doctor.facts import Access
from doctor.status import INITIALIZING, RUNNING, parse_go_time, parse_status

from .recordings import ROOT, Recording, help_text, recording, recordings, versions

UPSTREAM = json.loads((ROOT / "upstream.json").read_text())
HEALTHY = ("healthy", "scale-up", "scale-down", "startup-taint-known", "capacity-buffers-supplied", "capacity-buffer")
NEWEST = versions()[-1]

SHOWN_BY = {
    "link-annotation": "service-account.no-credentials",
    "link-trust": "role.trust-subject",
    "link-provider": "role.oidc-provider",
    "link-audience": "role.oidc-audience",
    "link-policy-read": "permissions.reads",
    "link-policy-read-later": "permissions.reads",
    "link-policy-node-group": "permissions.node-groups",
    "link-policy-launch-template": "permissions.reads",
    "link-policy-write": "permissions.writes",
    "link-policy-terminate": "permissions.writes",
    "rbac-informers": "pod.rbac",
    "rbac-old-chart": "pod.rbac",
    "capacity-buffers": "pod.flags",
    "capacity-buffers-denied": "pod.rbac",
    "capacity-buffers-no-rights": "pod.rbac",
    "rbac-nodes": "autoscaler.api-server-unreachable",
    "flag-unknown": "pod.flags",
    "never-joins": "groups.joining",
    "throttled": "autoscaler.throttled",
}
"""Scenario to the symptom that must see it."""


def alternatives(pattern: str) -> list[str]:
    """Split a regular expression at its outermost bars."""
    parts, depth = [""], 0
    for match in re.finditer(r"\\.|.", pattern):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if match[0] == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += match[0]
    return parts


def evidence(rule: str) -> list[str]:
    """Every line that may support a symptom: all recordings, and what upstream prints for its rule."""
    recorded = [line for each in recordings() for line in each.lines]
    return [*recorded, *(each["line"] for each in UPSTREAM if each["rule"] == rule)]


def seen_in(it: Recording) -> set[str]:
    """The symptoms whose pattern is in a recording."""
    return {s.rule.id for s in symptoms.SYMPTOMS if any(s.pattern.search(line) for line in it.lines)}


def test_alternatives_are_those_of_the_outermost_level():
    assert alternatives(r"a|(b|c)\||d") == ["a", r"(b|c)\|", "d"]


@pytest.mark.parametrize("symptom", symptoms.SYMPTOMS, ids=lambda symptom: symptom.rule.id)
def test_every_word_that_the_doctor_searches_for_is_recorded_or_in_the_source(symptom):
    lines = evidence(symptom.rule.id)
    for part in alternatives(symptom.pattern.pattern):
        assert any(re.search(part, line, re.IGNORECASE) for line in lines), part


def test_every_line_from_upstream_belongs_to_a_symptom_and_is_needed():
    for each in UPSTREAM:
        assert each["source"]
        patterns = [symptom.pattern for symptom in symptoms.SYMPTOMS if symptom.rule.id == each["rule"]]
        assert any(pattern.search(each["line"]) for pattern in patterns), each


@pytest.mark.parametrize("it", recordings(), ids=lambda it: f"{it.version}-{it.scenario}")
def test_a_scenario_shows_its_symptom(it):
    wanted = SHOWN_BY.get(it.scenario)
    found = seen_in(it)
    assert wanted is None or wanted in found
    assert it.scenario not in HEALTHY or found == set()


@pytest.mark.parametrize("it", recordings(), ids=lambda it: f"{it.version}-{it.scenario}")
def test_the_doctor_reads_every_recorded_status(it):
    if it.status is None:
        return
    status = parse_status(it.status["data"]["status"])
    written = parse_go_time(it.status["annotations"]["cluster-autoscaler.kubernetes.io/last-updated"])

    assert status.phase in (INITIALIZING, RUNNING)
    assert written is not None
    assert status.written_at is not None


@pytest.mark.parametrize("version", versions())
def test_the_status_of_a_healthy_autoscaler_has_its_groups_and_sizes(version):
    status = parse_status(recording(version, "healthy").status["data"]["status"])

    assert (status.phase, status.cluster.health) == (RUNNING, "Healthy")
    workers = next(group for group in status.groups if "-workers-" in group.name)
    assert (workers.min, workers.max, workers.target, workers.ready) == (1, 3, 1, 1)


@pytest.mark.parametrize("version", versions())
def test_a_backed_off_group_shows_its_error(version):
    status = parse_status(recording(version, "link-policy-write").status["data"]["status"])
    errors = [group.error for group in status.groups if group.scale_up == "Backoff"]
    assert any("autoscaling:SetDesiredCapacity" in error for error in errors), errors


@pytest.mark.parametrize("version", versions())
def test_a_refresh_of_the_groups_that_fails_leaves_the_old_status(version):
    it = recording(version, "link-policy-read-later")
    failed = [line for line in it.log if "Failed to refresh cloud provider config" in line]
    written = parse_go_time(it.status["annotations"]["cluster-autoscaler.kubernetes.io/last-updated"])

    assert failed
    assert written
    assert f"{written:%H:%M:%S}" < failed[0].split(" ")[1]


@pytest.mark.parametrize("version", versions())
def test_without_the_discovery_tag_there_are_no_groups_and_no_error(version):
    it = recording(version, "link-tag")
    assert parse_status(it.status["data"]["status"]).groups == ()
    assert not [line for line in it.log if line.startswith("E") and "reflector" not in line]


@pytest.mark.parametrize("version", versions())
def test_the_doctor_knows_why_a_node_stays(version):
    lines = recording(version, "scale-down-blocked").log
    reasons = [match["reason"] for line in lines if (match := autoscaler._UNREMOVABLE.search(line))]

    for known in (autoscaler._LOCAL_STORAGE, autoscaler._SYSTEM_POD, autoscaler._BUDGET, "not safe to evict"):
        assert any(known in reason for reason in reasons), known
    assert any("is not replicated" in reason for reason in reasons)


# -- flags -----------------------------------------------------------------------------------------------------------

_FLAG = re.compile(r"^ +(?:-\w, )?--(?P<name>[\w-]+)(?:\[=\S+\])?(?: (?P<type>\w+)(?= ))?(?= )", re.MULTILINE)
_TYPES = {
    "String": "string",
    "Bool": None,
    "Int": "int",
    "Float64": "float",
    "Duration": "duration",
    "StringSlice": "strings",
}


@pytest.mark.parametrize("version", versions())
def test_the_table_of_flags_is_what_the_program_prints(version):
    minor = pure_versions.parse_minor(version)
    printed = {match["name"]: match["type"] for match in _FLAG.finditer(help_text(version))}
    table = {name: kind for name, (kind, defaults) in flags.table().items() if minor in defaults}

    assert table.keys() - printed.keys() == set()
    of_libraries = printed.keys() - table.keys()
    assert flags.LIBRARY_FLAGS.keys() <= of_libraries <= PROCESS_FLAGS.keys()
    plain = of_libraries - {"vmodule"}  # of the type pattern=N,...
    for kind, types in {"Bool": {None}, "Int": {"uint", "Level"}, "Duration": {"duration"}}.items():
        assert {name for name in plain if PROCESS_FLAGS[name] == kind} == {
            name for name in plain if printed[name] in types
        }
    wrong = {name: (kind, printed[name]) for name, kind in table.items() if kind in _TYPES and name in printed}
    assert {name: pair for name, pair in wrong.items() if _TYPES[pair[0]] != pair[1]} == {}


# -- RBAC ------------------------------------------------------------------------------------------------------------

_FORBIDDEN = re.compile(r"(?P<resource>[a-z]+)(?:\.(?P<group>[a-z0-9.-]+))? is forbidden: User \S+ cannot list")


@pytest.mark.parametrize("version", versions())
def test_the_rights_that_the_doctor_names_are_those_that_the_program_lacks_without_any(version):
    it = recording(version, "rbac-informers")
    missed = {(m["group"] or "", m["resource"]) for line in it.log if (m := _FORBIDDEN.search(line))}
    minor = pure_versions.parse_minor(version)
    assert minor
    needed = {
        (right.group, right.resource) for right in access.needs(minor, parse_arguments([])) if right.verb == "list"
    }
    assert missed == needed - {("", "nodes")}, "the scenario allows nodes"


@pytest.mark.parametrize("version", versions())
def test_without_a_right_the_recorded_releases_wait_indefinitely(version):
    it = recording(version, "rbac-old-chart")
    assert it.logged("Waiting for caches to sync") or it.logged("blocking until caches are synced")
    assert it.status is None or parse_status(it.status["data"]["status"]).phase == INITIALIZING


# -- flags that need something ---------------------------------------------------------------------------------------

_BUFFERS = {"capacity-buffer-controller-enabled": "true", "capacity-buffer-pod-dry-run-enabled": "false"}
"""The second flag is not in the scenarios that have no buffer: nothing is dry-run there."""
_BUFFER_VERSION = (1, 36, 1)
_CHART = (9, 59, 0)
"""The chart that the stand-in's ClusterRole followed when these scenarios were recorded."""
_UNKNOWN = re.compile(r"could not find the requested resource \(get (?P<resource>[a-z]+)\.(?P<group>[a-z0-9.-]+)\)")


def buffers(scenario):
    """A recording with capacity buffers on."""
    return recording(pure_versions.dotted(_BUFFER_VERSION), scenario)


def complaint(it):
    """The errors that the components report for the flag, with the values that the scenario supplies."""
    return " ".join(map(str, flag_needs.need_faults(_BUFFERS, _BUFFER_VERSION, _CHART, it.values)))


def missed(it, pattern):
    """The resources that the program could not list."""
    return {(m["group"] or "", m["resource"]) for line in it.log if (m := pattern.search(line))}


def needed(keep):
    """The resources that the table names for the flag."""
    wanted = flag_needs.needs(_BUFFERS, _BUFFER_VERSION[:2])
    return {(need.group, need.resource) for need in wanted if keep(need)}


@pytest.mark.parametrize(
    ("scenario", "pattern", "missing"),
    [
        ("capacity-buffers", _UNKNOWN, lambda need: need.definition),
        ("capacity-buffers-denied", _FORBIDDEN, lambda need: need.chart is None or need.chart > _CHART),
        ("capacity-buffers-no-rights", _FORBIDDEN, lambda need: not need.definition),
    ],
)
def test_the_program_hangs_without_what_the_table_requires_for_capacity_buffers(scenario, pattern, missing):
    it = buffers(scenario)

    assert missed(it, pattern) == needed(missing) != set()
    assert it.status is None or parse_status(it.status["data"]["status"]).phase == INITIALIZING
    assert not it.logged("Starting main loop")
    assert not [line for line in it.log if line.startswith("F")], "it waits, it does not crash"
    assert "wait indefinitely" in complaint(it)


def test_the_program_runs_with_what_the_components_accept_for_capacity_buffers():
    it = buffers("capacity-buffers-supplied")

    assert complaint(it) == ""
    assert missed(it, _UNKNOWN) | missed(it, _FORBIDDEN) == set()
    assert parse_status(it.status["data"]["status"]).phase == RUNNING
    assert it.logged("Starting main loop")


def conditions(it):
    """The conditions of the one buffer in a recording."""
    (buffer,) = json.loads((ROOT / it.version / it.scenario / "buffers.json").read_text())
    return {each["type"]: (each["status"], each["message"]) for each in buffer["status"]["conditions"]}


def test_no_buffer_is_ready_without_the_right_to_create_pods_that_the_components_require():
    it = buffers("capacity-buffers-dry-run")
    requested = dict.fromkeys(flag_needs.BUFFER_FLAGS, "true")

    status, message = conditions(it)["ReadyForProvisioning"]
    assert status == "False"
    assert 'cannot create resource "pods"' in message
    faults = flag_needs.need_faults(requested, _BUFFER_VERSION, _CHART, it.values)
    assert [fault.path for fault in faults] == [flag_needs.DRY_RUN_FLAG]
    words = [f"--{flag}={value}" for flag, value in requested.items()]
    wanted = access.needs(_BUFFER_VERSION[:2], parse_arguments(words))
    assert Access("create", "pods") in wanted, "the doctor asks for the right, too"


def test_a_buffer_as_the_components_make_it_brings_nodes_without_pods_and_gives_them_to_a_burst():
    it = buffers("capacity-buffer")

    assert it.values["rbac"]["additionalRules"] == capacity_buffers.RULES
    assert conditions(it)["ReadyForProvisioning"][0] == conditions(it)["Provisioning"][0] == "True"
    (event,) = [each for each in it.events if each.kind == capacity_buffers.KIND]
    assert event.message.startswith("capacity buffer 3 fake pods triggered scale-up: [{eks-spread-")
    sizes = [each.message for each in it.events if "size set to" in each.message]
    assert ["size set to 3 instead of 0" in sizes[0], "size set to 6 instead of 3" in sizes[1]] == [True, True]
