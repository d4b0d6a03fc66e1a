"""For all tests."""

import signal

import hypothesis
import pytest

pytest_plugins = ["tests.reporting"]

# The same examples on every machine, however busy it is.
hypothesis.settings.register_profile(
    "house", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("house")

# A shell that starts a command in the background makes it deaf to Ctrl-C, and so all that the command starts: tests
# that interrupt a process would wait indefinitely.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Here, and not next to the suite, because pytest wants to know it whichever folder it is asked to run."""
    parser.addoption(
        "--form",
        choices=("short", "full"),
        default="short",
        help="form of the end-to-end tests: the short one of every day (default), or all of them",
    )
