"""What stops a command before it can look: said without a traceback, with what to do."""


class CannotLookError(Exception):
    """There is nothing to examine, or no way to it: a wrong name, no credentials, an unreadable file."""
