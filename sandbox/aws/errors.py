"""The one exception with which every handler of the emulated AWS refuses a request."""

from __future__ import annotations


class ApiError(Exception):
    """An error answer of an AWS API.

    Attributes:
        code: AWS's error code, such as ``ValidationError``; clients branch on it.
        message: What was given, what was expected.
        status: HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
