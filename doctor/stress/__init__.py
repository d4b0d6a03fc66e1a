"""Forces a scale-up and watches it come and go: a pure plan and timeline, a thin workload, a live view."""
