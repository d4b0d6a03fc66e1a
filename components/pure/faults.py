"""One error in what was given: its path, the value, and what is accepted."""

from typing import NamedTuple


class Fault(NamedTuple):
    """One thing wrong with what was given.

    Attributes:
        path: Its place, in camelCase as users write it: ``nodeGroups[0].minSize``.
        got: What was given, as the user would recognise it.
        expected: What is accepted, or what to do.
    """

    path: str
    got: str
    expected: str

    def under(self, prefix: str) -> "Fault":
        """The same fault seen from a level above: ``minSize`` under ``nodeGroups[0]``."""
        if not prefix:
            return self
        if not self.path:
            return self._replace(path=prefix)
        joint = "" if self.path.startswith("[") else "."
        return self._replace(path=f"{prefix}{joint}{self.path}")

    def __str__(self) -> str:
        """One line: path, what was given, what was expected."""
        return f"{self.path}: got {self.got}; expected {self.expected}"
