"""``ca-doctor bundle``: everything that the doctor reads in one redacted file, and the commands that work on it."""
