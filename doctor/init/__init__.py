"""``ca-doctor init``: from a live cluster to the settings of a stack that adopts it."""
