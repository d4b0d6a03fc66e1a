"""Other tools that do the same job, each with its own pinned requirements, installed outside the work tree."""
