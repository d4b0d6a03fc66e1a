"""The metrics that the stand-in keeps, under Cluster Autoscaler's names."""

from __future__ import annotations

import threading

_PREFIX = "cluster_autoscaler_"


class Metrics:
    """Gauges and counters with labels. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}

    def set(self, name: str, value: float, **labels: str) -> None:
        """Sets a gauge."""
        with self._lock:
            self._values.setdefault(name, {})[tuple(sorted(labels.items()))] = value

    def add(self, name: str, value: float = 1, **labels: str) -> None:
        """Adds to a counter; its name ends in ``_total``."""
        with self._lock:
            series = self._values.setdefault(name, {})
            key = tuple(sorted(labels.items()))
            series[key] = series.get(key, 0) + value

    def render(self) -> str:
        """All of them in the Prometheus text format."""
        lines = []
        with self._lock:
            for name, series in sorted(self._values.items()):
                lines.append(f"# TYPE {_PREFIX}{name} {'counter' if name.endswith('_total') else 'gauge'}")
                for labels, value in sorted(series.items()):
                    inner = ",".join(f'{key}="{text}"' for key, text in labels)
                    lines.append(f"{_PREFIX}{name}{{{inner}}} {value:g}" if inner else f"{_PREFIX}{name} {value:g}")
        return "\n".join(lines) + "\n"
