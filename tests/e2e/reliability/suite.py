"""What every test of the reliability suite shares: who answers, and its row of the report."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ENGINE, PROVIDER, SERVER = "Pulumi engine", "Kubernetes provider", "Kubernetes API server"
"""Who answered, real in every run of this suite. Helm is part of the provider."""
DOCTOR = "the doctor"
AWS = "emulated AWS (aws plugin: stand-in)"
AUTOSCALER = "pods of the autoscaler (stand-in)"


class Finding:
    """What a test did to the system and what it saw: its row of the report.

    It travels as properties of the JUnit test case: `kind` is the table, `done`, `seen` and `answered` are columns, and
    so is every `figure: <name>`.
    """

    def __init__(self, record: Callable[[str, object], None]) -> None:
        self._record = record

    def done(self, kind: str, what: str, *answered: str) -> None:
        """Record it before it is done, so that a test that fails has its row as well.

        Args:
            kind: The kind of fault, which heads its table.
            what: What was done in this very test.
            answered: Whose answer decides: constants of this module.
        """
        self._record("kind", kind)
        self._record("done", what)
        self._record("answered", ", ".join(answered))

    def seen(self, what: str, **figures: object) -> None:
        """What came of it, in words, and figures by their names (`tries=2`)."""
        self._record("seen", what)
        for name, value in figures.items():
            self.figure(name.replace("_", " "), value)

    def figure(self, name: str, value: object) -> None:
        """One figure; numbers with a fraction are rounded to a tenth."""
        self._record(f"figure: {name}", f"{value:.1f}" if isinstance(value, float) else value)

    @contextmanager
    def timed(self, name: str = "seconds") -> Iterator[None]:
        """Records how many seconds the with-block took."""
        started = time.monotonic()
        yield
        self.figure(name, time.monotonic() - started)
