"""Refresh of the dated tables in ``components/pure/data`` from their public sources: ``make versions``.

``sources`` holds the network code and lets helm render charts, ``parsing`` turns what it read into facts, ``tables``
reads, compares and writes the tables, and ``refresh`` decides what changes.
A source that lost entries or does not parse stops the refresh.
"""
