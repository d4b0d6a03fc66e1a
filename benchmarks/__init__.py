"""The benchmark: one module per question, measured in separate sandboxes; docs/benchmarks.md is the answer."""
