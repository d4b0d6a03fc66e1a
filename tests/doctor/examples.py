"""How hard Hypothesis looks here: at few examples, and never at the clock, for these tests run beside many others."""

from hypothesis import settings

few = settings(max_examples=40, deadline=None)
