"""Named numbers about results: what each is about, and the text that pages show.

A number is a dict, as workflow/numbers.yaml has it. It begins as an array of one of three kinds:

- of experiments: a ``quantity`` by experiment, learner, simulation and number of samples m, less
  that of the learner ``minus``; of the m that ``m`` says;
- of trees: one of ``reductions.TREES`` by shape, teacher, number of outputs and simulation; of
  those that ``where`` says;
- of what is found ``from_scratch``: one of ``storage.formats.FOUND`` by case, simulation and m; of
  so many ``candidates``, by default the most of each case.

How it is reduced to one value or several: see ``reductions``.
"""

import re
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95
"""Of every interval that figures and pages show."""

BLOCKS = ("trees", "from_scratch")
"""Kinds of numbers that are of a block of the configuration, and of no experiment."""

NONE = "none"
"""The text of a number that results do not have, such as a slope through an error of zero."""


class Value(NamedTuple):
    """What a number came to.

    Attributes:
        value: NaN where there is none.
        half: half of its confidence interval; NaN where none is asked for.
        bound: whether it is a lower bound, as some simulations never come down to a limit.
    """

    value: float
    half: float = np.nan
    bound: bool = False


# What a number is about.


def curves(number: dict) -> Iterator[tuple[str, str]]:
    """The (experiment, learner) pairs that a number is taken from; none for one of a block."""
    if "experiments" in number:
        learners = [*as_list(number["learners"]), *as_list(number.get("minus", []))]
        yield from product(as_list(number["experiments"]), learners)


def needed(found: dict[str, dict]) -> list[str]:
    """Names of the results that numbers are taken from, sorted: experiments and ``BLOCKS``."""
    names = {experiment for number in found.values() for experiment, _ in curves(number)}
    return sorted(names.union(*(number.keys() & BLOCKS for number in found.values())))


def m_range(number: dict) -> tuple[float, float]:
    """The first and the last m of a number."""
    m = number.get("m", [1, np.inf])
    return (m, m) if isinstance(m, int) else tuple(m)


def names(name: str, number: dict) -> dict[str, dict]:
    """The full names of a number, each with what it is of: several where it has lists.

    That is ``name`` alone, or ``name.experiment``, ``name.learner``, ``name.experiment.learner`` or
    ``name.case``.
    """
    if {"take", "count", "trees"} & number.keys():
        return {name: {}}
    keys = {"experiments": "experiment", "learners": "learner", "cases": "case"}
    if number.get("slope", "m") != "m":
        del keys["experiments"]
    lists = {to: number[key] for key, to in keys.items() if isinstance(number.get(key), list)}
    return {
        ".".join([name, *place]): dict(zip(lists, place, strict=True))
        for place in product(*lists.values())
    }


def as_list(given: str | int | list[str]) -> list:
    """One value or a list of several, as a list."""
    return given if isinstance(given, list) else [given]


# Text.


def text(number: dict, found: Value) -> str:
    """A value as pages show it: with so many ``digits`` after the point or ``significant`` ones."""
    if np.isnan(found.value):
        return NONE
    shown = _rounded(number, found.value)
    if found.bound:
        return f"≥ {shown}"
    return shown if np.isnan(found.half) else f"{shown} ± {_rounded(number, found.half)}"


def _rounded(number: dict, value: float) -> str:
    kind = f".{number['significant']}g" if "significant" in number else f".{number['digits']}f"
    return typeset(f"{value:z{kind}}")  # z: no minus sign before a zero


def typeset(text: str) -> str:
    """Numbers in a text as they are printed: with minus signs, and powers of ten for exponents."""
    raised = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

    def power(found):
        return "·10" + str(int(found[1])).translate(raised)

    text = re.sub(r"(?<=\d)e([+-]\d+)", power, text)
    return re.sub(r"(?<!\w)-(?=\d)", "−", text)


_NUMBER = r"\d[\d.]*(?:·10⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)?"
TEXT = rf"(?:≥ )?−?{_NUMBER}(?: ± {_NUMBER})?|{NONE}"
"""A regular expression of the texts."""
