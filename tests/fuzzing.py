"""Running a property on many examples, and counting them."""

from collections import Counter

from hypothesis import given, settings

CASES = Counter()
"""How many cases ran, by what they are about."""


def ran(about, strategy, examples, judge):
    """How often examples of a strategy were judged how."""
    found = Counter()

    @settings(max_examples=examples)
    @given(strategy)
    def run(example):
        found[judge(example)] += 1

    run()
    CASES[about] += found.total()
    return found
