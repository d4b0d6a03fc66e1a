"""For all tests."""

import signal

# A shell that starts a command in the background makes it deaf to Ctrl-C, and so all that the command starts: tests
# that interrupt a process would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)
