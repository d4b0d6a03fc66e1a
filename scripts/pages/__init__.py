"""Pages of the documentation that are made from the code, each by a module of its own."""
