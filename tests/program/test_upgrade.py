"""An upgrade replaces nothing: every resource of a released version keeps its URN, or is known by an alias.

A baseline ``baseline-<version>.json`` lists the URNs of each stack that ships at that release. It is written once, when
the version is made (``make baseline``), and never again.
"""

import json
import os
from pathlib import Path

import pulumi
import pytest
from pulumi.runtime.proto import resource_pb2

import components
from tests import cloud
from tests.program.test_program import STACKS, run_program

HERE = Path(__file__).parent
BASELINES = sorted(HERE.glob("baseline-*.json"))


class EngineMonitor(cloud._Monitor):
    """Names resources as the engine does, and keeps their aliases by URN."""

    aliases: dict[str, set[str]]

    def make_urn(self, parent, type_, name):
        # The types of all parents but the stack; Pulumi's mocks have one parent's.
        above = parent.split("::")[2] if parent else ""
        chain = type_ if above in ("", "pulumi:pulumi:Stack") else f"{above}${type_}"
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{chain}::{name}"

    def GetDeploymentInfo(self, request):  # noqa: N802 -- Pulumi's name
        info = super().GetDeploymentInfo(request)
        # The SDK then works a resource's own aliases out and sends them as URNs.
        info.supportedFeatures.remove(resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS)
        return info

    def RegisterResource(self, request):  # noqa: N802 -- Pulumi's name
        answer = super().RegisterResource(request)
        self.aliases[answer.urn] = {*request.aliasURNs, *self._inherited(request)}
        return answer

    def _inherited(self, request):
        """The engine gives the children of an aliased parent an alias: old name for new, where theirs begin with it."""
        parent = request.parent.rsplit("::", 1)[-1]
        for alias in self.aliases.get(request.parent, ()):
            begun = parent if request.name.startswith(parent) else ""
            name = (alias.rsplit("::", 1)[-1] if begun else "") + request.name.removeprefix(begun)
            yield self.make_urn(alias, request.type, name)


@pytest.fixture
def aliases(monkeypatch):
    """Aliases by URN, of the programs that the test runs."""
    found: dict[str, set[str]] = {}
    monkeypatch.setattr(EngineMonitor, "aliases", found, raising=False)
    monkeypatch.setattr(cloud, "_Monitor", EngineMonitor)
    return found


def urns(graph):
    return sorted(found.urn for found in graph.registrations)


def lost(before, now, aliases):
    return set(before) - set(now).union(*aliases.values())


def test_the_version_at_hand_has_a_baseline(aliases):
    path = HERE / f"baseline-{components.__version__}.json"
    if os.environ.get("RECORD_BASELINE") and not path.exists():
        path.write_text(json.dumps({stack: urns(run_program(stack)) for stack in STACKS}, indent=2) + "\n")
    assert path.exists(), "record the new version's baseline: make baseline"


@pytest.mark.parametrize("path", BASELINES, ids=lambda path: path.stem)
def test_no_resource_of_a_released_version_loses_its_identity(path, aliases):
    for stack, before in json.loads(path.read_text()).items():
        aliases.clear()
        kept = urns(run_program(stack))
        assert lost(before, kept, aliases) == set(), "give what was renamed or moved an alias"


def test_a_rename_loses_a_component_and_its_children_unless_an_alias_has_the_old_name(aliases):
    def program(name, options=None):
        parent = pulumi.ComponentResource("test:index:Parent", name, opts=options)
        pulumi.CustomResource("test:index:Child", f"{name}-child", opts=pulumi.ResourceOptions(parent=parent))

    before = urns(cloud.run(lambda: program("old")))
    renamed = urns(cloud.run(lambda: program("new")))
    assert lost(before, renamed, aliases) == set(before)
    cloud.run(lambda: program("new", pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")])))
    assert lost(before, renamed, aliases) == set()
