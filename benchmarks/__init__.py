"""The benchmark: one module per question, measured in sandboxes of its own; docs/benchmarks.md is the answer."""
