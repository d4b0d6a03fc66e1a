"""The questions, a module each: how it is measured, and how the answer reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from benchmarks.options import Options
from benchmarks.parts import doctor, growth, preview, startup

Figures = dict[str, Any]


class Part(NamedTuple):
    """One question.

    Attributes:
        measure: Takes the figures.
        section: The figures as Markdown, below the part's heading.
        plots: The figures as SVG, by file name.
    """

    measure: Callable[[Options], Figures]
    section: Callable[[Figures], str]
    plots: Callable[[Figures], Mapping[str, str]] = lambda _figures: {}


PARTS: dict[str, Part] = {
    "preview": Part(preview.measure, preview.section),
    "growth": Part(growth.measure, growth.section, growth.plots),
    "doctor": Part(doctor.measure, doctor.section, doctor.plots),
    "sandbox": Part(startup.measure, startup.section),
}
