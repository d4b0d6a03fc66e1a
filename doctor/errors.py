"""The error that stops a command: reported without a traceback, with what to do."""


class CannotCheckError(Exception):
    """The cluster does not exist or cannot be reached: a wrong name, no credentials, an unreadable file."""
