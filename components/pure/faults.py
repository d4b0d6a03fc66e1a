"""A fault of what was given: where it stands, what it is, and what would have been right."""

from typing import NamedTuple


class Fault(NamedTuple):
    """One thing wrong with what was given.

    Attributes:
        path: Where it stands, in camelCase as users write it: ``nodeGroups[0].minSize``.
        got: What was given, as the user would recognise it.
        expected: What would have been right, or what to do.
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
