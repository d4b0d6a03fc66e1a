"""Plots as SVG, the same for the same figures, byte by byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import leather

Points = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 720, 420


def lines(title: str, x_title: str, y_title: str, series: Mapping[str, Points]) -> str:
    """One line for each series through its points; both axes begin at zero."""
    ends = [max(values) for values in zip(*(point for points in series.values() for point in points), strict=True)]
    chart = leather.Chart(title)
    for add_scale, end in zip((chart.add_x_scale, chart.add_y_scale), ends, strict=True):
        add_scale(0, end)
    for name, points in series.items():
        chart.add_line(list(points), name=name)
    chart.add_x_axis(name=x_title)
    chart.add_y_axis(name=y_title)
    return f"{chart.to_svg(width=_WIDTH, height=_HEIGHT)}\n"
