"""The first fix of every rule is well formed in every mode, with and without a stack; the table of them is complete."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from doctor.checks import all_rules, examine
from doctor.facts import Snapshot, Source
from doctor.findings import Status
from doctor.fixes import NOTE, PROGRAMS, command_of

from . import snapshots
from .first_fixes import NOT_TYPED, FirstFix, first_fixes, intent, typed, with_commands
from .test_further_faults import PLANTS as FURTHER
from .test_known_misconfigurations import PLANTS as KNOWN

FIXES = tuple({each.fix: each for each in first_fixes()}.values())
GLOBAL = {"region", "query", "max-items", "output"}
"""Options of the AWS CLI that every operation accepts."""
RENAMED = {"kubernetes-version": "version"}
"""Options that the AWS CLI names otherwise than the API (`awscli/customizations/argrename.py`)."""
VERBS = {
    "kubectl": {"annotate", "create", "delete", "describe", "edit", "get", "logs", "rollout", "scale", "set", "taint"},
    "helm": {"history", "rollback", "upgrade"},
    "pulumi": {"config", "up"},
    "curl": {"--fail"},
}
"""Subcommands that fixes use; those of kubectl, helm and pulumi are in their own help."""


def by_text(fix: FirstFix) -> str:
    return f"{fix.rule} {fix.mode} {'stack' if fix.stack else 'cluster'} {fix.plant}"


def commands(fix: str) -> Iterator[list[str]]:
    """Every command in a fix: the one to type, those in its note, and the one that ends advice."""
    for part in fix.split(NOTE):
        whole = part.removeprefix("or at once: ")
        if not command_of(whole):
            found = re.search(rf": ((?:{'|'.join(PROGRAMS)}|curl) .*)", whole)
            whole = found[1] if found else ""
        for command in re.split(r" && | \| ", whole) if whole else ():
            yield shlex.split(command)


@cache
def operations(service: str) -> Mapping[str, Any]:
    """The operations of a service by their names on the command line."""
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name, "-"): model.operation_model(name) for name in model.operation_names}


def assert_well_formed(words: list[str]) -> None:
    program, *rest = words
    assert not [word for word in words if re.fullmatch(r"(.*=)?(<.*>|[A-Z_]{3,})", word)], "a placeholder"
    if program == "aws":
        service, operation, *options = rest
        shape = operations(service)[operation].input_shape
        names = [word.removeprefix("--") for word in options if word.startswith("--")]
        given = {RENAMED.get(name, name) for name in names}
        known = {xform_name(name, "-") for name in shape.members}
        assert given <= known | GLOBAL
        assert {xform_name(name, "-") for name in shape.required_members} <= given
        assert ("region" in given) == (service != "iam")
    elif program in VERBS:
        verb = next(word for word in rest[2:] if rest[0] == "--namespace") if rest[0] == "--namespace" else rest[0]
        assert verb in VERBS[program]
    else:
        assert words == ["grep", "autoscaler"]


@pytest.mark.parametrize("fix", FIXES, ids=by_text)
def test_a_first_fix_is_a_command_that_can_be_typed_or_advice_in_a_sentence(fix: FirstFix):
    if fix.command:
        assert fix.command == fix.command.strip()
    else:
        assert re.match(r"[A-Z][a-z]+ ", fix.fix), "advice begins as a sentence"
    for words in commands(fix.fix):
        assert_well_formed(words)


@pytest.mark.parametrize("fix", [fix for fix in FIXES if fix.command], ids=by_text)
def test_the_command_of_a_fix_changes_something(fix: FirstFix):
    reading = {"describe", "get", "history", "logs", "edit"}
    for words in map(shlex.split, fix.command.split(" && ")):
        assert not reading & set(words[1:4])
        assert not [word for word in words[1:3] if word.startswith(("describe-", "list-", "get-"))]


@pytest.mark.parametrize("fix", [fix for fix in FIXES if "helm upgrade" in fix.fix], ids=by_text)
def test_helm_is_given_strings_because_kubernetes_rejects_an_annotation_that_is_none(fix: FirstFix):
    for words in commands(fix.fix):
        for option, value in pairwise(words):
            assert option != "--set" or value.endswith("=null")


@pytest.mark.parametrize(
    "fix", [fix for fix in FIXES if "helm upgrade" in fix.fix and "--install" not in fix.fix], ids=by_text
)
def test_an_upgrade_starts_from_the_defaults_of_the_chart_so_that_null_removes_a_value(fix: FirstFix):
    for words in commands(fix.fix):
        assert words[:2] != ["helm", "upgrade"] or "--reset-then-reuse-values" in words
        assert "--reuse-values" not in words


@pytest.mark.parametrize("fix", [fix for fix in first_fixes() if fix.stack], ids=by_text)
def test_a_fix_by_pulumi_names_the_stack_that_the_doctor_was_given(fix: FirstFix):
    for words in commands(fix.fix):
        # Some plants bring the intent of a selected stack, which has no name.
        if words[0] == "pulumi" and "--stack prod" in fix.fix:
            assert words[-2:] == ["--stack", "prod"]


def _elsewhere(value: Any) -> Any:
    """A value with its ARNs in the partition of China."""
    if isinstance(value, str):
        return type(value)(value.replace("arn:aws:", "arn:aws-cn:"))
    if isinstance(value, Mapping):
        return {_elsewhere(key): _elsewhere(each) for key, each in value.items()}
    if isinstance(value, tuple | list | frozenset):
        return type(value)(_elsewhere(each) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{each.name: _elsewhere(getattr(value, each.name)) for each in fields(value) if each.init}
        )
    return value


def _in_china(snapshot: Snapshot) -> Snapshot:
    moved: Snapshot = _elsewhere(snapshot)
    cluster = moved.aws.cluster
    return given if (given := snapshots.with_aws(moved, cluster=replace(cluster, partition="aws-cn"))) else moved


@pytest.mark.parametrize("stack", [False, True])
@pytest.mark.parametrize("mode", snapshots.MODES)
def test_every_arn_of_a_fix_is_in_the_partition_of_the_cluster(mode: Source, stack: bool):
    for plant in (*KNOWN, *FURTHER):
        snapshot = plant.spoil(snapshots.healthy(mode))
        known = replace(snapshot, intent=(snapshot.intent or intent(mode)) if stack else None)
        for finding in examine(_in_china(known)).findings:
            assert "arn:aws:" not in finding.fix, (plant.name, finding)


OF_THE_ANNOTATION = ("service-account.source", "service-account.role-arn")
"""Rules about a role that is annotated, or was, whatever the mode."""


@pytest.mark.parametrize("stack", [False, True])
@pytest.mark.parametrize("mode", [Source.POD_IDENTITY, Source.NODE_ROLE])
def test_no_fix_gives_a_role_in_the_way_of_another_mode(mode: Source, stack: bool):
    for plant in (*KNOWN, *FURTHER):
        snapshot = plant.spoil(snapshots.healthy(mode))
        if snapshot.aws.source is not mode:
            continue
        known = replace(snapshot, intent=intent(mode) if stack else None)
        for finding in examine(known).findings:
            if finding.status in (Status.BROKEN, Status.WARNING) and finding.rule.id not in OF_THE_ANNOTATION:
                assert "role-arn=" not in finding.fix, (plant.name, finding)
                assert mode is Source.POD_IDENTITY or "create-pod-identity-association" not in finding.fix


def test_every_rule_with_a_command_is_typed_or_has_a_reason():
    assert with_commands() - typed().keys() == NOT_TYPED.keys()


def test_every_typed_fix_is_of_a_rule():
    assert typed().keys() <= {rule.id for rule in all_rules()}
