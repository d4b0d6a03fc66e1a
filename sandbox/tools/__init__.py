"""The programs that a sandbox runs: taken from ``PATH`` where they fit, else built once from pinned Go modules."""
