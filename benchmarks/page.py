"""docs/benchmarks.md, from the figures that are committed next to it."""

from __future__ import annotations

import textwrap
from typing import Any

from benchmarks import figures
from benchmarks.parts import PARTS

PAGE = figures.FOLDER.parent / "benchmarks.md"

HEADINGS = {
    "preview": "Preview: what components, settings and checks add",
    "growth": "Growth: 1 to 200 node groups",
    "doctor": "The doctor on many node groups",
    "sandbox": "The sandbox's start",
}

_PLUGINS = "AWS is emulated, the aws plugin a stand-in"
ANSWERED = {
    "preview": f"the real Pulumi engine; {_PLUGINS}; no cluster is asked",
    "growth": f"the real Pulumi engine; by each up also the Kubernetes provider and API server; {_PLUGINS}",
    "doctor": "the real doctor and Kubernetes API server; AWS is emulated",
    "sandbox": f"the real Pulumi engine, Kubernetes provider and API server; {_PLUGINS}, the nodes and autoscaler too",
}
"""Who answered, by part."""

REAL_PROVIDER_SINCE = "2026-11-29"
"""Figures of an earlier day were taken with a stand-in for the Kubernetes provider."""

INTRODUCTION = """# Benchmarks

Written by `make bench`; one part again: `python -m benchmarks preview growth`. Everything runs in the sandbox.
The Pulumi engine, the Kubernetes provider and the Kubernetes API server are real. AWS is emulated on the same machine;
the aws and eks plugins, the nodes and the autoscaler's process are stand-ins. So these figures show the cost of program
and engine, not the time that AWS takes: a real `up` waits minutes for a cluster and its nodes. Compare ratios
within a run; seconds are those of one machine. Figures read *median (lowest-highest)*. CI guards counts of
resources and calls, not seconds (`tests/benchmarks`)."""


def write() -> None:
    """Write the page and its plots."""
    sections = figures.load()
    parts = [_part(name, sections[name]) for name in PARTS if name in sections]
    text = "\n\n".join([INTRODUCTION, *parts])
    PAGE.write_text("\n\n".join(map(_wrapped, text.split("\n\n"))) + "\n")
    for name in PARTS:
        if name in sections:
            for file, drawing in PARTS[name].plots(sections[name]["figures"]).items():
                (figures.FOLDER / file).write_text(drawing)


def _wrapped(block: str) -> str:
    """A paragraph in lines of the house's length; tables, pictures and headings as they are."""
    if block.startswith(("|", "!", "#")):
        return block
    return textwrap.fill(" ".join(block.split()), 120, break_long_words=False, break_on_hyphens=False)


def _part(name: str, section: dict[str, Any]) -> str:
    answered = f"Answered by {ANSWERED[name]}."
    if section["taken"]["date"] < REAL_PROVIDER_SINCE:
        answered += f" These figures are older than {REAL_PROVIDER_SINCE}: the Kubernetes provider was a stand-in then."
    machine = section["taken"]["machine"]
    body = PARTS[name].section(section["figures"])
    if machine["load"] > machine["cores"]:
        advice = "compare CPU seconds, not seconds" if "CPU seconds" in body else "an idle one is faster"
        answered += (
            f" The machine was busy, with a load of {machine['load']} on {machine['cores']} cores before the run: "
            f"{advice}."
        )
    return "\n\n".join([f"## {HEADINGS[name]}", answered, body, _taken(section["taken"])])


def _taken(taken: dict[str, Any]) -> str:
    machine = taken["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in taken["versions"].items())
    return (
        f"<sub>{taken['date']}, commit {taken['commit']}; {machine['cores']} cores ({machine['cpu']}), "
        f"{machine['memoryGib']} GiB, {machine['system']}, load {machine['load']} before; {versions}.</sub>"
    )
